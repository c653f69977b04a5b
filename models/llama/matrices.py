"""Matrices as integers: weights of a checkpoint, each row with a multiplier, all of them with a power of two."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from accel.blocks import Stored, grouped
from accel.checkpoints import Weight
from accel.checkpoints.groups import CHUNK, GroupQuantized
from accel.constants import Constant
from models.llama.recipe import IntegerRecipe
from models.llama.rotation import spread

MULTIPLIER_BITS, FACTOR_BITS, EMBEDDING_BITS = 16, 8, 8
"""Of a row, of the factor of a group, and of real weights where a recipe does not say how many."""


ENDS = "embedding", "head"
"""Matrices that keep EMBEDDING_BITS, or the integers of their file."""
SPREAD = ".feedforward.down"
"""Ends the names of matrices in front of which `hidden_hadamard` turns channels."""


@dataclass(frozen=True)
class Matrix:
    """Real weights are values · multiplier[:, None] / 2^shift.

    `values` are (outputs, inputs), in groups of few bits where a file has them so; `multiplier` is (outputs,) or (1,).
    """

    values: Constant
    multiplier: np.ndarray
    shift: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def real(self) -> np.ndarray:
        """The weights in float64."""
        weights: np.ndarray = self.values.values * (self.multiplier * 2.0**-self.shift)[:, None]
        return weights

    def rows(self, order: np.ndarray) -> Matrix:
        """The rows in another order, or some of them."""
        multiplier = self.multiplier[order] if len(self.multiplier) > 1 else self.multiplier
        return Matrix(self.values.take(order), multiplier, self.shift)

    @classmethod
    def of(cls, weights: np.ndarray, bits: int = 8) -> Matrix:
        """Round real weights (outputs, inputs) to `bits` bits with a scale per row."""
        top = (1 << (bits - 1)) - 1
        multiplier, shift, scale = _row_units(np.abs(weights).max(1) / top)
        values = np.clip(np.floor(weights / scale[:, None] + 0.5), -top, top)
        return cls(Constant(values), multiplier, shift)

    @classmethod
    def grouped(
        cls, q: Stored, d: np.ndarray, m: np.ndarray, limits: tuple[int, int] | None = None, bits: int = FACTOR_BITS
    ) -> Matrix:
        """Weights d·q + m of groups, GGUF's Q4_0, Q4_1 and Q8_0, with their own integers q.

        `q` is (rows, groups, inputs of a group) within `limits`, `d` and `m` are (rows, groups). Factors D of `bits`
        bits and offsets M of 11 bits and a sign stand for d and m in units of their row: values are D·q + M. An offset,
        where there are any, makes up for what the rounding of its factor adds to the mean of the group.
        """
        factor, offset, multiplier, shift = group_integers(q, d, m, bits)
        return cls(grouped(q, factor, offset, limits), multiplier, shift)

    @classmethod
    def of_groups(cls, weights: np.ndarray, levels: tuple[int, int], group: int) -> Matrix:
        """Round real weights to integers from one of `levels` to the other, each `group` of inputs within its range.

        Where the lowest is 0, a range is from the smallest to the largest weight, else as far below 0 as above.
        """
        parts, (low, high) = weights.reshape(len(weights), -1, group), levels
        m = np.zeros(parts.shape[:2]) if low else parts.min(2)
        d = (np.abs(parts).max(2) - m if low else parts.max(2) - m) / high
        steps = np.where(d, d, 1.0)[..., None]
        return cls.grouped(np.floor((parts - m[..., None]) / steps + 0.5).astype(np.int64), d, m)


def integers(name: str, weight: Weight, recipe: IntegerRecipe) -> Matrix | np.ndarray:
    """A weight by itself: integers of quantized files as they are, unless the recipe has other bits."""
    ends, group = name in ENDS, recipe.weight_group
    if len(weight.shape) == 1 or name == "positions":
        return weight.float32().astype(np.float64)
    turned = recipe.hidden_hadamard if name.endswith(SPREAD) else 0
    if weight.is_quantized and not recipe.weight_bits and not turned:
        return _of_groups(_Quantized(weight))
    real = spread(weight.float32().astype(np.float64), turned or 1)
    if ends or not group:
        return Matrix.of(real, EMBEDDING_BITS if ends or not recipe.weight_bits else recipe.weight_bits)
    return Matrix.of_groups(real, recipe.weight_levels, math.gcd(group, weight.shape[1]))


def _of_groups(q: _Quantized) -> Matrix:
    d, m = q.scales()
    return Matrix.grouped(q, d, np.zeros_like(d) if m is None else m, q.limits)


class _Quantized:
    """q of a quantized tensor, read some rows at a time: all of a large embedding would take a third of its file."""

    def __init__(self, weight: Weight) -> None:
        self._weight, self._step = weight, max(1, CHUNK // weight.shape[1])
        self._first = weight.rows(0, self._step).integers()
        self.limits = self._first.lowest, self._first.highest
        self.shape = weight.shape[0], self._first.scale.shape[1], self._first.group

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        return self._read(start, stop).q.reshape(-1, *self.shape[1:])

    def _read(self, start: int, stop: int) -> GroupQuantized:
        if stop <= self._step:
            return self._first.rows(start, stop)
        found = self._weight.rows(start, stop).integers()
        self._weight.file.forget()
        return found

    def scales(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Scales and offsets (rows, groups) as real numbers."""
        parts = [self._read(start, start + self._step) for start in range(0, self.shape[0], self._step)]
        d = np.concatenate([part.scale * 2.0**part.exponent for part in parts])
        offsets = [part.offset * 2.0**part.exponent for part in parts if part.offset is not None]
        return d, np.concatenate(offsets) if offsets else None


def group_integers(
    q: Stored, d: np.ndarray, m: np.ndarray, bits: int = FACTOR_BITS
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Factors and offsets of groups, multipliers of rows and a shift: d·q + m in the integers of `Matrix.grouped`."""
    top = (1 << bits) - 1
    most = 8 * top + 7
    multiplier, shift, scale = _row_units(np.maximum(np.abs(d) / top, np.abs(m) / most).max(1))
    d, m = d / scale[:, None], m / scale[:, None]
    factor = np.floor(d + 0.5).astype(np.int64)
    offset = np.floor(m + (d - factor) * q[:].mean(2) + 0.5).astype(np.int64) if m.any() else np.zeros_like(factor)
    return factor, offset.clip(-most, most), multiplier, shift


def _row_units(scale: np.ndarray) -> tuple[np.ndarray, int, np.ndarray]:
    """Multipliers of MULTIPLIER_BITS and a shift that are at least `scale` (rows,), and what they are."""
    largest = float(scale.max()) or 1.0
    shift = MULTIPLIER_BITS - 1 - math.floor(math.log2(largest))
    multiplier = np.maximum(1, np.ceil(scale * 2.0**shift)).astype(np.int64)
    return multiplier, shift, multiplier * 2.0**-shift
