"""Weights in groups, kept as blocks: the same integers, sums and ranges as plain constants have."""

from __future__ import annotations

import numpy as np
import pytest

from accel import reference
from accel.blocks import Blocks, expanded, grouped
from accel.building import Builder
from accel.constants import Constant
from accel.errors import GraphError
from accel.graph import Graph
from accel.ops import Dense, Embedding
from accel.tensor import Tensor

FORMS = [
    (rows, groups, size, bits, signed, offsets)
    for rows, groups, size in ((1, 1, 32), (16, 3, 32), (37, 2, 64), (50, 1, 128))
    for bits in (2, 4, 5, 8)
    for signed in (False, True)
    for offsets in (False, True)
]
Form = tuple[int, int, int, int, bool, bool]


def drawn(form: Form, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, groups, size, bits, signed, offsets = form
    rng = np.random.default_rng(seed)
    lo = -(1 << (bits - 1)) if signed else 0
    q = rng.integers(lo, lo + (1 << bits), (rows, groups, size))
    q[0, 0, :2] = lo, lo + (1 << bits) - 1
    return q, rng.integers(-100, 120, (rows, groups)), rng.integers(-2000, 100, (rows, groups)) * offsets


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_blocks_are_the_constant(form: Form) -> None:
    q, factor, offset = drawn(form)
    weight = (q * factor[..., None] + offset[..., None]).reshape(len(q), -1)
    plain, blocks = Constant(weight), grouped(q, factor, offset)
    assert isinstance(blocks, Blocks)
    assert blocks.bits == (4 if form[3] <= 4 else 8)
    np.testing.assert_array_equal(blocks.values, weight)
    assert (blocks.values.dtype, blocks.digest) == (plain.values.dtype, plain.digest)
    assert (blocks.lo, blocks.hi, blocks.shape, blocks.size) == (plain.lo, plain.hi, plain.shape, plain.size)
    np.testing.assert_array_equal(blocks.sums, plain.sums)
    np.testing.assert_array_equal(blocks.wide(), plain.wide())
    for key in (0, -1, slice(3, 20), slice(None), (slice(None), 5), np.array([0, 0])):
        np.testing.assert_array_equal(blocks[key], plain[key])
    order = np.random.default_rng(1).permutation(len(q))
    taken = blocks.take(order)
    np.testing.assert_array_equal(taken.values, weight[order])
    np.testing.assert_array_equal(taken.sums, Constant(weight[order]).sums)
    assert blocks.take(np.arange(len(q))) is blocks


def test_many_rows_are_made_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accel.blocks.CHUNK", 1000)
    q, factor, offset = drawn((100, 3, 32, 4, True, True))
    blocks = grouped(q, factor, offset)
    assert isinstance(blocks, Blocks)
    np.testing.assert_array_equal(blocks.values, expanded(q, factor, offset))


@pytest.mark.parametrize(
    ("q", "factor", "offset"),
    [
        (np.ones((2, 3, 16), int), 1, 0),  # no whole 32 inputs
        (np.full((2, 3, 32), 256), 1, 0),
        (np.full((2, 3, 32), 15), 1 << 15, 0),
        (np.full((2, 3, 32), 15), 1, 1 << 15),
        (np.full((2, 3, 32), 255), 127, 500),  # weights that are too large
        (np.full((2, 3, 32), -8), 1 << 12, 0),
    ],
)
def test_what_blocks_cannot_hold_is_a_plain_constant(q: np.ndarray, factor: int, offset: int) -> None:
    numbers = (np.full(q.shape[:2], value) for value in (factor, offset))
    found = grouped(q, *numbers)
    assert type(found) is Constant
    np.testing.assert_array_equal(found.values, (q * factor + offset).reshape(len(q), -1))


def graphs(form: Form) -> tuple[Graph, Graph]:
    """A table and a matrix, as blocks and as plain constants."""
    q, factor, offset = drawn(form)
    found = []
    for weight in (grouped(q, factor, offset), Constant(expanded(q, factor, offset))):
        build = Builder()
        x = build.input(Tensor((5, 1), 3, len(q) + 2))
        row = build.add(Embedding(weight, 3), x)
        found.append(build.graph(build.add(Dense(weight, np.arange(len(q))), row)))
    return found[0], found[1]


@pytest.mark.parametrize("form", [FORMS[2], FORMS[18], FORMS[31], FORMS[37], FORMS[50]], ids=str)
def test_all_levels_read_blocks(form: Form) -> None:
    blocks, plain = graphs(form)
    assert blocks.tensors == plain.tensors
    x = np.random.default_rng(2).integers(3, form[0] + 3, (4, 5, 1))
    expected = reference.trace(plain, x)
    for device in ("cpu", "native"):
        found = reference.trace(blocks, x, device=device)
        assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_sizes_that_contradict_each_other_are_refused() -> None:
    blocks = grouped(*drawn((37, 2, 64, 4, False, True)))
    assert isinstance(blocks, Blocks)
    sums, ends = np.array(blocks.sums), (blocks.lo, blocks.hi)
    Blocks(blocks.packed, (37, 128), 4, ends, sums)
    for packed, shape, bits, found_ends, found_sums in (
        (blocks.packed[:-1], (37, 128), 4, ends, sums),
        (blocks.packed, (37, 128), 8, ends, sums),
        (blocks.packed, (37, 120), 4, ends, sums),
        (blocks.packed, (0, 128), 4, ends, sums),
        (blocks.packed, (49, 128), 4, ends, sums),
        (blocks.packed, (37, 128), 4, ends, sums[:, 1:]),
        (blocks.packed, (37, 128), 4, ends[::-1], sums),
        (blocks.packed, (37, 128), 4, ends, sums[::-1]),
        (blocks.packed, (37, 128), 4, (0, 1), sums),
        (blocks.packed.view(np.uint8), (37, 128), 4, ends, sums),
    ):
        with pytest.raises(GraphError, match="blocks of"):
            Blocks(packed, shape, bits, found_ends, found_sums)
