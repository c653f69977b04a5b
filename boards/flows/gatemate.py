"""GateMate: yosys → nextpnr-himbaechel → gmpack.

A core supply of 1.0 V is assumed ("economy"), and the slowest corner: boards with a higher supply are faster.
"""

from __future__ import annotations

from boards.board import Pin
from boards.flows import nextpnr
from boards.flows.flow import Job

_CONFIG = "board.config"
_ECONOMY, _WORST = "fpga_mode=2", "time_mode=3"
# nextpnr gives names to the cells that a route leads through by recursion, which overflows its stack in WebAssembly
_PLAIN = ("no-bridges", "no-cpe-cp")


def _place(job: Job) -> tuple[str, ...]:
    options = (_ECONOMY, _WORST, "ccf=board.ccf", f"out={_CONFIG}", *_PLAIN)
    device = ("--device", job.board.part, *(word for option in options for word in ("--vopt", option)))
    # the PLL's output gets the frequency that was asked of it; the oscillator's own clock drives nothing
    return (*device, "--router", "router2", "--freq", f"{float(job.clock.mhz):.6f}")


def constraints(job: Job) -> dict[str, str]:
    """CCF: pads and I/O attributes."""
    assert job.pins
    lines = [f'NET "{port}" Loc = "{pin.site}"{_attributes(pin)};' for port, pin in job.pins.ports.items()]
    return {"board.ccf": "\n".join(lines) + "\n"}


def _attributes(pin: Pin) -> str:
    return "".join(f" | {key}={value}" for key, value in pin.attributes)


FLOW = nextpnr.flow(
    nextpnr.PlacedFamily(
        placer="nextpnr-himbaechel-gatemate",
        packer="gmpack",
        bitstream="board.bit",
        synthesis=lambda job: "",
        place=_place,
        placed=_CONFIG,
        pack=lambda job: (_CONFIG, "board.bit"),
        constraints=constraints,
        counted={"lut": ("CPE_LT",), "ff": ("CPE_FF",), "bram": ("RAM_HALF",)},
    )
)
