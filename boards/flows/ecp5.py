"""ECP5: yosys → nextpnr-ecp5 → ecppack."""

from __future__ import annotations

import re

from boards.flows import nextpnr
from boards.flows.flow import Job

_PART = re.compile(r"(?P<device>LFE5U-\d+F)-(?P<speed>\d)(?P<package>BG|MG)(?P<balls>\d+)")
_PACKAGES = {"BG": "CABGA", "MG": "CSFBGA"}
_DEVICES = {"LFE5U-12F": "--12k", "LFE5U-25F": "--25k", "LFE5U-45F": "--45k", "LFE5U-85F": "--85k"}
_CONFIG = "board.config"
_PLACER = ("--placer", "static")  # the default one puts some cells far from all others where a device is half full


def _place(job: Job) -> tuple[str, ...]:
    part = _PART.match(job.board.part)
    assert part, job.board.part
    device = (
        _DEVICES[part["device"]],
        "--package",
        f"{_PACKAGES[part['package']]}{part['balls']}",
        "--speed",
        part["speed"],
    )
    return (*device, *_PLACER, "--lpf", "board.lpf", "--textcfg", _CONFIG)


def constraints(job: Job) -> dict[str, str]:
    """LPF: sites, I/O attributes and the oscillator's frequency, from which nextpnr derives the PLL's outputs."""
    assert job.pins
    lines = ["BLOCK RESETPATHS;", "BLOCK ASYNCPATHS;"]
    for port, pin in job.pins.ports.items():
        attributes = " ".join(f"{key}={value}" for key, value in pin.attributes)
        lines += [f'LOCATE COMP "{port}" SITE "{pin.site}";', f'IOBUF PORT "{port}" {attributes};']
    lines.append(f'FREQUENCY PORT "clk_pin" {float(job.pins.oscillator_mhz):g} MHZ;')
    return {"board.lpf": "\n".join(lines) + "\n"}


FLOW = nextpnr.flow(
    nextpnr.PlacedFamily(
        placer="nextpnr-ecp5",
        packer="ecppack",
        bitstream="board.bit",
        synthesis=lambda job: "",
        place=_place,
        placed=_CONFIG,
        pack=lambda job: ("--compress", "--input", _CONFIG, "--bit", "board.bit"),
        constraints=constraints,
        counted={"lut": ("TRELLIS_COMB",), "ff": ("TRELLIS_FF",), "bram": ("DP16KD",), "dsp": ("MULT18X18D",)},
    )
)
