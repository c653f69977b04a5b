"""Weights as the array multiplies them: digits of 4 bits, and a factor per group of inputs where a matrix has some."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel.errors import GraphError
from accel.numeric import bits
from accel.ops.dense.groups import GroupForm, grouped

DIGIT, PLANES = 4, 4
"""Bits of a digit, and the most digits that a number has."""
FACTOR_BITS = 8
GROUPS = (256, 128, 64, 32, 16)
"""Sizes of groups that are looked for, the largest first."""


@dataclass(frozen=True)
class Digits:
    """A matrix (rows, columns) as digits (planes, rows, columns), the lowest first, and factors (rows, words) or None.

    The highest digit is signed, the others are not. The columns of a word share a factor.
    """

    planes: np.ndarray
    factors: np.ndarray | None = None


def planes_of(lo: int, hi: int) -> int:
    """Digits of integers from lo to hi, two's complement. Raises GraphError when they are more than PLANES."""
    count = -(-bits(min(lo, -1), hi)[0] // DIGIT)
    if count > PLANES:
        raise GraphError(f"integers {lo}..{hi} have more than {PLANES} digits of {DIGIT} bits")
    return count


def split(values: np.ndarray, planes: int) -> np.ndarray:
    """Integers → digits (planes, …), the lowest first; the highest is signed."""
    digits = np.stack([values >> (DIGIT * plane) for plane in range(planes)])
    digits[:-1] &= (1 << DIGIT) - 1
    return digits


def digits_of(matrix: np.ndarray, word: int) -> Digits:
    """The cheapest digits of a matrix of whole words: with factors of groups of words if that needs fewer planes.

    Raises GraphError for weights that are too wide both ways.
    """
    lo, hi = int(matrix.min()), int(matrix.max())
    plain = -(-bits(min(lo, -1), hi)[0] // DIGIT)
    for planes in range(1, min(plain, PLANES + 1)):
        for size in (size for size in GROUPS if not size % word):
            if found := _grouped(matrix, size, planes, word):
                return found
    return Digits(split(matrix, planes_of(lo, hi)))


def _grouped(matrix: np.ndarray, size: int, planes: int, word: int) -> Digits | None:
    """Factors of groups of `size` columns, of which the last may be a part, and what is left in so many digits."""
    rows, columns = matrix.shape
    whole = np.zeros((rows, -(-columns // size) * size), np.int64)
    whole[:, :columns] = matrix
    if np.abs(whole).max(initial=0) >= 1 << 15:
        return None
    found = grouped(whole, GroupForm(size, DIGIT * planes, offsets=False))
    if found is None or found.factor.max() >= 1 << FACTOR_BITS:
        return None
    factors = np.maximum(found.factor, 1).astype(np.int64)
    rest = found.q.reshape(rows, -1)[:, :columns].astype(np.int64)
    return Digits(split(rest, planes), np.repeat(factors, size // word, axis=1)[:, : columns // word])
