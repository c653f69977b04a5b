"""Factors and offsets of groups of weights, found in plain integers."""

from __future__ import annotations

import numpy as np
import pytest

from accel.ops.dense.groups import FORMS, GroupForm, find, grouped


def drawn(rng: np.random.Generator, form: GroupForm, rows: int, groups: int) -> np.ndarray:
    """Weights of a form, with groups of zeros, constants and single weights among them."""
    lo, hi = (0, 1 << form.bits) if form.offsets else (-(1 << (form.bits - 1)), 1 << (form.bits - 1))
    q = rng.integers(lo, hi, (rows, groups, form.size))
    q[rng.random((rows, groups)) < 0.1] = 0
    factor = rng.integers(1, 256, (rows, groups, 1)) // (1 if form.bits < 8 else 16)
    offset = rng.integers(-1500, 1500, (rows, groups, 1)) * form.offsets
    return (factor * q + offset).reshape(rows, -1)


@pytest.mark.parametrize("form", [form for form in FORMS if form.size in (16, 32, 128)], ids=str)
def test_a_form_is_found_and_gives_the_weights_again(form: GroupForm) -> None:
    rng = np.random.default_rng(form.size + form.bits)
    weight = drawn(rng, form, 11, 3)
    found = find(weight)
    assert found is not None
    assert FORMS.index(found.form) <= FORMS.index(form)
    np.testing.assert_array_equal(found.weight, weight)
    exact = grouped(weight, form)
    assert exact is not None
    np.testing.assert_array_equal(exact.weight, weight)


def test_the_last_weight_counts() -> None:
    """Another integer anywhere makes a matrix that is none; rows behind the first ones are looked at."""
    rng = np.random.default_rng(0)
    form = GroupForm(32, 4, True)
    weight = drawn(rng, form, 5000, 2)
    assert grouped(weight, form) is not None
    for row, column in ((0, 0), (7, 33), (8, 63), (4999, 63)):
        wrong = weight.copy()
        wrong[row, column] += 10007
        assert grouped(wrong, form) is None
        assert find(wrong) is None


def test_what_saves_nothing_is_not_taken() -> None:
    rng = np.random.default_rng(1)
    assert find(rng.integers(-8, 8, (6, 64))) is None  # 4 bits as they are
    assert find(rng.integers(-2000, 2000, (6, 64))) is None
    assert find(rng.integers(-8, 8, (6, 60)) * 9) is None  # no whole groups
    assert find(np.full((2, 32), 1 << 20)) is None
    found = find(rng.integers(-8, 8, (6, 64)) * 9)
    assert found is not None
    assert (found.form, set(found.factor.ravel().tolist()) <= {9, 18, 27, 36, 63}) == (GroupForm(64, 4, False), True)
    assert found.bits_per_weight < 4.3
