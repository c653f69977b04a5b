"""Tokens in any order, joined along a part of their axes, in windows, and convolutions that stride over them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qonnx_checks import check, kinds, weights
from qonnx_files import File

from accel.graph import Graph

SIDE, CHANNELS = 4, 6


def image(f: File) -> str:
    """Tokens of SIDE × SIDE as (batch, rows, columns, channels), quantized."""
    y = f.quant(f.dense(f.quant("in", 0.5), weights(3, CHANNELS), 0.25), 1.0)
    return f.node("Reshape", y, f.ints(1, SIDE, SIDE, CHANNELS))


def tokens(f: File, y: str) -> str:
    """Back to (batch, tokens, channels), through a Dense."""
    y = f.node("Reshape", y, f.ints(1, -1, CHANNELS))
    return f.quant(f.dense(y, weights(CHANNELS, 5), 0.25), 4.0)


@pytest.mark.parametrize(
    "places", [[0, 2, 4], [3, 2, 1, 0], [5, 5, 1], [-1, 0], [[1, 3], [0, 5]]], ids=lambda places: str(places)
)
def test_tokens_are_taken_in_any_order(tmp_path: Path, places: list[int]) -> None:
    f = File((1, 6, 3))
    y = f.quant(f.dense(f.quant("in", 0.5), weights(3, CHANNELS), 0.25), 1.0)
    graph = check(f.save(tmp_path, tokens(f, f.node("Gather", y, f.const(np.array(places), dtype=np.int64), axis=1))))
    assert graph.output_tensor.tokens == np.size(places)


@pytest.mark.parametrize(("start", "end", "step"), [(1, 99, 2), (-1, -99, -1), (4, 0, -2)])
def test_tokens_are_taken_in_steps(tmp_path: Path, start: int, end: int, step: int) -> None:
    f = File((2, 6, 3))
    y = f.quant("in", 0.5)
    y = f.node("Slice", y, f.ints(start), f.ints(end), f.ints(1), f.ints(step))
    check(f.save(tmp_path, f.quant(f.dense(y, weights(3, 4), 0.25), 2.0)))


def test_what_is_taken_has_the_range_of_what_it_is_taken_from(tmp_path: Path) -> None:
    """However many products of 0 and 1 move it."""
    f = File((1, 6, 3))
    y = f.quant(f.dense(f.quant("in", 0.5), weights(3, CHANNELS), 0.25), 1.0)
    y = f.node("Gather", y, f.ints(4, 1, 0), axis=1)
    graph: Graph = check(f.save(tmp_path, f.dense(y, weights(CHANNELS, 2), 0.25)))
    (before,) = [node.inputs[0] for node in graph if node.name == graph.output]
    assert (graph.tensors[before].lo, graph.tensors[before].hi) == (-128, 127)


@pytest.mark.parametrize("axes", [[1], [2], [1, 2]])
def test_rolled_images(tmp_path: Path, axes: list[int]) -> None:
    """torch.roll: two slices of rows or columns, joined the other way round."""
    f = File((1, SIDE * SIDE, 3))
    y = image(f)
    for axis in axes:
        parts = [f.node("Slice", y, f.ints(a), f.ints(b), f.ints(axis)) for a, b in ((1, SIDE), (0, 1))]
        y = f.node("Concat", *parts, axis=axis)
    check(f.save(tmp_path, tokens(f, y)))


@pytest.mark.parametrize("axis", [1, 2])
def test_images_are_padded(tmp_path: Path, axis: int) -> None:
    """A column or a row of constants before, two behind."""
    f = File((1, SIDE * SIDE, 3))
    pads = np.zeros((2, 4), dtype=np.int64)
    pads[:, axis] = 1, 2
    check(f.save(tmp_path, tokens(f, f.node("Pad", image(f), f.ints(*pads.reshape(-1)), f.const(3.0)))))


def test_images_are_joined(tmp_path: Path) -> None:
    """Different images beside each other."""
    f = File((1, SIDE * SIDE, 3))
    y = image(f)
    other = f.quant(f.node("Mul", y, f.const(0.5)), 0.5)
    check(f.save(tmp_path, tokens(f, f.node("Concat", y, other, axis=2))))


@pytest.mark.parametrize("flat", [False, True], ids=["windows and heads", "as one axis"])
def test_attention_within_windows(tmp_path: Path, flat: bool) -> None:
    """Windows of 2 × 2 tokens, two heads: no product is made between tokens of different windows."""
    f = File((1, SIDE * SIDE, 3))
    y = f.node("Reshape", image(f), f.ints(1, 2, 2, 2, 2, CHANNELS))
    y = f.node("Reshape", f.node("Transpose", y, perm=[0, 1, 3, 2, 4, 5]), f.ints(4, 4, CHANNELS))
    lead = (8,) if flat else (4, 2)

    def heads(seed: int) -> str:
        z = f.quant(f.dense(y, weights(CHANNELS, CHANNELS) * (-1) ** seed, 0.125), 1.0)
        z = f.node("Transpose", f.node("Reshape", z, f.ints(4, 4, 2, 3)), perm=[0, 2, 1, 3])
        return f.node("Reshape", z, f.ints(*lead, 4, 3))

    perm = [*range(len(lead)), len(lead) + 1, len(lead)]
    scores = f.node("MatMul", heads(0), f.node("Transpose", heads(1), perm=perm))
    shares = f.quant(f.node("Relu", scores), 4.0, signed=0)
    z = f.node("MatMul", shares, heads(2))
    z = f.node("Transpose", f.node("Reshape", f.quant(z, 64.0), f.ints(4, 2, 4, 3)), perm=[0, 2, 1, 3])
    z = f.node("Reshape", z, f.ints(1, 2, 2, 2, 2, CHANNELS))
    z = f.node("Transpose", z, perm=[0, 1, 3, 2, 4, 5])
    z = f.node("Add", f.node("Reshape", z, f.ints(1, SIDE, SIDE, CHANNELS)), image(f))
    graph = check(f.save(tmp_path, tokens(f, f.quant(z, 16.0))))
    products = [node for node in graph if node.op.kind == "matmul" and node.op.heads == 8]
    assert [(node.op.form, graph.tensors[node.name].tokens) for node in products] == [("scores", 4), ("values", 4)]


@pytest.mark.parametrize(("kernel", "pads"), [(1, 0), (2, 0), (3, 1)])
def test_strides_over_tokens(tmp_path: Path, kernel: int, pads: int) -> None:
    """Two convolutions: behind the first one a token is one pixel."""
    f = File((1, 3, 8, 8))
    first, second = (f.weight(weights(*shape), 0.25) for shape in ((CHANNELS, 3, 2, 2), (4, CHANNELS, kernel, kernel)))
    y = f.quant(f.node("Conv", f.quant("in", 0.5), first, kernel_shape=[2, 2], strides=[2, 2]), 1.0)
    y = f.node("Conv", y, second, kernel_shape=[kernel] * 2, strides=[2, 2], pads=[pads] * 4)
    y = f.node("Transpose", f.node("Reshape", f.quant(y, 4.0), f.ints(1, 4, -1)), perm=[0, 2, 1])
    graph = check(f.save(tmp_path, f.dense(y, weights(4, 5), 0.25)))
    assert graph.output_tensor.tokens == 4
    assert "dense" in kinds(graph)


# ---- operands whose tokens or channels have another order


def two(f: File, role: str) -> tuple[str, str]:
    """(batch, 2, 2, channels) or (batch, tokens, 2, 3), and the same numbers with two axes exchanged."""
    y = f.quant(f.dense(f.quant("in", 0.5), weights(3, CHANNELS), 0.25), 1.0)
    if role == "token":
        y = f.node("Reshape", y, f.ints(1, 2, 2, CHANNELS))
        return y, f.node("Transpose", y, perm=[0, 2, 1, 3])
    other = f.node("Transpose", f.node("Reshape", y, f.ints(1, 4, 3, 2)), perm=[0, 1, 3, 2])
    return f.node("Reshape", y, f.ints(1, 4, 2, 3)), other


@pytest.mark.parametrize("exchanged", [False, True])
@pytest.mark.parametrize("role", ["token", "channel"])
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Where", "tokens", "channels"])
def test_operands_of_another_order(tmp_path: Path, op: str, role: str, exchanged: bool) -> None:
    f = File((1, 4, 3))
    operands = two(f, role)
    operands = operands[::-1] if exchanged else operands
    if op == "Where":
        shape = (1, 2, 2, CHANNELS) if role == "token" else (1, 4, 2, 3)
        y = f.node(op, f.const(np.random.default_rng(0).random(shape) < 0.5, dtype=bool), *operands)
    elif op in ("tokens", "channels"):
        y = f.node("Concat", *operands, axis={"tokens": 1, "channels": 3}[op])
    else:
        y = f.node(op, *operands)
    tokens, width = (8, CHANNELS) if op == "tokens" else (4, 2 * CHANNELS if op == "channels" else CHANNELS)
    y = f.node("Reshape", y, f.ints(1, tokens, width))
    check(f.save(tmp_path, f.quant(f.dense(y, weights(width, 5), 0.25), 4.0)))


@pytest.mark.parametrize("op", ["Add", "Mul"])
def test_constants_for_tokens_of_another_order(tmp_path: Path, op: str) -> None:
    f = File((1, 4, 3))
    constant = f.const(np.random.default_rng(0).integers(-4, 5, (2, 2, CHANNELS)) / 2)
    y = f.node("Reshape", f.node(op, two(f, "token")[1], constant), f.ints(1, 4, CHANNELS))
    check(f.save(tmp_path, f.quant(f.dense(y, weights(CHANNELS, 5), 0.25), 4.0)))
