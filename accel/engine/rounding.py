"""Integer arithmetic of the engine's units, on numpy arrays: roundings, the root of a norm, the inverse of a sum.

The operators define all of it; these are their definitions on single vectors.
"""

from __future__ import annotations

import math

import numpy as np

from accel.engine.macros import Attend, Mean
from accel.ops.norm.op import Norm
from accel.ops.rescale.op import Rescale
from accel.ops.softmax.op import Softmax


def shifted(product: np.ndarray, shift: int, rounding: str, lo: int, hi: int) -> np.ndarray:
    """clip(round(product / 2^shift), lo, hi); halves go up, or with "half_even" to the even neighbour."""
    if shift > 0:
        even = 1 - ((product >> shift) & 1) if rounding == "half_even" else 0
        product = (product + (1 << (shift - 1)) - even) >> shift
    else:
        product = product << -shift
    found: np.ndarray = np.clip(product, lo, hi)
    return found


def rescale(op: Rescale, x: np.ndarray) -> np.ndarray:
    """A Rescale with one multiplier."""
    return shifted(x * int(op.multiplier[0]), op.shift, op.rounding, op.lo, op.hi)


def rounding_of(norm: Norm) -> Rescale:
    """u · R · γ, rounded: powers of two leave a γ that is one number, and the shift."""
    gain = max(1, norm.gamma.lo) if norm.gamma.lo == norm.gamma.hi else 1
    spare = min((gain & -gain).bit_length() - 1, norm.shift - 1)
    return Rescale([gain >> spare], norm.shift - spare, "half_up", norm.lo, norm.hi)


def root(norm: Norm, mean: Mean | None, x: np.ndarray) -> tuple[int, int, np.ndarray]:
    """R, what the norm's shift grows by, and the numbers that are multiplied with R."""
    if mean:
        x = x - rescale(mean.rescale, x.sum())
    square, total = int((x * x).sum()), int(x.sum())
    if norm.form == "l2":
        variance = square + norm.offset
        more = -((2 * norm.guard - variance.bit_length()) // 2)
        cut = variance << (-2 * more) if more < 0 else variance >> (2 * more)
        return root_factor(norm, cut), more, x
    centred = len(x) * x - (total if norm.form == "layer" else 0)
    variance = len(x) * square - (total * total if norm.form == "layer" else 0) + norm.offset
    divisor = max(math.isqrt(variance << (2 * norm.guard)), 1 << norm.guard)
    return (1 << norm.numerator_bits) // divisor, 0, centred


def root_factor(norm: Norm, cut: int) -> int:
    """R of form "l2", of the leading bits of a sum of squares: floor(v / 4^a)."""
    return (1 << norm.numerator_bits) // max(math.isqrt(cut << (2 * norm.fraction)), 1 << norm.least)


def inverse(attend: Attend, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The factor of every head by its sum, and what the shift behind is less by."""
    shares = attend.shares
    if isinstance(shares, Softmax):
        return (1 << shares.numerator_bits) // np.maximum(sums, 1), np.zeros_like(sums)
    divide = attend.divide
    assert divide is not None, "exponentials are divided"
    divisors = [_leading(max(int(total), 1 << divide.least), divide.kept) for total in sums]
    whole = [(1 << divide.numerator_bits) // divisor for divisor in divisors]
    less = [max(0, number.bit_length() - divide.significant) for number in whole]
    return np.array([number >> j for number, j in zip(whole, less, strict=True)]), np.array(less)


def _leading(number: int, kept: int) -> int:
    """A number with its first `kept` bits, all others 0; 0: with all bits."""
    lost = max(0, number.bit_length() - kept) if kept else 0
    return number >> lost << lost
