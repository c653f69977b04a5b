"""The text of an engine's top module: the units that a program needs, and the wires between them.

What belongs to a beat travels beside it in lines of registers, `beats`; what belongs to a result in others, `results`.
A field of either is a register with the number of cycles at its end: op_3 is op three cycles after the issue,
r_index_2 the index of a result two cycles after it entered the rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from accel.hardware import Long
from hls.engine.fields import Fields


class Line:
    """A line of registers for every field: as many as were asked for. `reset` names those that begin with 0."""

    def __init__(self, prefix: str, fields: Fields, reset: str) -> None:
        self.prefix, self.fields, self.reset = prefix, fields, reset
        self.stages: dict[str, int] = {}

    def at(self, stage: int, field: str) -> str:
        """The register of a field, `stage` registers behind the beginning of the line."""
        self.stages[field] = max(stage, self.stages.get(field, 0))
        return f"{self.prefix}{field}_{stage}"

    def declared(self, first: Callable[[str], str]) -> list[str]:
        """All registers; `first` names what enters the line of a field."""
        lines, moves = list[str](), list[str]()
        for field, bits in self.fields.items():
            stages = [f"{self.prefix}{field}_{stage}" for stage in range(1, self.stages.get(field, 0) + 1)]
            if not stages:
                continue
            lines += _wrapped(f"    logic {bus(bits)}", stages, ";")
            gate = " && !rst" if field == self.reset else ""
            pairs = zip(stages, [first(field), *stages[:-1]], strict=True)
            moves += [f"{to} <= {before}{gate};" for to, before in pairs]
        body = [line.rstrip() for line in _wrapped("        ", moves, "", " ")]
        return [*lines, "    always_ff @(posedge clk) begin", *body, "    end"]


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


def _wrapped(head: str, items: list[str], tail: str, between: str = ", ") -> list[str]:
    lines, line = list[str](), head
    for number, item in enumerate(items):
        text = item + ("" if number == len(items) - 1 else between)
        if len(line) + len(text) > 118:
            lines.append(line.rstrip())
            line = " " * 8
        line += text
    return [*lines, line + tail]


def times(value: str, factor: int) -> str:
    """A number times a constant, as a sum of shifts: synthesis makes a product of any constant a hard multiplier."""
    terms = [f"({value} << {place})" for place in range(factor.bit_length()) if factor >> place & 1]
    return f"({' + '.join(terms)})"


def chosen(name: str, values: list[str]) -> str:
    """The value of the first of the signals NAME_0, NAME_1, … that is 1."""
    found = values[-1]
    for number in reversed(range(len(values) - 1)):
        found = f"{name}_{number} ? {values[number]} : {found}"
    return found


def lane(name: str, bits: int, wanted: int) -> str:
    """A lane's number with other bits."""
    return f"{wanted}'($signed({name}[lane*{bits}+:{bits}]))" if wanted > bits else f"{name}[lane*{bits}+:{wanted}]"
