"""Pins of a board: its own, or read from amaranth-boards."""

from __future__ import annotations

from fractions import Fraction
from importlib import import_module
from typing import TYPE_CHECKING

from accel.errors import ToolError, UserError
from boards.board import Amaranth, Board, Pin, Pinout, Signal

if TYPE_CHECKING:
    from amaranth.build import Platform, Resource


def pinout(board: Board) -> Pinout:
    """Every signal that the board top uses.

    Raises UserError for a board without pins of its own, ToolError when amaranth-boards does not have a signal.
    """
    if board.pins is None:
        raise UserError(f"board {board.name} has no serial port of its own: its core is reached over AXI")
    return board.pins if isinstance(board.pins, Pinout) else _read(board.name, board.pins)


def _read(board: str, pins: Amaranth) -> Pinout:
    module, name = pins.platform
    try:
        platform = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        raise ToolError(f"board {board}: {module}.{name} not found; pip install 'accel-fpga[fpga]'") from None
    signals: dict[str, Signal] = {
        "clk_pin": pins.clock,
        "reset_pin": pins.reset,
        "rx_pin": (pins.uart[0], pins.uart[1], "rx"),
        "tx_pin": (pins.uart[0], pins.uart[1], "tx"),
        "led_pin": pins.led,
        **{f"high{index}_pin": signal for index, signal in enumerate(pins.high)},
    }
    ports = {port: _pin(platform, signal) for port, signal in signals.items()}
    return Pinout(ports, Fraction(_resource(platform, pins.clock).clock.frequency) / 1_000_000)


def _resource(platform: type[Platform], signal: Signal) -> Resource:
    for resource in platform.resources:
        if (resource.name, resource.number) == signal[:2]:
            return resource
    raise ToolError(f"{platform.__name__} of amaranth-boards has no resource {signal[0]} {signal[1]}")


def _pin(platform: type[Platform], signal: Signal) -> Pin:
    resource = _resource(platform, signal)
    attributes = dict(resource.attrs)
    pins = resource.ios[0]
    if len(signal) == 3:
        part = next((io for io in resource.ios if io.name == signal[2]), None)
        if part is None:
            raise ToolError(f"{platform.__name__} of amaranth-boards: {signal[0]} {signal[1]} has no {signal[2]}")
        attributes |= part.attrs
        pins = part.ios[0]
    return Pin(pins.names[0], tuple(sorted((key, str(value)) for key, value in attributes.items())), pins.invert)
