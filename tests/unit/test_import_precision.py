"""What is rounded between two quantizers is so fine that integers of 16 bits, too, are one step off at most."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from import_judge import judged
from qdq_files import I8, as_file, quantized
from qonnx_files import File

from accel import onnx_import
from accel.errors import UserError
from accel.op import Op
from accel.ops import Add, Dense, MatMul, Mul, Pool, Position, Rescale, Rotary, Window
from accel.tensor import Tensor

I16 = np.zeros((), np.int16)
RNG = np.random.default_rng(4)
X = RNG.normal(size=(4, 6)).astype(np.float32)


def weights(f: File, inputs: int, outputs: int, step: object) -> str:
    integers = f.const(RNG.integers(-127, 128, (inputs, outputs)), dtype=np.int8)
    axis = {"axis": 1} if np.ndim(step) else {}
    return f.node("DequantizeLinear", integers, f.const(step), **axis)


def dense(f: File, x: str) -> str:
    """A product whose accumulator is coarse beside 16 bits, and a bias off its grid."""
    y = f.node("MatMul", x, weights(f, 6, 6, RNG.uniform(4e-3, 1e-2, 6)))
    return f.node("Add", y, f.const(RNG.normal(size=6)))


def joined(f: File, x: str) -> str:
    return f.node("Concat", x, f.node("Div", x, f.const([0.7, 0.9, 1.1, 1.3, 0.8, 0.6])), axis=1)


def sum_of_unrelated(f: File, x: str) -> str:
    return f.node("Add", x, f.node("Mul", x, f.const(RNG.uniform(0.5, 1, 6))))


def norm(f: File, x: str) -> str:
    return f.node("LayerNormalization", dense(f, x), f.const(RNG.uniform(0.5, 1.5, 6)))


def norm_of_wide_sums(f: File, x: str, channels: int = 12) -> str:
    y = f.node("MatMul", x, weights(f, 6, channels, 0.01))
    y = f.node("Add", y, f.node("MatMul", x, weights(f, 6, channels, RNG.uniform(1e-3, 2e-3, channels))))
    return f.node("LayerNormalization", y, f.const(RNG.uniform(0.5, 1.5, channels)))


@pytest.mark.parametrize("make", [dense, joined, sum_of_unrelated, norm, norm_of_wide_sums])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_quantizer_is_one_step_off_at_most(tmp_path: Path, make: object, bits: int) -> None:
    f = File((4, 6), opset=21)
    y = make(f, quantized(f, "in", 0.02, I8))  # type: ignore[operator]
    y = quantized(f, y, 2.5 / (1 << bits - 1), I8 if bits == 8 else I16)
    y, right = as_file(f.save(tmp_path, y), X)
    assert np.abs(y - np.rint(right)).max() <= 1


def test_precision_is_paid_for_where_it_is_needed(tmp_path: Path) -> None:
    widths = {}
    for kind in (I8, I16):
        f = File((4, 6), opset=21)
        y = dense(f, quantized(f, "in", 0.02, I8))
        graph = onnx_import.load(f.save(tmp_path, quantized(f, y, 2.5 / np.iinfo(kind.dtype).max, kind)))
        widths[kind.dtype] = max(tensor.width for tensor in graph.tensors.values())
    assert widths[I8.dtype] <= 18 < widths[I16.dtype]


@pytest.mark.parametrize("relu", ["Relu", "Identity"])
@pytest.mark.parametrize("steps", [(0.004, 0.01), (0.004, 0.008)])
@pytest.mark.parametrize("quantizes", [False, True])
def test_queries_have_scales_of_their_own(
    tmp_path: Path, relu: str, steps: tuple[float, float], quantizes: bool
) -> None:
    """As many queries as keys: a scale of the queries was taken for one of the keys."""
    f = File((1, 2, 8), opset=21)
    x = quantized(f, "in", 0.02, I8)
    scores = f.node(relu, f.node("MatMul", x, weights(f, 8, 2, steps)))
    scores = quantized(f, scores, 0.02, I8) if quantizes else scores
    p = f.node("Softmax", f.node("Transpose", f.node("Mul", scores, f.const(0.5)), perm=[0, 2, 1]), axis=-1)
    path = f.save(tmp_path, quantized(f, p, 1 / 256, np.zeros((), np.uint8)))
    y, right = as_file(path, RNG.normal(size=(1, 2, 8)).astype(np.float32))
    assert np.abs(y - np.rint(right)).max() <= 1


def test_a_table_of_numbers_that_are_off(tmp_path: Path) -> None:
    f = File((4, 6), opset=21)
    y = f.node("Tanh", dense(f, quantized(f, "in", 0.02, I8)))
    y, right = as_file(f.save(tmp_path, quantized(f, y, 2.0**-13, I16)), X)
    assert np.abs(y - np.rint(right)).max() <= 1


def test_a_norm_beyond_62_bits_is_refused(tmp_path: Path) -> None:
    f = File((4, 6), opset=21)
    y = norm_of_wide_sums(f, quantized(f, "in", 0.02, I8), 64)
    with pytest.raises(UserError, match=r"64 channels of .* bits and an output of .* are beyond 62-bit arithmetic"):
        onnx_import.load(f.save(tmp_path, quantized(f, y, 2.5 / 32768, I16)))


def test_a_jump_behind_numbers_that_are_off_is_refused(tmp_path: Path) -> None:
    """Floor of a number within its error of an integer may be the one or the other: ten steps apart."""
    f = File((4, 6), opset=21)
    y = f.node("Floor", dense(f, quantized(f, "in", 0.02, I8)))
    with pytest.raises(UserError, match="changes by more than a step of its output"):
        onnx_import.load(f.save(tmp_path, quantized(f, y, 0.1, I8)))


def test_what_no_precision_holds_is_refused(tmp_path: Path) -> None:
    f = File((4, 6), opset=21)
    x = quantized(f, "in", 0.02, I8)
    far = f.node("Mul", x, f.const(RNG.uniform(1e5, 2e5, 6)))
    y = f.node("Sub", f.node("Add", x, far), far)
    with pytest.raises(UserError, match=r"is up to .* steps of it off.*quantize the operators in front of it"):
        onnx_import.load(f.save(tmp_path, quantized(f, y, 1e-6, I16)))


@pytest.mark.parametrize("keys", [4, 17, 64, 512])
@pytest.mark.parametrize("step", [2.0**-8, 1 / 255, 2.0**-16, 1 / 65535])
def test_a_softmax_is_one_step_off_at_most_whatever_its_row(tmp_path: Path, keys: int, step: float) -> None:
    """Of one large score and many small ones, where what rounding does to the table adds up."""
    f = File((1, 4, keys), opset=21)
    p = f.node("Softmax", quantized(f, "in", 0.05, I8), axis=-1)
    path = f.save(tmp_path, quantized(f, p, step, np.zeros((), np.uint8 if step > 0.001 else np.uint16)))
    x = RNG.normal(size=(1, 4, keys)).astype(np.float32)
    x[0, 0] = 0
    x[0, 1:3, 1:] = np.float32([[-6.3], [-3.0]])
    y, right = as_file(path, x)
    assert np.abs(y - np.rint(right)).max() <= 1


def test_a_table_that_would_be_too_coarse_is_refused(tmp_path: Path) -> None:
    f = File((1, 4, 6), opset=21)
    scores = f.node("MatMul", quantized(f, "in", 0.02, I8), weights(f, 6, 6, 0.005))
    p = quantized(f, f.node("Softmax", scores, axis=-1), 2.0**-16, np.zeros((), np.uint16))
    with pytest.raises(UserError, match=r"16 bits, from 6 scores of .* bits, are .*quantize the scores in front of"):
        onnx_import.load(f.save(tmp_path, p))


@pytest.mark.parametrize(
    ("op", "errors", "expected"),
    [
        (Dense(np.array([[1, -3, 2, 0]] * 4), np.zeros(4)), [0.5], 3.0),
        (Add(np.array([3, 2])), [0.5, 0.25], 2.0),
        (Mul(), [0.5, 0.25], 0.5 * 10 + 0.25 * 10 + 0.125),
        (MatMul(2, "scores"), [0.0, 0.5], 2 * 10 * 0.5),
        (Rescale(np.array([3]), 1, "floor", -9, 9), [0.5], 0.75),
        (Position(np.zeros((3, 4)), 8), [0.5], 4.0),
        (Pool(), [0.5], 1.5),
        (Rotary(np.full((3, 2), 3), np.full((3, 2), -4)), [0.5], 3.5),
        (Window(0, np.zeros((3, 4))), [0.5], 0.5),
    ],
)  # fmt: skip
def test_errors_pass_an_operator(op: Op, errors: list[float], expected: float) -> None:
    x = Tensor((3, 4), -10, 10, 1.0)
    assert op.error([x] * len(errors), errors) == pytest.approx(expected)


def test_a_bias_far_below_the_grid_of_a_coarse_accumulator_is_kept(tmp_path: Path) -> None:
    """Zeros have a step of 1 where a function makes them: a bias of 2^-14 steps is no zero."""
    f = File((1, 4, 6), opset=21)
    x = quantized(f, "in", 0.02, I8)
    zeros = f.node("Relu", f.node("Sub", x, x))
    y = f.node("Add", f.node("MatMul", zeros, weights(f, 6, 6, 1.0)), f.const(2.0**-14 * np.arange(1, 7)))
    path = f.save(tmp_path, quantized(f, y, 2.0**-18, np.zeros((), np.int16)))
    assert judged(path, X[None]).kind in ("exact", "near")
