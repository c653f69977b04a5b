"""Products of `accel_mac.sv` on a target: in look-up tables or in hard multipliers, several in each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accel.fold import STYLES, MatrixFold
from accel.target import Target


class Packing(NamedTuple):
    """`lanes` products in one hard multiplier, `spacing` bits apart; no lanes: look-up tables."""

    lanes: int
    spacing: int

    def params(self) -> dict[str, int]:
        """Parameters of `accel_mac`."""
        return {"LANES": self.lanes, "SPACING": self.spacing}

    def multipliers(self, pe: int, simd: int) -> int:
        """Hard multipliers of an array."""
        return -(-pe // self.lanes) * simd if self.lanes else 0

    def inverted(self, pe: int) -> np.ndarray:
        """(pe,) True for the rows whose weights come with the sign bit inverted: all of a group but its last."""
        rows = np.arange(pe)
        return (rows % max(self.lanes, 1) != self.lanes - 1) & (rows != pe - 1) & (self.lanes > 0)


def packing(target: Target, fold: MatrixFold, a: tuple[int, bool], w: tuple[int, bool]) -> Packing:
    """Choose the packing for operands of (width, signed), `a` shared by the rows: fewest multipliers, then lanes.

    Neighbouring products may share one bit where `a` is signed; otherwise width(a) + width(w) bits lie between them.
    Room beyond that lets packed products be added before they are taken apart, as many levels as SIMD has.
    """
    if fold.multiply == "lut" or target.dsp is None:
        return Packing(0, 0)
    if fold.is_sparse:  # rows have activations of their own: nothing to share
        return Packing(1, 0)
    wide, narrow = target.dsp
    pe, room = fold.pe, wide - (w[0] + (not w[1]))  # the highest weight is a signed number
    if a[0] + (not a[1]) > narrow or room < 0:
        return Packing(1, 0)
    apart = a[0] + w[0]
    most, closest = 1 + room // apart, 1 + room // (apart - a[1])
    groups = min(-(-pe // most), -(-pe // closest))
    lanes = -(-pe // groups)
    if lanes == 1:
        return Packing(1, 0)
    return Packing(lanes, min(room // (lanes - 1), apart + (fold.simd - 1).bit_length()))


def digits(weight: np.ndarray) -> tuple[np.ndarray, int]:
    """Constants as CODED weights of `accel_dot_lut`, and their width: nothing is left out of their products.

    Every base-4 field below the highest is a digit u − 1, so Σ 4^k is added; the highest holds −2..2, alone −1..1 in
    two bits, or ±1 in one.
    """
    lo, hi = int(weight.min()), int(weight.max())
    if lo >= -1 and hi <= 1:
        return (weight, 2) if (weight == 0).any() else ((weight < 0).astype(np.int64), 1)
    fields, offset = 1, 0
    while not -2 <= (lo + offset) >> 2 * (fields - 1) <= (hi + offset) >> 2 * (fields - 1) <= 2:
        offset += 4 ** (fields - 1)
        fields += 1
    short = fields > 1 and (hi + offset) >> 2 * (fields - 1) < 2
    return weight + offset, 2 * fields + (not short)


def array_folds(rows: list[int], columns: list[int]) -> list[MatrixFold]:
    """Every PE of `rows` with every SIMD of `columns`, in every style."""
    return [MatrixFold(pe, simd, style) for style in STYLES for pe in rows for simd in columns]


def array_latency(simd: int) -> int:
    """Cycles from the last beat of a sum to its result, as `accel_mac.sv` has them."""
    return 5 + (simd - 1).bit_length()
