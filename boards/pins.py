"""Pins of a board, read from amaranth-boards."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from typing import Any

from accel.errors import ToolError
from boards.board import Board, Signal


@dataclass(frozen=True)
class Pin:
    """One package pin and its I/O attributes; `inverted` pins are active low."""

    site: str
    attributes: tuple[tuple[str, str], ...]
    inverted: bool


@dataclass(frozen=True)
class Pinout:
    """Ports of the board top → pins, the oscillator's frequency, and the device as its vendor calls it."""

    ports: dict[str, Pin]
    oscillator_mhz: Fraction
    device: str
    package: str
    speed: str


def pinout(board: Board) -> Pinout:
    """Look up every signal that the board top uses. Raises ToolError when amaranth-boards does not have it."""
    module, name = board.platform
    try:
        platform = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        raise ToolError(f"board {board.name}: {module}.{name} not found; pip install amaranth-boards") from None
    signals: dict[str, Signal] = {
        "clk_pin": board.clock,
        "reset_pin": board.reset,
        "rx_pin": (board.uart[0], board.uart[1], "rx"),
        "tx_pin": (board.uart[0], board.uart[1], "tx"),
        "led_pin": board.led,
        **{f"high{index}_pin": signal for index, signal in enumerate(board.high)},
    }
    ports = {port: _pin(platform, signal) for port, signal in signals.items()}
    frequency = Fraction(_resource(platform, board.clock).clock.frequency) / 1_000_000
    return Pinout(ports, frequency, platform.device, platform.package, platform.speed)


def _resource(platform: Any, signal: Signal) -> Any:
    for resource in platform.resources:
        if (resource.name, resource.number) == signal[:2]:
            return resource
    raise ToolError(f"{platform.__name__} of amaranth-boards has no resource {signal[0]} {signal[1]}")


def _pin(platform: Any, signal: Signal) -> Pin:
    resource = _resource(platform, signal)
    attributes = dict(resource.attrs)
    pins = resource.ios[0]
    if len(signal) == 3:
        part = next((io for io in resource.ios if io.name == signal[2]), None)
        if part is None:
            raise ToolError(f"{platform.__name__} of amaranth-boards: {signal[0]} {signal[1]} has no {signal[2]}")
        attributes |= part.attrs
        pins = part.ios[0]
    return Pin(pins.names[0], tuple(sorted(attributes.items())), pins.invert)
