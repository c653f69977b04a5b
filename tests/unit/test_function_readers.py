"""Functions that are read without a quantizer between: products, signs and absolute values stay integers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from import_judge import judged
from qonnx_files import File

from accel import onnx_import
from accel.errors import UserError

I8, I16 = (np.zeros((), dtype) for dtype in (np.int8, np.int16))
RNG = np.random.default_rng(8)
X = RNG.normal(size=(1, 4, 6)).astype(np.float32)


def quantized(f: File, x: str, step: float, zero: np.ndarray = I8) -> str:
    given = f.const(step), f.const(zero, dtype=zero.dtype)
    return f.node("DequantizeLinear", f.node("QuantizeLinear", x, *given), *given)


def weights(f: File, inputs: int = 6) -> str:
    integers = np.random.default_rng(0).integers(-127, 128, (inputs, 6))
    return f.node("DequantizeLinear", f.const(integers, dtype=np.int8), f.const(0.01))


def sum_of_square(f: File, x: str) -> str:
    return f.node("Add", f.node("Mul", x, x), x)


FUNCTIONS: dict[str, Callable[[File, str], str]] = {
    "square": lambda f, x: f.node("Mul", x, x),
    "power 2": lambda f, x: f.node("Pow", x, f.const(2.0)),
    "power 3": lambda f, x: f.node("Pow", x, f.const(3.0)),
    "cube": lambda f, x: f.node("Mul", f.node("Mul", x, x), x),
    "x · relu(x)": lambda f, x: f.node("Mul", x, f.node("Relu", x)),
    "x² + x": sum_of_square,
    "x − x²": lambda f, x: f.node("Sub", x, f.node("Mul", x, x)),
    "−2 x²": lambda f, x: f.node("Mul", f.node("Mul", x, x), f.const(-2.0)),
    "x² by channel": lambda f, x: f.node("Mul", f.node("Mul", x, x), f.const([1, -2, 0.5, 3, -1, 1.5])),
    "x² + 0.3": lambda f, x: f.node("Add", f.node("Mul", x, x), f.const(0.3)),
    "negated": lambda f, x: f.node("Neg", x),
    "absolute": lambda f, x: f.node("Abs", x),
    "sign": lambda f, x: f.node("Sign", x),
    "x · |x|": lambda f, x: f.node("Mul", x, f.node("Abs", x)),
}


def moved(f: File, x: str, y: str) -> str:
    """Channels in another order, and read then."""
    y = f.node("Transpose", f.node("Reshape", y, f.ints(0, 0, 2, 3)), perm=[0, 1, 3, 2])
    return f.node("MatMul", f.node("Reshape", y, f.ints(0, 0, 6)), weights(f))


READERS: dict[str, Callable[[File, str, str], str]] = {
    "MatMul": lambda f, x, y: f.node("MatMul", y, weights(f)),
    "product of two": lambda f, x, y: f.node("MatMul", x, f.node("Transpose", y, perm=[0, 2, 1])),
    "LayerNormalization": lambda f, x, y: f.node("LayerNormalization", y, f.const(np.ones(6)), axis=-1),
    "Concat": lambda f, x, y: f.node("Concat", y, x, axis=1),
    "ReduceMean": lambda f, x, y: f.node("ReduceMean", y, f.ints(1)),
    "another activation": lambda f, x, y: f.node("Add", y, f.node("MatMul", x, weights(f))),
    "Slice": lambda f, x, y: f.node("Slice", y, f.ints(1), f.ints(3), f.ints(2)),
    "Split": lambda f, x, y: f.node("Split", y, f.ints(6), axis=2),
    "Gather": lambda f, x, y: f.node("Gather", y, f.ints(2, 1), axis=1),
    "moved": moved,
}
INPUTS = {
    "8 bits": lambda f: quantized(f, "in", 0.03),
    "16 bits": lambda f: quantized(f, "in", 0.0002, I16),
    "accumulator": lambda f: f.node("MatMul", quantized(f, "in", 0.03), weights(f)),
}


def written(folder: Path, given: str, function: str, reader: str) -> Path:
    f = File((1, 4, 6), opset=21)
    x = INPUTS[given](f)
    y = READERS[reader](f, x, FUNCTIONS[function](f, x))
    return f.save(folder, quantized(f, y, 0.05))


def held(folder: Path, given: str, function: str, readers: Iterable[str]) -> None:
    for reader in readers:
        verdict = judged(written(folder, given, function, reader), X)
        assert verdict.kind in ("exact", "near"), f"{reader}: {verdict}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_of_integers_is_an_edge_for_its_readers(tmp_path: Path, function: str) -> None:
    held(tmp_path, "8 bits", function, ["MatMul", "Slice", "moved"])


@pytest.mark.parametrize("given", INPUTS)
def test_a_square_is_an_edge_for_all_readers(tmp_path: Path, given: str) -> None:
    held(tmp_path, given, "square", [reader for reader in READERS if reader != "Gather" or given != "accumulator"])


def test_a_short_square_is_a_table_and_a_wide_one_a_product(tmp_path: Path) -> None:
    kinds = {
        given: [node.op.kind for node in onnx_import.load(written(tmp_path, given, "square", "MatMul"))]
        for given in ("8 bits", "16 bits")
    }
    assert kinds == {"8 bits": ["lookup", "dense", "rescale"], "16 bits": ["mul", "dense", "rescale"]}


def test_readers_of_one_square_share_it(tmp_path: Path) -> None:
    f = File((1, 4, 6), opset=21)
    x = quantized(f, "in", 0.03)
    y = f.node("Mul", x, x)
    path = f.save(tmp_path, quantized(f, f.node("Add", f.node("MatMul", y, weights(f)), y), 0.05))
    assert [node.op.kind for node in onnx_import.load(path)].count("lookup") == 1
    assert judged(path, X).kind in ("exact", "near")


@pytest.mark.parametrize("function", ["Sigmoid", "x · sigmoid(x)"])
def test_a_function_of_real_numbers_needs_a_quantizer(tmp_path: Path, function: str) -> None:
    f = File((1, 4, 6), opset=21)
    x = quantized(f, "in", 0.03)
    y = f.node("Sigmoid", x)
    y = y if function == "Sigmoid" else f.node("Mul", x, y)
    path = f.save(tmp_path, quantized(f, f.node("MatMul", y, weights(f)), 0.05))
    with pytest.raises(
        UserError, match=r"MatMul .* no quantizer stands between '/(Sigmoid|Mul)_.' and it; put a Quant"
    ):
        onnx_import.load(path)


def test_what_is_cut_from_a_function_is_a_function(tmp_path: Path) -> None:
    f = File((1, 4, 6), opset=21)
    y = f.node("Slice", f.node("Sigmoid", quantized(f, "in", 0.03)), f.ints(1), f.ints(3), f.ints(1))
    path = f.save(tmp_path, quantized(f, y, 0.005))
    assert judged(path, X).kind in ("exact", "near")
    assert [node.op.kind for node in onnx_import.load(path)] == ["window", "lookup"]


def test_channels_that_are_there_twice_are_negated(tmp_path: Path) -> None:
    f = File((1, 4, 6), opset=21)
    twice = f.node("Gather", quantized(f, "in", 0.03), f.ints(0, 0, 1, 5), axis=2)
    path = f.save(tmp_path, quantized(f, f.node("Neg", twice), 0.05))
    assert judged(path, X).kind in ("exact", "near")
