"""Contents of the memories inside the units of the decode engine, from the definitions of the operators."""

from __future__ import annotations

import numpy as np

from accel.engine.rounding import root_factor
from accel.errors import UserError
from accel.ops.divide.op import Divide
from accel.ops.norm.op import Norm

MOST_BITS = 12
"""Largest address of a table of roots or reciprocals."""


def has_root_table(norm: Norm) -> bool:
    """True where the root of a Norm sees few enough bits for a table."""
    return norm.form == "l2" and 2 * norm.guard <= MOST_BITS


def root_words(norm: Norm, gain: int = 1) -> np.ndarray:
    """R · gain for every value that the leading bits of Σx² + c can have, (4^guard,)."""
    return np.array([gain * root_factor(norm, cut) for cut in range(1 << (2 * norm.guard))])


def reciprocal_words(divide: Divide, kept: int, largest: int) -> np.ndarray:
    """R for every value of the `kept` leading bits of a divisor, without the highest, which is 1: (2^(kept − 1),).

    Raises UserError where the inverse of the `largest` divisor has fewer bits than R: its words would differ.
    """
    bits = divide.significant
    needed = largest.bit_length() + bits - 1
    if divide.numerator_bits < needed:
        raise UserError(
            f"a table of reciprocals needs a Divide with numerator_bits of at least {needed}; it has "
            f"{divide.numerator_bits}"
        )
    words = []
    for leading in range(1 << (kept - 1), 1 << kept):
        inverse = (1 << (kept + bits)) // leading
        words.append(inverse >> (inverse.bit_length() - bits))
    return np.array(words)


def by_layer(rows: np.ndarray) -> np.ndarray:
    """Tables (layers, entries) behind each other: of several, each takes a power of two of words."""
    if len(rows) == 1:
        found: np.ndarray = rows[0]
        return found
    size = 1 << (rows.shape[1] - 1).bit_length()
    return np.pad(rows, ((0, 0), (0, size - rows.shape[1])), mode="edge").ravel()


def rotary_words(cos: np.ndarray, sin: np.ndarray, lanes: int) -> np.ndarray:
    """cos and sin (context, head size) as `accel_engine_rotary` reads them: (context · blocks, 2 · lanes).

    A head that is smaller than a block is repeated in it.
    """
    context, size = cos.shape
    if size < lanes:
        cos, sin = (np.tile(table, (1, lanes // size)) for table in (cos, sin))
    return np.stack([cos, sin], -1).reshape(context * max(1, size // lanes), 2 * lanes)
