"""iCE40: yosys → nextpnr-ice40 → icepack."""

from __future__ import annotations

from collections import Counter
from typing import Any

from boards.board import Pin
from boards.flows import nextpnr
from boards.flows.flow import Job

_DEVICES = {"iCE40UP5K": "--up5k"}
_TEXT = "board.asc"


def _place(job: Job) -> tuple[str, ...]:
    device, package = job.board.part.split("-")
    return (_DEVICES[device], "--package", package.lower(), "--pcf", "board.pcf", "--asc", _TEXT)


def constraints(job: Job) -> dict[str, str]:
    """PCF: sites, pull-ups and the oscillator's frequency, from which nextpnr derives the PLL's output."""
    assert job.pins
    lines = [f"set_io {_pull(pin)}{port} {pin.site}" for port, pin in job.pins.ports.items()]
    lines.append(f"set_frequency clk_pin {float(job.pins.oscillator_mhz):g}")
    return {"board.pcf": "\n".join(lines) + "\n"}


def _pull(pin: Pin) -> str:
    return "-pullup yes " if ("PULLUP", "1") in pin.attributes else ""


def logic_cells(netlist: dict[str, Any]) -> int:
    """How many a module of yosys' JSON takes: a flip-flop shares one with a LUT that drives nothing else."""
    cells = list(netlist["cells"].values())
    ends = Counter(bit for cell in cells for port, bits in cell["connections"].items() for bit in bits)
    ends.update(bit for port in netlist["ports"].values() for bit in port["bits"])
    luts = {cell["connections"]["O"][0] for cell in cells if cell["type"] == "SB_LUT4"}
    flops = [cell["connections"]["D"][0] for cell in cells if cell["type"].startswith("SB_DFF")]
    return len(luts) + sum(bit not in luts or ends[bit] > 2 for bit in flops)


FLOW = nextpnr.flow(
    nextpnr.PlacedFamily(
        placer="nextpnr-ice40",
        packer="icepack",
        bitstream="board.bin",
        synthesis=lambda job: "",
        place=_place,
        placed=_TEXT,
        pack=lambda job: (_TEXT, "board.bin"),
        constraints=constraints,
        packed=logic_cells,
        counted={"lut": ("ICESTORM_LC",), "bram": ("ICESTORM_RAM",), "dsp": ("ICESTORM_DSP",)},
    )
)
