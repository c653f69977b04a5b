"""Exact comparison of two levels: `==` on integers, and where they differ first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from accel.errors import MismatchError
from accel.graph import Graph


@dataclass(frozen=True)
class Difference:
    """The first element of `layer` in which a level is wrong.

    `index` is (sample, token, channel); `mismatches` counts the samples, out of `samples`, with any wrong element.
    """

    level: str
    layer: str
    index: tuple[int, ...]
    expected: int
    got: int
    mismatches: int
    samples: int

    def __str__(self) -> str:
        where = ", ".join(map(str, self.index))
        share = f"{self.mismatches} of {self.samples} samples differ"
        return f"{self.level}: layer {self.layer!r} [{where}]: expected {self.expected}, got {self.got} ({share})"


def difference(level: str, layer: str, expected: np.ndarray, got: np.ndarray) -> Difference | None:
    """None when both integer arrays (samples, tokens, channels) are equal.

    Raises MismatchError when they cannot be compared at all: unequal shapes, or values that are no integers.
    """
    expected, got = np.asarray(expected), np.asarray(got)
    for side, values in (("expected", expected), ("got", got)):
        if values.dtype.kind not in "iu":
            raise MismatchError(
                f"{level}: layer {layer!r}: {side} {values.dtype} values; levels are compared as integers"
            )
    if expected.shape != got.shape:
        raise MismatchError(f"{level}: layer {layer!r}: expected shape {expected.shape}, got {got.shape}")
    wrong = expected != got
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape))
    count = int(wrong.reshape(len(wrong), -1).any(axis=1).sum())
    return Difference(level, layer, index, int(expected[index]), int(got[index]), count, len(expected))


def first_difference(
    graph: Graph, level: str, expected: Mapping[str, np.ndarray], got: Mapping[str, np.ndarray]
) -> Difference | None:
    """The first layer in execution order that differs; edges that only one side knows are skipped."""
    for name in graph.tensors:
        if name in expected and name in got:
            found = difference(level, name, expected[name], got[name])
            if found:
                return found
    return None
