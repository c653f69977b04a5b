"""The program of an actor: what it does in a sequence, in a few steps however often it fires."""

from __future__ import annotations

from functools import lru_cache
from math import lcm
from typing import NamedTuple

import numpy as np

from accel.hardware import Actor, Every, Use

SHOWN, PLACED, LEFT, WRITTEN = range(4)
"""Sorts of uses: an event needs an edge's head beat, takes a place, drops the head beat, writes a beat."""


class Program(NamedTuple):
    """Steps that an actor repeats until it has done `events` in a sequence.

    An event is a firing that uses an edge. A step is `counts` events of one of the `kinds`, each `gaps` cycles at least
    behind the one before it. `uses` has, per kind and sort of use, the numbers of the inputs or outputs.
    """

    gaps: np.ndarray
    counts: np.ndarray
    kinds: np.ndarray
    uses: tuple[tuple[tuple[int, ...], ...], ...]
    events: int


@lru_cache(maxsize=4096)
def program(actor: Actor) -> Program:
    """The program of an actor: that of the shortest span of firings after which everything begins again."""
    span = _span(actor)
    marks = [(_fresh(use, span), SHOWN, port) for port, use in enumerate(actor.inputs)]
    marks += [(use.done.within(span), LEFT, port) for port, use in enumerate(actor.inputs)]
    for port, use in enumerate(actor.outputs):
        marks += [(use.hold.within(span), PLACED, port), (use.done.within(span), WRITTEN, port)]
    when = np.unique(np.concatenate([fired for fired, *_ in marks]))
    kinds = np.zeros(len(when), dtype=np.int64)
    for bit, (fired, *_) in enumerate(marks):
        kinds[np.searchsorted(when, fired)] |= 1 << bit
    gaps = np.diff(when, prepend=when[-1] - span)
    first = np.flatnonzero(np.concatenate([[True], (np.diff(kinds) != 0) | (np.diff(gaps) != 0)]))
    known, numbers = np.unique(kinds[first], return_inverse=True)
    uses = tuple(
        tuple(
            tuple(port for bit, (_, sort, port) in enumerate(marks) if sort == wanted and kind >> bit & 1)
            for wanted in range(4)
        )
        for kind in known.tolist()
    )
    counts = np.diff(first, append=len(when))
    return Program(gaps[first] * actor.interval, counts, numbers, uses, len(when) * (actor.firings // span))


def _span(actor: Actor) -> int:
    """Firings after which all uses of an actor begin again; all of a sequence where they never do within it."""
    masks = [mask for use in (*actor.inputs, *actor.outputs) for mask in (use.hold, use.done)]
    span = lcm(*(mask.period for mask in masks))
    if actor.firings % span or any(_is_carried(use, span) for use in actor.inputs):
        return actor.firings
    return span


def _is_carried(use: Use, span: int) -> bool:
    """True where a beat that is held in the last firing of a span is still held in the first of the next one."""
    last = span - 1
    return bool(use.hold.includes(last) and not use.done.includes(last) and use.hold.includes(0))


def _fresh(use: Use, span: int) -> np.ndarray:
    """Firings that need a beat which the firing before did not hold."""
    hold = use.hold
    begun = np.zeros(1, dtype=np.int64) if hold.count >= hold.period else Every(hold.period, hold.first).within(span)
    behind = use.done.within(span) + 1
    return np.union1d(begun, behind[(behind < span) & hold.includes(behind)])
