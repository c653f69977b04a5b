"""The text of an engine's top module: the units that a program needs, and the wires between them.

What belongs to a beat travels beside it in a line of registers, `beats`; what belongs to a result in another one,
`results`. A field of either is a wire with the number of cycles at its end: op_3 is op three cycles after the issue,
r_index_2 the index of a result two cycles after it entered the rounding.
"""

from __future__ import annotations

from collections.abc import Mapping

from accel.hardware import Long
from hls.engine.fields import Fields


class Line:
    """A line of registers with named fields: `wires` are the ones that were asked for."""

    def __init__(self, name: str, prefix: str, fields: Fields) -> None:
        self.name, self.prefix, self.fields = name, prefix, fields
        self.width = sum(fields.values())
        self.stages = 1
        self.wires: dict[str, str] = {}

    def at(self, stage: int, field: str) -> str:
        """The wire of a field, `stage` registers behind the beginning of the line."""
        wire, offset = f"{self.prefix}{field}_{stage}", 0
        for name, bits in self.fields.items():
            if name == field:
                break
            offset += bits
        low = (stage - 1) * self.width + offset
        self.stages = max(self.stages, stage)
        self.wires[wire] = f"    wire {bus(self.fields[field])}{wire} = {self.name}[{low}+:{self.fields[field]}];"
        return wire

    def declared(self) -> list[str]:
        """All wires, in the order of their names."""
        return [self.wires[name] for name in sorted(self.wires)]


def bus(bits: int) -> str:
    """The range of a vector in front of its name; nothing for one bit."""
    return f"[{bits - 1}:0] " if bits > 1 else ""


def instance(module: str, name: str, params: Mapping[str, int | str], pins: Mapping[str, str]) -> list[str]:
    """An instance of a module; pins that are connected to a wire of their own name have an empty one."""
    given = [f".{key}({_value(value)})" for key, value in params.items()]
    wired = [f".{pin}({wire})" if wire else f".{pin}" for pin, wire in pins.items()]
    return [*_wrapped(f"    {module} #(", given, f") {name}"), *_wrapped("        (", wired, ");")]


def _value(value: int | str) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return f"{'-' if value < 0 else ''}64'sd{abs(value)}" if isinstance(value, Long) else str(value)


def _wrapped(head: str, items: list[str], tail: str) -> list[str]:
    lines, line = list[str](), head
    for number, item in enumerate(items):
        text = item + ("" if number == len(items) - 1 else ", ")
        if len(line) + len(text) > 118:
            lines.append(line.rstrip())
            line = " " * 8
        line += text
    return [*lines, line + tail]
