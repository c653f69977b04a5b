"""The tape while it grows: matrices in the order in which the array reads them."""

from __future__ import annotations

import numpy as np

from accel.engine.digits import digits_of
from accel.engine.isa import Tape


class TapeWriter:
    """Appends matrices for `pe` rows of `simd` products."""

    def __init__(self, pe: int, simd: int) -> None:
        self._pe, self._simd = pe, simd
        self._weights: list[np.ndarray] = []
        self._factors: list[np.ndarray] = []
        self._multipliers: list[np.ndarray] = []
        self._biases: list[np.ndarray] = []

    def append(self, matrix: np.ndarray, bias: np.ndarray, multiplier: np.ndarray) -> int:
        """Append a matrix (rows, columns) of whole blocks and words; its number of planes.

        A row block has a beat for every plane of every word, planes innermost and the lowest first. Raises GraphError
        for weights that are too wide.
        """
        digits = digits_of(matrix, self._simd)
        planes, rows, columns = digits.planes.shape
        blocks, words = rows // self._pe, columns // self._simd
        beats = digits.planes.reshape(planes, blocks, self._pe, words, self._simd).transpose(1, 3, 0, 2, 4)
        self._weights.append(beats.reshape(-1, self._pe, self._simd).astype(np.int8))
        factors = np.ones((rows, words), np.int64) if digits.factors is None else digits.factors
        by_word = factors.reshape(blocks, self._pe, words).transpose(0, 2, 1).reshape(-1, self._pe)
        self._factors.append(np.repeat(by_word, planes, axis=0))
        self._multipliers.append(multiplier.reshape(-1, self._pe))
        self._biases.append(bias.reshape(-1, self._pe))
        return planes

    def tape(self) -> Tape:
        """The whole tape: factors and multipliers only if one is not 1, biases only if one is not 0."""
        return Tape(
            np.concatenate(self._weights),
            _unless(1, self._factors),
            _unless(1, self._multipliers),
            _unless(0, self._biases),
        )


def _unless(blank: int, parts: list[np.ndarray]) -> np.ndarray | None:
    joined = np.concatenate(parts)
    return joined if (joined != blank).any() else None
