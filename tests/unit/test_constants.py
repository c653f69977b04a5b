"""Constants: kept narrow, read wide, never writable."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from accel.constants import Constant
from accel.errors import GraphError
from accel.ops import Dense, Norm, Rescale
from accel.tensor import Tensor

WIDTHS = [
    (-128, 127, "int8"), (0, 127, "int8"), (0, 128, "uint8"), (-1, 128, "int16"), (0, 65535, "uint16"),
    (-1, 1 << 15, "int32"), (0, (1 << 32) - 1, "uint32"), (-1, 1 << 31, "int64"),
    (1 - (1 << 62), (1 << 62) - 1, "int64"),
]  # fmt: skip


@pytest.mark.parametrize(("lo", "hi", "dtype"), WIDTHS)
def test_the_narrowest_dtype_holds_them(lo: int, hi: int, dtype: str) -> None:
    constant = Constant([lo, hi, 0])
    assert constant.values.dtype == dtype
    assert (constant.lo, constant.hi, constant.magnitude) == (lo, hi, max(-lo, hi))
    assert constant.wide().tolist() == constant.tolist() == [lo, hi, 0]
    assert constant.tensor(torch.zeros(1, dtype=torch.int64)).tolist() == [lo, hi, 0]


@pytest.mark.parametrize("value", [-128, 127, -32768, 32767, 255, 65535])
def test_arithmetic_is_wide(value: int) -> None:
    """All that wraps round in the dtype that holds the value."""
    constant = Constant(np.full((3, 4), value))
    for found, expected in (
        (np.abs(constant), abs(value)),
        (np.negative(constant), -value),
        (constant[1:, 2] * 200, value * 200),
        (3 * constant[0, 0], 3 * value),
        (np.asarray(constant) * 300, value * 300),
        (np.full(4, 7) + constant, 7 + value),
        (constant.wide() << 8, value << 8),
    ):
        assert (np.asarray(found) == expected).all()
        assert np.asarray(found).dtype == np.int64
    negative, positive = constant.sums
    assert negative.tolist() == [4 * min(value, 0)] * 3
    assert positive.tolist() == [4 * max(value, 0)] * 3


def test_sums_of_large_matrices_are_made_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).integers(-128, 128, (7, 5, 11))
    expected = np.minimum(values, 0).sum(-1), np.maximum(values, 0).sum(-1)
    monkeypatch.setattr("accel.constants.BLOCK", 25)
    for found, right in zip(Constant(values).sums, expected, strict=True):
        np.testing.assert_array_equal(found, right)


def test_nobody_writes_to_a_constant() -> None:
    given = np.array([1, 2, 3], np.int8)
    constant = Constant(given)
    given[0] = 9
    assert constant.tolist() == [1, 2, 3]
    for view in (constant.values, constant.wide(), Constant([1 << 40]).wide()):
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 1
    owned = np.array([1, 2, 3], np.int8)
    assert Constant(owned, own=True).values is owned
    assert Constant(owned.astype(np.int16), own=True).values.dtype == np.int8


def test_digests_are_of_integers_and_shape() -> None:
    assert Constant([[1, 2]]).digest == Constant(np.array([[1.0, 2.0]])).digest
    assert len({Constant(v).digest for v in ([[1, 2]], [1, 2], [[1], [2]], [[1, 3]], [[1, 200]])}) == 5


def test_fields_of_operators_are_constants() -> None:
    dense = Dense([[1, -2]], [3])
    assert isinstance(dense.weight, Constant)
    assert Dense(dense.weight, [0]).weight is dense.weight
    assert Rescale(8, 1, "floor", 0, 1).multiplier.shape == (1,)
    assert Norm("rms", 8, 40, 20, -8, 7).gamma.tolist() == [1]
    with pytest.raises(GraphError, match="constants are integers"):
        Dense([[0.5]], [0])


def test_ranges_do_not_wrap_round() -> None:
    """8-bit weights at their ends, and inputs so wide that only Python's integers hold the sums."""
    dense = Dense(np.full((2, 600), -128), [0, 1 << 61])
    assert dense.peak(Tensor((1, 600), -128, 127)) == 600 * 128 * 128 + (1 << 61)
    out = dense.infer(Tensor((1, 600), -(1 << 60), 1 << 60))
    assert (out.lo, out.hi) == (-600 * 128 << 60, (600 * 128 << 60) + (1 << 61))
