"""Rescale against the rounding rules written out with fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from contract import Drawn, OperatorContract, tensors
from hypothesis import strategies as st

from accel.numeric import ROUNDINGS
from accel.ops import Rescale


def rounded(value: Fraction, rounding: str) -> int:
    floor = math.floor(value)
    half = value - floor == Fraction(1, 2)
    if rounding == "floor":
        return floor
    if rounding == "toward_zero":
        return math.trunc(value)
    if rounding == "ceil":
        return math.ceil(value)
    if rounding == "away":
        return math.ceil(value) if value > 0 else floor
    if not half:
        return math.floor(value + Fraction(1, 2))
    return {
        "half_even": floor + floor % 2,
        "half_up": floor + 1,
        "half_away": floor + (value > 0),
        "half_toward_zero": floor + (value < 0),
    }[rounding]


class TestRescale(OperatorContract):
    def draw(self, draw: st.DrawFn) -> Drawn:
        x = draw(tensors(max_bits=12))
        per_channel = draw(st.booleans())
        top = draw(st.sampled_from([1, 8, 1000]))
        multiplier = draw(st.lists(st.integers(1, top), min_size=x.channels, max_size=x.channels))
        low = draw(st.sampled_from([-128, -8, 0]))
        return Rescale(
            multiplier if per_channel else multiplier[:1],
            draw(st.integers(0, 14)),
            draw(st.sampled_from(ROUNDINGS)),
            low,
            draw(st.integers(low, 300)),
        ), (x,)

    def deviation(self, op, y, x):
        product = np.broadcast_to(x * op.multiplier, x.shape)
        exact = [rounded(Fraction(int(v), 1 << op.shift), op.rounding) for v in product.ravel()]
        return np.abs(y.ravel() - np.clip(exact, op.lo, op.hi))


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_the_rounding_modes_differ_at_ties(rounding):
    expected = {
        "half_even": [-2, -2, 0, 0, 2, 2],
        "half_up": [-2, -1, 0, 1, 2, 3],
        "half_away": [-3, -2, -1, 1, 2, 3],
        "floor": [-3, -2, -1, 0, 1, 2],
        "toward_zero": [-2, -1, 0, 0, 1, 2],
        "ceil": [-2, -1, 0, 1, 2, 3],
        "away": [-3, -2, -1, 1, 2, 3],
        "half_toward_zero": [-2, -1, 0, 0, 1, 2],
    }
    assert [Rescale([1], 1, rounding, -9, 9)._scalar(v) for v in (-5, -3, -1, 1, 3, 5)] == expected[rounding]
