"""Real factors as integers: what a Rescale and an Add multiply with where scales are no powers of two."""

from __future__ import annotations

import numpy as np

from accel.errors import GraphError

#: A rescaled value is wrong by at most 2^-PRECISION of an output step before it is rounded.
PRECISION = 12
#: An operand of a sum is wrong by at most 2^-SUM_PRECISION of the coarser operand's step.
SUM_PRECISION = 9
#: Products keep below 2^REACH.
REACH = 60
#: What `factors` may be wrong by where 62 bits do not suffice for PRECISION: steps, or 2^-RANGE_BITS of the range.
COARSE, RANGE_BITS = 2.0**-6, 24
#: Bits that an edge keeps if it is too wide to be multiplied.
KEPT_BITS = 29
#: Operands of unrelated scales meet in steps of 2^-SPARE_BITS of the finest one. One of FINE_BITS needs no finer steps,
#: and no sum more than SUM_BITS.
SPARE_BITS, FINE_BITS, SUM_BITS = 6, 24, 36
#: Maximum bits of sums on a grid that holds both operands: if they are exact, and if they are not.
EXACT_BITS, GRID_BITS = 52, 32


class TooFar(GraphError):
    """Integers of at most 62 bits cannot turn one scale into another."""

    WHY, REMEDY = "scales are too far apart", "calibrate the quantizers again"

    def __init__(self) -> None:
        super().__init__(f"{self.WHY}: {self.REMEDY}")


def are_powers_of_two(values: np.ndarray) -> bool:
    return bool((np.frexp(values)[0] == 0.5).all())


def power_of_two_factors(ratio: np.ndarray) -> tuple[np.ndarray, int]:
    """Integers m and a shift s with m / 2^s = ratio exactly, for powers of two. Raises TooFar beyond 2^60."""
    power = np.atleast_1d(np.frexp(ratio)[1] - 1).astype(np.int64)
    shift = max(0, -int(power.min()))
    if int(power.max()) + shift > REACH:
        raise TooFar
    return np.left_shift(np.int64(1), power + shift), shift


def factors(ratio: np.ndarray, magnitude: int, bound: int) -> tuple[np.ndarray, int]:
    """Integers m ≥ 1 and a shift s with m / 2^s ≈ ratio, one per channel, with the smallest s that is close enough.

    |x · m / 2^s − x · ratio| ≤ 2^-PRECISION for every |x| ≤ `magnitude` whose result lies within ±`bound`, where 62
    bits suffice for that: at the latest where |m − ratio · 2^s| ≤ 1/2 does. Results beyond the bound are clipped, so
    their error is none. Raises TooFar where the error would exceed both COARSE steps and 2^-RANGE_BITS of the bound.
    """
    ratio = np.atleast_1d(ratio)
    most, reach = min(_wanted(ratio, magnitude, bound), _room(ratio, magnitude), REACH), _reach(ratio, magnitude, bound)
    if most < 0:
        raise TooFar
    shift = next((s for s in range(most) if _error(ratio, reach, s) <= 2.0**-PRECISION), most)
    if _error(ratio, reach, shift) > max(COARSE, bound * 2.0**-RANGE_BITS):
        raise TooFar
    multiplier = _nearest(ratio, shift)
    common = min(shift, _trailing_zeros(multiplier))
    return multiplier >> common, shift - common


def error(ratio: np.ndarray, multiplier: np.ndarray, shift: int, magnitude: int, bound: int) -> float:
    """Steps by which m / 2^s is off before anything is rounded, as in `factors`."""
    return float((np.abs(multiplier * 2.0**-shift - ratio) * _reach(ratio, magnitude, bound)).max())


def spare(ratio: np.ndarray, magnitude: int, bound: int) -> tuple[np.ndarray, int] | None:
    """Bits that each channel can lose in front of `factors`, and the largest magnitude worth keeping then.

    Rounding them away is an error of at most 2^-PRECISION of an output step, or of 2^-KEPT_BITS of the range. None when
    `factors` has room for its precision without that, or would gain nothing.
    """
    ratio = np.atleast_1d(ratio)
    if _wanted(ratio, magnitude, bound) <= _room(ratio, magnitude):
        return None
    bits = np.maximum(0, np.floor(1 - PRECISION - np.log2(ratio))).astype(np.int64)
    top = int(np.ceil(((bound + 1) / (ratio * 2.0**bits)).max())) + 1
    extra = max(0, min(magnitude >> int(bits.min()), top).bit_length() - KEPT_BITS)
    bits, top = bits + extra, (top >> extra) + 1
    if not bits.any() and top >= magnitude:
        return None
    if magnitude << int(bits.max() - bits.min()) >= 1 << REACH:
        raise TooFar
    return bits, top


def _reach(ratio: np.ndarray, magnitude: int, bound: int) -> np.ndarray:
    """The largest magnitude per channel that is not clipped."""
    return np.minimum(float(max(1, magnitude)), (bound + 1) / ratio)


def _wanted(ratio: np.ndarray, magnitude: int, bound: int) -> int:
    """The shift that gives PRECISION, and no multiplier below 1."""
    reach = float(_reach(ratio, magnitude, bound).max())
    wanted = PRECISION - 1 + int(np.ceil(np.log2(max(1.0, reach))))
    return max(wanted, int(np.ceil(-np.log2(ratio.min()))))


def _room(ratio: np.ndarray, magnitude: int) -> int:
    """The largest shift whose products keep below 2^REACH."""
    return int(np.floor(REACH - np.log2(max(1, magnitude) * float(ratio.max()))))


def _nearest(ratio: np.ndarray, shift: int) -> np.ndarray:
    return np.maximum(1, np.rint(ratio * 2.0**shift)).astype(np.int64)


def _error(ratio: np.ndarray, reach: np.ndarray, shift: int) -> float:
    """The largest error of any result within its reach, in steps of the output."""
    return float((np.abs(_nearest(ratio, shift) * 2.0**-shift - ratio) * reach).max())


def _trailing_zeros(values: np.ndarray) -> int:
    """How often 2 divides all values."""
    bits = int(np.bitwise_or.reduce(values))
    return (bits & -bits).bit_length() - 1


def sum_grid(scales: tuple[float, float], magnitudes: tuple[int, int], more: int = 0) -> float:
    """The step in which two operands are added: the finer scale, divided by 2^j until the coarser one fits it.

    The coarser operand's factor is rounded by at most half a step: an error of magnitude / 2 · step. `more` bits of
    precision are added to SUM_PRECISION.
    """
    fine, coarse = sorted(scales)
    magnitude = magnitudes[scales.index(coarse)]
    if coarse / fine == np.rint(coarse / fine):
        return fine
    guard = np.ceil(np.log2(max(1, magnitude) / 2 * fine / coarse)) + SUM_PRECISION + more
    return fine * 2.0 ** -max(0, int(guard))


def meeting(operands: list[tuple[np.ndarray, int]], more: int = 0) -> float:
    """A step fine enough for operands of unrelated scales: pairs of scale, one or one per channel, and magnitude.

    The finest of all scales divided by up to 2^SPARE_BITS, so that the operand has up to FINE_BITS; but never so fine
    that the sum of the operands needs more than SUM_BITS. All three are larger by `more`.
    """
    finest, size = min((float(scale.min()), size) for scale, size in operands)
    extra = min(SPARE_BITS + more, max(0, FINE_BITS + more - size.bit_length()))
    total = sum(max(1, size) * float(scale.max()) for scale, size in operands)
    return max(finest * 2.0**-extra, total * 2.0 ** -(SUM_BITS + more))
