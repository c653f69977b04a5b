"""Real factors as integers: what a Rescale and an Add multiply with where scales are no powers of two."""

from __future__ import annotations

import numpy as np

from accel.onnx_import.values import Uncertain

#: A rescaled value is wrong by at most 2^-PRECISION of an output step before it is rounded.
PRECISION = 12
#: An operand of a sum is wrong by at most 2^-SUM_PRECISION of the coarser operand's step.
SUM_PRECISION = 9
#: Products keep below 2^REACH.
REACH = 60
TOO_FAR = Uncertain("scales are too far apart", "calibrate the quantizers again")


def are_powers_of_two(values: np.ndarray) -> bool:
    return bool((np.frexp(values)[0] == 0.5).all())


def power_of_two_factors(ratio: np.ndarray) -> tuple[np.ndarray, int]:
    """Integers m and a shift s with m / 2^s = ratio exactly, for powers of two. Raises Refused beyond 2^60."""
    power = np.atleast_1d(np.frexp(ratio)[1] - 1).astype(np.int64)
    shift = max(0, -int(power.min()))
    if int(power.max()) + shift > REACH:
        raise TOO_FAR
    return np.left_shift(np.int64(1), power + shift), shift


def factors(ratio: np.ndarray, magnitude: int, bound: int) -> tuple[np.ndarray, int]:
    """Integers m ≥ 1 and a shift s with m / 2^s ≈ ratio, one per channel.

    |x · m / 2^s − x · ratio| ≤ 2^-PRECISION for every |x| ≤ `magnitude` whose result lies within ±`bound`, where 62
    bits suffice for that: |m − ratio · 2^s| ≤ 1/2. Results beyond the bound are clipped, so their error is none.
    """
    ratio = np.atleast_1d(ratio)
    reach = np.minimum(float(max(1, magnitude)), (bound + 1) / ratio)
    wanted = PRECISION - 1 + int(np.ceil(np.log2(max(1.0, float(reach.max())))))
    wanted = max(wanted, int(np.ceil(-np.log2(ratio.min()))))  # no multiplier below 1
    room = int(np.floor(REACH - np.log2(max(1, magnitude) * float(ratio.max()))))
    shift = min(wanted, room, REACH)
    if shift < 0:
        raise TOO_FAR
    multiplier = np.maximum(1, np.rint(ratio * 2.0**shift)).astype(np.int64)
    common = min(shift, _trailing_zeros(multiplier))
    return multiplier >> common, shift - common


def _trailing_zeros(values: np.ndarray) -> int:
    """How often 2 divides all values."""
    bits = int(np.bitwise_or.reduce(values))
    return (bits & -bits).bit_length() - 1


def sum_grid(scales: tuple[float, float], magnitudes: tuple[int, int]) -> float:
    """The step in which two operands are added: the finer scale, divided by 2^j until the coarser one fits it.

    The coarser operand's factor is rounded by at most half a step: an error of magnitude / 2 · step.
    """
    fine, coarse = sorted(scales)
    magnitude = magnitudes[scales.index(coarse)]
    if coarse / fine == np.rint(coarse / fine):
        return fine
    guard = np.ceil(np.log2(max(1, magnitude) / 2 * fine / coarse)) + SUM_PRECISION
    return fine * 2.0 ** -max(0, int(guard))
