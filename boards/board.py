"""What a board is: plain data. Pins are not copied here but read from amaranth-boards (`boards.pins`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Signal = tuple[str, int] | tuple[str, int, str]
"""An amaranth-boards resource: name, number and, where it has parts, the part."""


@dataclass(frozen=True)
class Resources:
    """Of a device or used by a design: `lut4` counts the device's own LUTs (6-input ones on 7-series)."""

    lut4: int
    ff: int
    bram: int
    dsp: int


@dataclass(frozen=True)
class Board:
    """One FPGA board. `high` are outputs driven to 1 for the board's own sake; `clock_mhz` the default core clock."""

    name: str
    title: str
    platform: tuple[str, str]
    flow: Literal["ecp5", "vivado"]
    capacity: Resources
    clock: Signal
    uart: Signal
    reset: Signal
    led: Signal
    clock_mhz: float
    baud: int
    aliases: tuple[str, ...] = ()
    high: tuple[Signal, ...] = ()
