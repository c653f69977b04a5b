"""Gowin Arora V (GW5A): the flow of the other Gowin families with another PLL and other configuration pins."""

from __future__ import annotations

from boards.flows import gowin, nextpnr
from boards.flows.flow import Job

_DEVICES = {"GW5A-LV25": "GW5A-25A", "GW5AST-LV138": "GW5AST-138C"}
"""Beginning of the part's name → device as Apicula calls it."""


def _place(job: Job) -> tuple[str, ...]:
    device = ("--device", job.board.part, "--vopt", "cst=board.cst", "--vopt", "sspi_as_gpio")
    # nextpnr does not derive the PLL's frequency: every clock gets the core's
    return (*device, "--freq", f"{float(job.clock.mhz):.6f}", "--write", nextpnr.PLACED)


def _pack(job: Job) -> tuple[str, ...]:
    device = next(name for start, name in _DEVICES.items() if job.board.part.startswith(start))
    # oscillator and LED of the Tang Primer 25K lie on pins that the configuration ports would keep
    pins = ("--sspi_as_gpio", "--cpu_as_gpio", "--ready_as_gpio", "--done_as_gpio")
    return (*pins, "-d", device, "-o", "board.fs", nextpnr.PLACED)


FLOW = nextpnr.flow(
    nextpnr.PlacedFamily(
        placer="nextpnr-himbaechel-gowin",
        packer="gowin_pack",
        bitstream="board.fs",
        synthesis=lambda job: "",
        place=_place,
        placed=nextpnr.PLACED,
        pack=_pack,
        constraints=gowin.constraints,
        counted={"lut": ("LUT4",), "ff": ("DFF",), "bram": ("BSRAM",)},
    )
)
