"""Explanation of a design that hangs: the units that wait for each other, from the state of the buffers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BufferUse:
    """A buffer when a simulation ends: the most places ever taken, whether a beat waits, whether a place is free."""

    most: int
    beat: bool
    room: bool


def explain(buffers: dict[str, BufferUse]) -> str:
    """The circle of units that wait for each other, or the units that could move and do not.

    A unit waits for the producer of an input without a beat, and for the reader of an output without a place.
    """
    waits: dict[str, dict[str, str]] = {}
    for name, use in buffers.items():
        source, reader = ends(name)
        waits.setdefault(source, {})
        waits.setdefault(reader, {})
        if not use.room:
            waits[source][reader] = f"{source} waits for a place in {name}"
        if not use.beat:
            waits[reader][source] = f"{reader} waits for a beat of {source}"
    circle = _circle(waits)
    if circle:
        return "; ".join(waits[unit][after] for unit, after in zip(circle, [*circle[1:], circle[0]], strict=True))
    stuck = [unit for unit, others in waits.items() if not others and unit != "output"]
    return f"{', '.join(stuck)} could move and does not" if stuck else "no unit waits for another"


def ends(buffer: str) -> tuple[str, str]:
    """The units that a buffer's name names: "u1_dense.m0>u2_add.s1" → u1_dense, u2_add."""
    source, reader = buffer.split(">")
    return source.split(".")[0], reader.split(".")[0]


def _circle(waits: dict[str, dict[str, str]]) -> list[str]:
    """Some circle of the graph `waits`; empty when there is none."""
    done: set[str] = set()
    for start in waits:
        path = [start]
        pending = [iter(waits[start])]
        while path:
            after = next(pending[-1], None)
            if after is None:
                done.add(path.pop())
                pending.pop()
            elif after in path:
                return path[path.index(after) :]
            elif after not in done:
                path.append(after)
                pending.append(iter(waits[after]))
    return []
