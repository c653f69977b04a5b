"""Tokens and channels that change places: softmax over tokens, attention pooling written as a product and a sum."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from float_files import check, kinds
from qdq_files import I8, U8, as_file, linear, normal, quantized
from qonnx_files import File

T, C = 6, 8


def scores(f: File, x: str, heads: int) -> str:
    """A small network gives every token a score per head, with a bias that differs per head."""
    hidden = quantized(f, f.node("Tanh", quantized(f, linear(f, x, C, C, 1), 0.03, I8)), 1 / 127, I8)
    return quantized(f, f.node("Mul", linear(f, hidden, C, heads, 2), f.const(3.0)), 0.05, I8)


def pooled(f: File, x: str, heads: int, inner: bool, batch: int) -> str:
    """Σ over tokens of softmax over tokens · x, as smart-turn's head has it; with `inner`, products are quantized."""
    p = quantized(f, f.node("Softmax", scores(f, x, heads), axis=1), 1 / 255, U8)
    if heads > 1:
        p = f.node("Unsqueeze", p, f.ints(3))
        x = f.node("Reshape", x, f.ints(batch, T, heads, C // heads))
    y = f.node("Mul", x, p)
    y = quantized(f, y, 0.02, I8) if inner else y
    return f.node("ReduceSum", y, f.ints(1), keepdims=0)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize("heads", [1, 2])
def test_attention_pooling_as_a_product_and_a_sum(tmp_path: Path, batch: int, inner: bool, heads: int) -> None:
    f = File((batch, T, C), opset=18)
    y = pooled(f, quantized(f, "in", 0.03, I8), heads, inner, batch)
    path = f.save(tmp_path, quantized(f, y, 0.02, I8))
    imported = check(path)
    assert kinds(imported).count("matmul") == 2  # there and back
    got, right = as_file(path, normal(batch, T, C))
    assert np.abs(got - right).max() <= 2  # of probabilities that are a step off


@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_a_softmax_over_any_axis(tmp_path: Path, axis: int) -> None:
    """Over tokens, over channels, and over channels that do not lie in a row: one of every head."""
    f = File((1, T, C), opset=18)
    x = quantized(f, linear(f, quantized(f, "in", 0.03, I8), C, C, 1), 0.05, I8)
    x = f.node("Reshape", x, f.ints(1, T, 2, C // 2))
    p = quantized(f, f.node("Softmax", x, axis=axis), 1 / 255, U8)
    check(f.save(tmp_path, f.node("Reshape", p, f.ints(1, T, C))))


@pytest.mark.parametrize("number", [-np.inf, -1e9])
def test_tokens_that_a_mask_hides_from_a_pooling(tmp_path: Path, number: float) -> None:
    f = File((1, T, C), opset=18)
    x = quantized(f, "in", 0.03, I8)
    hidden = np.arange(T)[:, None] > 3
    s = f.node("Where", f.const(hidden, dtype=bool), f.const(number), scores(f, x, 2))
    p = quantized(f, f.node("Softmax", s, axis=1), 1 / 255, U8)
    y = f.node("MatMul", f.node("Transpose", p, perm=[0, 2, 1]), x)
    path = f.save(tmp_path, quantized(f, y, 0.02, I8))
    check(path)
    got, right = as_file(path, normal(1, T, C))
    assert np.abs(got - right).max() <= 2


@pytest.mark.parametrize("order", ["reversed", "mixed"])
def test_a_file_whose_first_axis_behind_the_batch_fits_channels_better(tmp_path: Path, order: str) -> None:
    """Tokens in another order, or mixed by weights: they are read as channels, and change places at the end."""
    f = File((1, T, C), opset=18)
    x = quantized(f, "in", 0.03, I8)
    if order == "reversed":
        y = f.node("Slice", x, f.ints(-1), f.ints(-99), f.ints(1), f.ints(-1))
    else:
        y = f.node("Transpose", linear(f, f.node("Transpose", x, perm=[0, 2, 1]), T, T, 1), perm=[0, 2, 1])
    path = f.save(tmp_path, quantized(f, y, 0.03, I8))
    imported = check(path)
    assert len(imported.turned) == 1
    assert imported.graph.predict(normal(4, T, C)).shape == (4, T, C)
    got, right = as_file(path, normal(1, T, C))
    assert np.abs(got - right).max() <= 1.01
