"""A tensor of a checkpoint, still in its file."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from accel.checkpoints.ggml import BLOCKS
from accel.checkpoints.groups import GroupQuantized
from accel.checkpoints.mapped import MappedFile
from accel.spelling import printable

FLOATS = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
"""Formats of one number per weight, and the dtype in which they are mapped: numpy has no bfloat16, its bits are."""


@dataclass(frozen=True)
class Weight:
    """A tensor that is read on demand.

    shape: as the network uses it, (outputs, inputs) of a matrix.
    format: F32, F16, BF16, or a block format of ggml, such as Q4_1.
    raw: what the file holds, mapped: numbers of `shape`, or rows of blocks as bytes.
    added: a constant on top of the stored numbers: Gemma stores gains less one.
    """

    file: MappedFile
    name: str
    format: str
    shape: tuple[int, ...]
    raw: np.ndarray
    added: float = 0.0

    @property
    def is_quantized(self) -> bool:
        """True where the file holds small integers with scales per group."""
        return self.format not in FLOATS

    def float32(self) -> np.ndarray:
        """The tensor as float32: exact, except that a sum scale · q + offset is rounded once.

        A bfloat16 or float16 is a float32. Raises UserError when a number is not finite.
        """
        if self.is_quantized:
            return self.integers().float32()
        raw = self.raw
        value = (raw.astype(np.uint32) << 16).view(np.float32) if self.format == "BF16" else raw.astype(np.float32)
        if not np.isfinite(value).all():
            raise self.file.refused(f"tensor {printable(self.name)!r} holds numbers that are not finite")
        return np.ascontiguousarray(value + np.float32(self.added) if self.added else value)

    def integers(self) -> GroupQuantized:
        """The integers of the file. Raises UserError for real numbers, and for a scale that is not finite."""
        if not self.is_quantized:
            raise self.file.refused(
                f"tensor {printable(self.name)!r} holds real numbers ({self.format}), no integers",
                "use its float32(), or a quantized file",
            )
        try:
            return BLOCKS[self.format].read(self.raw)
        except ValueError as error:
            raise self.file.refused(f"tensor {printable(self.name)!r}: {error}") from None

    def rows(self, start: int, stop: int) -> Weight:
        """Outputs `start` to `stop` − 1, as a view."""
        raw = self.raw[start:stop]
        return replace(self, shape=(len(raw), *self.shape[1:]), raw=raw)

    def transposed(self) -> Weight:
        """A matrix of real numbers that the file stores as (inputs, outputs)."""
        return replace(self, shape=self.shape[::-1], raw=self.raw.T)
