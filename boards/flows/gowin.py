"""Gowin LittleBee and Arora: yosys → nextpnr-himbaechel → gowin_pack (Apicula)."""

from __future__ import annotations

from boards.flows import nextpnr
from boards.flows.flow import Job

_FAMILIES = {"GW1NR-LV9": ("GW1N-9C", "gw1n"), "GW2AR-LV18": ("GW2A-18C", "gw2a")}
"""Beginning of the part's name → family as nextpnr and Apicula call it, and as yosys does."""


def _family(job: Job) -> tuple[str, str]:
    return next(names for start, names in _FAMILIES.items() if job.board.part.startswith(start))


def _place(job: Job) -> tuple[str, ...]:
    device = ("--device", job.board.part, "--vopt", f"family={_family(job)[0]}", "--vopt", "cst=board.cst")
    # nextpnr does not derive the PLL's frequency: every clock gets the core's
    return (*device, "--freq", f"{float(job.clock.mhz):.6f}", "--write", nextpnr.PLACED)


def constraints(job: Job) -> dict[str, str]:
    """CST: sites and I/O attributes."""
    assert job.pins
    lines = []
    for port, pin in job.pins.ports.items():
        attributes = " ".join(f"{key}={value}" for key, value in pin.attributes)
        lines += [f'IO_LOC "{port}" {pin.site};', f'IO_PORT "{port}" {attributes};']
    return {"board.cst": "\n".join(lines) + "\n"}


def _pack(job: Job) -> tuple[str, ...]:
    # the LEDs and buttons of the Tang boards lie on pins that the configuration port would keep
    return ("--sspi_as_gpio", "--mspi_as_gpio", "-c", "-d", _family(job)[0], "-o", "board.fs", nextpnr.PLACED)


FLOW = nextpnr.flow(
    nextpnr.PlacedFamily(
        placer="nextpnr-himbaechel-gowin",
        packer="gowin_pack",
        bitstream="board.fs",
        synthesis=lambda job: f"-family {_family(job)[1]}",
        place=_place,
        placed=nextpnr.PLACED,
        pack=_pack,
        constraints=constraints,
        counted={"lut": ("LUT4",), "ff": ("DFF",), "bram": ("BSRAM",), "dsp": ("MULT18X18", "MULT9X9")},
    )
)
