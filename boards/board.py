"""Boards as plain data. Pins are read from amaranth-boards (`boards.pins`) where it has the board."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from accel.errors import UserError
from accel.target import TARGETS, Cells

PLATFORMS = {"xilinx_u55c_gen3x16_xdma_3_202210_1": "xcu55c-fsvh2892-2L-e"}
"""Platform of an accelerator card → the device on it."""
FLOWS = ("ecp5", "ice40", "gowin", "gw5a", "gatemate", "vivado", "zynq", "vitis", "quartus")
"""Tool flows: modules of boards/flows/."""
_AXI = ("zynq", "vitis")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PART = re.compile(r"[A-Za-z0-9_./-]+")
Signal = tuple[str, int] | tuple[str, int, str]
"""An amaranth-boards resource: name, number and, where it has parts, the part."""


@dataclass(frozen=True)
class Pin:
    """One package pin and its I/O attributes; `inverted` pins are active low."""

    site: str
    attributes: tuple[tuple[str, str], ...] = ()
    inverted: bool = False


@dataclass(frozen=True)
class Pinout:
    """Ports of the board top → pins, and the oscillator's frequency."""

    ports: dict[str, Pin]
    oscillator_mhz: Fraction


@dataclass(frozen=True)
class Amaranth:
    """Where amaranth-boards has the pins: `platform` is (module, class). `high` are outputs that have to be 1."""

    platform: tuple[str, str]
    clock: Signal
    uart: Signal
    reset: Signal
    led: Signal
    high: tuple[Signal, ...] = ()


@dataclass(frozen=True)
class Board:
    """One FPGA board. `part` is the device as the tools of its `flow` call it, `target` its family in `accel.target`.

    A board without `pins` has no oscillator and serial port of its own: its processor or host reaches the core over
    AXI and divides the core clock from `source_mhz`. `clock_mhz` is the default core clock.
    `loader` is what openFPGALoader calls the board, if it loads the bitstreams of its flow, and `loader_since` the
    first version of it that knows the board; `loading` says how a bitstream is loaded without it. `usb` says which
    socket to use, or which adapter on which pins. `source` is the file that a board was read from, if it is not one of
    a package.

    Raises UserError when a field cannot be right.
    """

    name: str
    title: str
    flow: str
    target: str
    part: str
    capacity: Cells
    clock_mhz: float
    pins: Amaranth | Pinout | None = None
    source_mhz: int = 0
    baud: int = 1_000_000
    loader: str = ""
    loader_since: str = ""
    usb: str = ""
    loading: str = ""
    aliases: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse what would fail later, in a tool."""
        wrong = [
            (not _NAME.fullmatch(self.name), f"name {self.name!r} is not made of a-z, 0-9 and single dashes"),
            (self.flow not in FLOWS, f"there is no flow {self.flow!r}; there are {', '.join(FLOWS)}"),
            (self.target not in TARGETS, f"there is no target {self.target!r}; there are {', '.join(TARGETS)}"),
            (not _PART.fullmatch(self.part), f"part {self.part!r} is no name of a device"),
            (not _is_device(self.capacity), f"capacity is {self.capacity}; give Cells(lut=…, ff=…, bram=…, dsp=…)"),
            (self.clock_mhz <= 0, f"clock_mhz is {self.clock_mhz}, it has to be above 0"),
            (self.pins is None and self.flow not in _AXI, f"flow {self.flow} needs pins"),
        ]
        for is_wrong, reason in wrong:
            if is_wrong:
                raise UserError(f"board {self.name}: {reason}")

    @property
    def device(self) -> str:
        """Part number of the FPGA; Vitis calls a card by its platform instead."""
        return PLATFORMS.get(self.part, self.part)


def _is_device(capacity: object) -> bool:
    """Are these cells of a device: whole numbers, some look-up tables, and no carry cells of their own?"""
    if not isinstance(capacity, Cells) or capacity.carry:
        return False
    amounts = capacity.limited.values()
    return all(type(amount) is int and amount >= 0 for amount in amounts) and capacity.lut > 0
