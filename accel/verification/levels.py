"""Verification levels: every implementation of a graph as a small value, compared with `==` to what is expected."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from accel import reference
from accel.graph import Graph
from accel.verification.difference import Difference, difference, first_difference

Run = Callable[[np.ndarray], np.ndarray]
Trace = Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Level:
    """One implementation: `run` maps integer inputs (samples, tokens, channels) to integer outputs.

    `trace` gives edges of the graph by name, where the implementation can show them. A slow level takes only
    the first `limit` samples.
    """

    name: str
    run: Run
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


def verify(graph: Graph, level: Level, x: np.ndarray, expected: np.ndarray) -> Outcome:
    """Run a level on integer inputs and compare its outputs with `expected`, both with the samples first.

    On a mismatch the level runs again with `trace`, and the first layer that differs from the reference is named.
    """
    return next(verify_all(graph, [level], x, expected))


def verify_all(
    graph: Graph, levels: Iterable[Level], x: np.ndarray, expected: np.ndarray | None = None
) -> Iterator[Outcome]:
    """The outcome of every level, one after the other.

    Samples without an entry in `expected` are expected to be what the first level that runs them makes of them.
    A faulty layer is found by comparing edges with the nearest level above that was right, or with the reference.
    """
    if expected is None:
        expected = np.empty((0, *graph.output_tensor.shape), np.int64)
    right: Trace = partial(reference.trace, graph)
    for level in levels:
        inputs = x[: level.limit]
        start = time.perf_counter()
        got = level.run(inputs)
        seconds = time.perf_counter() - start
        expected = np.concatenate([expected, got[len(expected) :]])
        found = difference(level.name, graph.output, expected[: len(inputs)], got)
        if found is None:
            right = level.trace or right
            yield Outcome(level.name, len(inputs), 0, seconds)
        else:
            located = _locate(graph, level, right, inputs, found) or found
            yield Outcome(level.name, len(inputs), found.mismatches, seconds, located)


def _locate(graph: Graph, level: Level, right: Trace, x: np.ndarray, found: Difference) -> Difference | None:
    """The first faulty layer. Samples before the first wrong one run again too, so that random stalls repeat."""
    if level.trace is None:
        return None
    x = x[: found.index[0] + 1]
    first = first_difference(graph, level.name, right(x), level.trace(x))
    return first and replace(first, mismatches=found.mismatches, samples=found.samples)
