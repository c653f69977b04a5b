"""Verification levels: every implementation of a graph as a small value, compared with `==` to what is expected."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from accel import reference
from accel.arrays import Arrays, count, head, named
from accel.graph import Graph
from accel.verification.difference import Difference, first_difference

Compute = Callable[[Any], Arrays]
Trace = Callable[[Any], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Level:
    """One implementation: `run` maps integer inputs (samples, tokens, channels) to integer outputs.

    Where the graph has several inputs or outputs, these are dicts of arrays. `trace` gives edges of the graph by name,
    where the implementation can show them. A slow level takes only the first `limit` samples.
    """

    name: str
    run: Compute
    trace: Trace | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Outcome:
    """Result of a level: `mismatches` of `samples` have a wrong output element; `seconds` is the time of the run."""

    level: str
    samples: int
    mismatches: int
    seconds: float
    difference: Difference | None = None


def verify(graph: Graph, level: Level, x: Arrays, expected: Arrays) -> Outcome:
    """Run a level on integer inputs and compare its outputs with `expected`, both with the samples first.

    On a mismatch the level runs again with `trace`, and the first layer that differs from the reference is named.
    """
    return next(verify_all(graph, [level], x, expected))


def verify_all(graph: Graph, levels: Iterable[Level], x: Arrays, expected: Arrays | None = None) -> Iterator[Outcome]:
    """The outcome of every level, one after the other.

    Samples without an entry in `expected` are expected to be what the first level that runs them makes of them.
    A faulty layer is found by comparing edges with the nearest level above that was right, or with the reference.
    """
    if expected is None:
        known = {name: np.empty((0, *tensor.shape), np.int64) for name, tensor in graph.outputs.items()}
    else:
        known = named(graph.outputs, expected)
    right: Trace = partial(reference.trace, graph)
    for level in levels:
        inputs = head(x, level.limit)
        start = time.perf_counter()
        got = named(graph.outputs, level.run(inputs))
        seconds, samples = time.perf_counter() - start, count(inputs)
        known = {name: np.concatenate([known[name], y[len(known[name]) :]]) for name, y in got.items()}
        found = first_difference(graph, level.name, {name: y[:samples] for name, y in known.items()}, got)
        if found is None:
            right = level.trace or right
            yield Outcome(level.name, samples, 0, seconds)
        else:
            located = _locate(graph, level, right, inputs, found) or found
            yield Outcome(level.name, samples, found.mismatches, seconds, located)


def _locate(graph: Graph, level: Level, right: Trace, x: Arrays, found: Difference) -> Difference | None:
    """The first faulty layer. Samples before the first wrong one run again too, so that random stalls repeat."""
    if level.trace is None:
        return None
    x = head(x, found.index[0] + 1)
    first = first_difference(graph, level.name, right(x), level.trace(x))
    return first and replace(first, mismatches=found.mismatches, samples=found.samples)
