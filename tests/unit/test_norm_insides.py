"""Norms that are written out with quantizers between their operators: what was trained is what runs, step by step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from float_files import check, kinds
from qdq_files import I8, U8, as_file, linear, normal, quantized
from qonnx_files import File

from accel import onnx_import
from accel.errors import UnsupportedModel

T, C = 5, 8


def power(f: File, x: str) -> str:
    """As onnxruntime's quantizer leaves it: nothing behind Pow."""
    return f.node("Pow", x, f.const(2.0))


def product(f: File, x: str) -> str:
    return f.node("Mul", x, x)


def stepwise(f: File, x: str) -> str:
    return quantized(f, f.node("Mul", x, x), 0.07, U8)


Square = Callable[[File, str], str]


def inverse(f: File, x: str, square: Square) -> str:
    """1 / sqrt(mean(x²) + eps), with a quantizer behind mean, sum and root."""
    mean = quantized(f, f.node("ReduceMean", square(f, x), f.ints(-1), keepdims=1), 0.03, I8)
    total = quantized(f, f.node("Add", mean, f.const(1e-6)), 0.03, I8)
    return quantized(f, f.node("Reciprocal", f.node("Sqrt", total)), 0.0471, I8)


@pytest.mark.parametrize("square", [power, product, stepwise])
def test_rms_norm(tmp_path: Path, square: Square) -> None:
    f = File((1, T, C), opset=18)
    x = quantized(f, linear(f, quantized(f, "in", 0.03, I8), C, C, 1), 0.03, I8)
    y = quantized(f, f.node("Mul", x, inverse(f, x, square)), 0.03, I8)
    y = quantized(f, f.node("Mul", y, f.const(np.linspace(0.5, 1.5, C))), 0.03, I8)
    path = f.save(tmp_path, y)
    assert "norm" not in kinds(check(path))
    got, right = as_file(path, normal(1, T, C))
    assert np.abs(got - right).max() <= 2  # of a product that is a step off


@pytest.mark.parametrize("square", [power, product, stepwise])
def test_layer_norm(tmp_path: Path, square: Square) -> None:
    f = File((1, T, C), opset=18)
    x = quantized(f, "in", 0.03, I8)
    mean = quantized(f, f.node("ReduceMean", x, f.ints(2), keepdims=1), 0.01, I8)
    x = quantized(f, f.node("Sub", x, mean), 0.03, I8)
    path = f.save(tmp_path, quantized(f, f.node("Mul", x, inverse(f, x, square)), 0.03, I8))
    check(path)
    got, right = as_file(path, normal(1, T, C))
    assert np.abs(got - right).max() <= 1.01


@pytest.mark.parametrize("axes", [(2,), (1, 2), (3,), (2, 3)])
@pytest.mark.parametrize("keep", [0, 1])
def test_sums_over_channels(tmp_path: Path, axes: tuple[int, ...], keep: int) -> None:
    """Over those of a head, of all heads, or over heads; over tokens and channels at once it is refused."""
    f = File((1, T, C), opset=18)
    x = quantized(f, "in", 0.03, I8)
    if max(axes) == 3 or axes == (2,):
        x = f.node("Reshape", x, f.ints(1, T, 2, C // 2))
    y = f.node("ReduceSum", x, f.ints(*axes), keepdims=keep)
    path = f.save(tmp_path, quantized(f, y, 0.05, I8))
    if axes == (1, 2):
        with pytest.raises(UnsupportedModel, match="over tokens and channels at once"):
            onnx_import.read(path)
        return
    got, right = as_file(path, normal(1, T, C))
    assert np.abs(got - right).max() <= 1.01
