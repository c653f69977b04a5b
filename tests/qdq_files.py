"""Files with QuantizeLinear and DequantizeLinear, held to ONNX Runtime without optimizations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx_session import opened
from qonnx_files import File

from accel import onnx_import, reference


def as_file(path: Path, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the graph makes of inputs of the file's shape, and onnxruntime without optimizations, in output steps."""
    model = onnx_import.read(path)
    y = reference.run(model.graph, reference.quantize(model.graph, model.samples(x)))
    session = opened(path)
    right = session.run(None, {session.get_inputs()[0].name: x})[0]
    origin = model.origins[model.graph.output]
    return y, origin.layout.to_edge(right.astype(np.float64)) / origin.scale


def assert_same(path: Path, x: np.ndarray) -> None:
    y, right = as_file(path, x)
    np.testing.assert_array_equal(y, np.rint(right))


def quantized(f: File, x: str, step: float, zero: object = None, **attributes: object) -> str:
    """QuantizeLinear and DequantizeLinear."""
    parameters = [f.const(step), *([] if zero is None else [f.const(zero, dtype=zero.dtype)])]
    return f.node("DequantizeLinear", f.node("QuantizeLinear", x, *parameters, **attributes), *parameters)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


I8, U8 = np.zeros((), np.int8), np.zeros((), np.uint8)


def linear(f: File, x: str, inputs: int, outputs: int, seed: int) -> str:
    """Weights of 8 bits with a scale per output channel, and a bias that differs between them."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(0.5, 1.5, outputs) / np.sqrt(inputs) / 127
    integers = f.const(rng.integers(-127, 128, (inputs, outputs)), dtype=np.int8)
    zeros = f.const(np.zeros(outputs), dtype=np.int8)
    y = f.node("MatMul", x, f.node("DequantizeLinear", integers, f.const(steps), zeros, axis=1))
    return f.node("Add", y, f.const(rng.normal(size=outputs) / 4))
