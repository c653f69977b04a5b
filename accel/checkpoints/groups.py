"""Weights that a file stores as small integers, with integer factors per group of neighbouring inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CHUNK = 1 << 20
"""Weights that are converted at once: bounds the memory in between."""


@dataclass(frozen=True)
class GroupQuantized:
    """A matrix w = (scale · q + offset) · 2^exponent, exactly and in integers.

    q: (outputs, inputs) int8 or uint8, as stored; lowest and highest bound what its format can hold.
    scale, offset: (outputs, inputs / group) int64; offset is None where the format has none. A scale of a file is a
    float16, which is an integer of 11 bits times a power of two, times an integer of up to 8 bits where a format has
    scales of scales; all of a matrix share one exponent, the largest with which every scale and offset is an integer.
    """

    q: np.ndarray
    scale: np.ndarray
    offset: np.ndarray | None
    exponent: int
    group: int
    lowest: int
    highest: int

    @property
    def shape(self) -> tuple[int, int]:
        """Outputs and inputs."""
        rows, columns = self.q.shape
        return rows, columns

    def rows(self, start: int, stop: int) -> GroupQuantized:
        """Outputs `start` to `stop` − 1, as views."""
        cut = slice(start, stop)
        offset = None if self.offset is None else self.offset[cut]
        return GroupQuantized(
            self.q[cut], self.scale[cut], offset, self.exponent, self.group, self.lowest, self.highest
        )

    def integers(self) -> np.ndarray:
        """scale · q + offset: (outputs, inputs) int64, below 2^53."""
        rows, groups = self.scale.shape
        value = self.q.reshape(rows, groups, self.group) * self.scale[..., None]
        if self.offset is not None:
            value += self.offset[..., None]
        return value.reshape(self.shape)

    def float32(self) -> np.ndarray:
        """The nearest float32 of each weight: (outputs, inputs). ggml's own float32 arithmetic gives the same bits."""
        found = np.empty(self.shape, np.float32)
        step = max(1, CHUNK // max(1, self.shape[1]))
        for start in range(0, len(found), step):
            exact = self.rows(start, start + step).integers().astype(np.float64)
            found[start : start + step] = np.ldexp(exact, self.exponent)
        return found


def common_exponent(scale: np.ndarray, offset: np.ndarray | None, exponent: int) -> tuple[int, int]:
    """Zero bits at the end of every number, and the exponent without them; 0 and 0 where all numbers are 0."""
    bits = int(np.bitwise_or.reduce(np.abs(scale), axis=None)) if scale.size else 0
    if offset is not None and offset.size:
        bits |= int(np.bitwise_or.reduce(np.abs(offset), axis=None))
    if not bits:
        return 0, 0
    zeros = (bits & -bits).bit_length() - 1
    return zeros, exponent + zeros
