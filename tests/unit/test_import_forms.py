"""Forms in which exporters write one thing: each imports, and gives what onnxruntime or qonnx makes of the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_session import opened
from qonnx_files import QUANT, File

from accel import onnx_import, reference
from accel.errors import UnsupportedModel
from accel.onnx_import import Imported

RNG = np.random.default_rng(0)
START = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    """Every test draws the same, whatever ran before it."""
    RNG.bit_generator.state = START


def runtime(path: Path, x: np.ndarray) -> np.ndarray:
    """The file's output in onnxruntime, nothing optimized."""
    session = opened(path)
    return np.asarray(session.run(None, {session.get_inputs()[0].name: x})[0], np.float64)


def agree(path: Path, x: np.ndarray, most: float = 1.01) -> Imported:
    """Import a file and hold its output to `most` steps of what onnxruntime gives; the import."""
    imported = onnx_import.read(path)
    graph = imported.graph
    y = reference.run(graph, reference.quantize(graph, imported.samples(x.astype(np.float32))))
    scale = np.asarray(graph.output_tensor.scale)
    right = imported.origins[graph.output].layout.to_edge(runtime(path, x))
    assert np.abs(y - right / scale).max() <= most
    return imported


def refuse(path: Path, *says: str) -> str:
    with pytest.raises(UnsupportedModel) as caught:
        onnx_import.read(path)
    text = str(caught.value)
    assert "\n" not in text
    for part in says:
        assert part in text, text
    return text


class Qdq(File):
    """Files with QuantizeLinear and DequantizeLinear."""

    def steps(self, x: str, scale: Any, kind: Any = np.int8, zero: int = 0, **attributes: Any) -> str:
        scale = np.asarray(scale)
        zeros = self.const(np.full(scale.shape, zero), dtype=kind)
        return self.node("QuantizeLinear", x, self.const(scale), zeros, **attributes)

    def reals(self, x: str, scale: Any, kind: Any = np.int8, zero: Any = 0, **attributes: Any) -> str:
        scale = np.asarray(scale)
        zeros = self.const(np.broadcast_to(zero, scale.shape), dtype=kind)
        return self.node("DequantizeLinear", x, self.const(scale), zeros, **attributes)

    def pair(self, x: str, scale: Any, kind: Any = np.int8, zero: int = 0) -> str:
        return self.reals(self.steps(x, scale, kind, zero), scale, kind, zero)

    def linear(self, x: str, inputs: int, outputs: int, scale: float = 0.1) -> str:
        weight = self.const(RNG.integers(-127, 128, (inputs, outputs)), dtype=np.int8)
        return self.pair(self.node("MatMul", x, self.reals(weight, 0.01)), scale)


# ---- names


@pytest.mark.parametrize("domain", ["finn.custom_op.general", "onnx.brevitas", QUANT])
@pytest.mark.parametrize("name", ["Quant", "IntQuant"])
def test_quant_nodes_in_every_domain_and_under_both_names(tmp_path: Path, domain: str, name: str) -> None:
    f = File()
    y = f.quant(f.dense(f.quant("in", 0.5), RNG.integers(-7, 8, (4, 3)), 0.25), 0.5)
    for node in f.nodes:
        if node.op_type == "Quant":
            node.op_type, node.domain = name, domain
    imported = onnx_import.read(f.save(tmp_path, y))
    assert imported.is_exact
    x = RNG.normal(size=(4, 3, 4)).astype(np.float32)
    expected = onnx_import.execute(imported, x)[imported.graph.output]
    got = reference.run(imported.graph, reference.quantize(imported.graph, x))
    np.testing.assert_array_equal(got, expected)


def test_quantizers_in_onnxruntimes_own_domain(tmp_path: Path) -> None:
    f = Qdq()
    y = f.linear(f.pair("in", 0.03), 4, 3)
    path = f.save(tmp_path, y)
    x = RNG.normal(size=(1, 3, 4)).astype(np.float32)
    expected = runtime(path, x)
    for node in f.nodes:
        node.domain = "com.microsoft" if "Quantize" in node.op_type or "Dequantize" in node.op_type else ""
    imported = onnx_import.read(f.save(tmp_path, y))
    got = reference.run(imported.graph, reference.quantize(imported.graph, x)) * np.asarray(
        imported.graph.output_tensor.scale
    )
    np.testing.assert_allclose(got, expected, atol=0.101)
    assert onnx_import.deviations(imported, reference.quantize(imported.graph, x))


def test_brevitas_name_of_rounding_toward_zero(tmp_path: Path) -> None:
    f = File()
    path = f.save(tmp_path, f.quant(f.quant("in", 0.25), 1.0, mode="ROUND_TO_ZERO"))
    imported = onnx_import.read(path)
    x = np.arange(-6, 6).reshape(1, 3, 4) / np.float32(4)
    expected = onnx_import.execute(imported, x)[imported.graph.output]
    assert expected.reshape(-1).tolist() == np.trunc(x).reshape(-1).tolist()
    np.testing.assert_array_equal(reference.run(imported.graph, reference.quantize(imported.graph, x)), expected)


# ---- types


@pytest.mark.parametrize("kind", ["int4", "uint4", "int2", "uint2"])
def test_weights_of_few_bits(tmp_path: Path, kind: str) -> None:
    dtype = np.dtype(kind) if kind in np.sctypeDict else np.dtype(getattr(ml_dtypes, kind))
    least, most = (int(getattr(ml_dtypes.iinfo(dtype), end)) for end in ("min", "max"))
    f = Qdq(opset=25 if kind.endswith("2") else 21)
    f.initializers.append(onnx.numpy_helper.from_array(RNG.integers(least, most + 1, (4, 6)).astype(dtype), "w"))
    weight = f.reals("w", np.linspace(0.05, 0.1, 6), dtype, 1, axis=1)
    y = f.pair(f.node("MatMul", f.pair("in", 0.03), weight), 0.05)
    path = f.save(tmp_path, y)
    imported = onnx_import.read(path)
    (dense,) = (node.op for node in imported.graph if node.op.kind == "dense")
    assert least - 1 <= dense.weight.lo
    assert dense.weight.hi <= most - 1
    if kind.endswith("4"):
        agree(path, RNG.normal(size=(1, 3, 4)).astype(np.float32))


def test_activations_of_four_bits(tmp_path: Path) -> None:
    f = Qdq(opset=21)
    path = f.save(tmp_path, f.pair(f.pair("in", 0.03), 0.2, ml_dtypes.int4, -2))
    imported = agree(path, RNG.normal(size=(1, 3, 4)).astype(np.float32))
    assert (imported.graph.output_tensor.lo, imported.graph.output_tensor.hi) == (-6, 9)


@pytest.mark.parametrize("kind", [np.float16, ml_dtypes.bfloat16])
def test_files_of_half_precision(tmp_path: Path, kind: Any) -> None:
    """They mean the same real numbers, and qonnx runs them in float32."""
    f = File((1, 3, 4), opset=21)
    f.inputs[0].type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    step, zero = f.const(0.25, dtype=kind), f.const(0, dtype=np.int8)
    x = f.node("DequantizeLinear", f.node("QuantizeLinear", "in", step, zero), step, zero)
    y = f.node("Cast", f.node("Add", x, f.const(RNG.normal(size=4), dtype=kind)), to=TensorProto.FLOAT16)
    y = f.node("DequantizeLinear", f.node("QuantizeLinear", y, step, zero), step, zero)
    imported = onnx_import.read(f.save(tmp_path, y))
    x = RNG.integers(-100, 100, (5, 3, 4))
    assert all(found.max_lsb <= 1 for found in onnx_import.deviations(imported, x))


# ---- integers between QuantizeLinear and DequantizeLinear


def _moved(f: Qdq, q: str, how: str) -> str:
    match how:
        case "reshape":
            q = f.node("Transpose", f.node("Reshape", q, f.ints(1, 6, 2, 4)), perm=[0, 1, 3, 2])
            return f.node("Reshape", q, f.ints(1, 6, 8))
        case "slice":
            return f.node("Slice", q, f.ints(2), f.ints(5), f.ints(1))
        case "gather":
            return f.node("Gather", q, f.ints(5, 1, 0), axis=2)
        case "squeeze":
            return f.node("Unsqueeze", f.node("Squeeze", q, f.ints(0)), f.ints(0))
        case "concat":
            return f.node("Concat", q, f.const(np.full((1, 2, 8), 7), dtype=np.int8), axis=1)
        case _:
            return f.node("Concat", q, f.node("Slice", q, f.ints(0), f.ints(2), f.ints(1)), axis=1)


@pytest.mark.parametrize("how", ["reshape", "slice", "gather", "squeeze", "concat", "both"])
@pytest.mark.parametrize("zero", [0, 3])
@pytest.mark.parametrize("inner", [False, True])
def test_integers_are_moved(tmp_path: Path, how: str, zero: int, inner: bool) -> None:
    """Moving integers is moving the numbers that they stand for; of the input, or behind a layer."""
    f = Qdq((1, 6, 8))
    x = f.linear(f.pair("in", 0.03), 8, 8) if inner else "in"
    q = _moved(f, f.steps(x, 0.03, zero=zero), how)
    y = f.reals(q, 0.03, zero=zero)
    if how != "gather":
        y = f.linear(y, 8, 4)
    imported = agree(f.save(tmp_path, y), RNG.normal(size=(1, 6, 8)).astype(np.float32), 2.01 if inner else 1.01)
    spec = imported.graph.input
    x = RNG.integers(spec.lo, spec.hi, (3, *spec.shape), endpoint=True)
    assert all(found.max_lsb <= 1 for found in onnx_import.deviations(imported, x))


def test_what_computes_with_integers_is_refused_in_its_own_words(tmp_path: Path) -> None:
    f = Qdq()
    q = f.steps("in", 0.03, np.uint8)
    refuse(
        f.save(tmp_path, f.reals(f.node("MatMul", q, f.const(np.eye(4))), 0.03, np.uint8)),
        "computes with the integers of a QuantizeLinear; put the DequantizeLinear in front of it",
    )


# ---- structure


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_sums_of_any_number_of_operands(tmp_path: Path, count: int) -> None:
    f = Qdq()
    x = f.pair("in", 0.03)
    parts = [f.linear(x, 4, 4) for _ in range(count)]
    path = f.save(tmp_path, f.pair(f.node("Sum", *parts, f.const(RNG.normal(size=4))), 0.1))
    agree(path, RNG.normal(size=(1, 3, 4)).astype(np.float32))


@pytest.mark.parametrize("name", ["s6", "N", "unk__0", "batch_size", "", "whatever"])
def test_a_batch_under_any_name(tmp_path: Path, name: str) -> None:
    f = Qdq((name or None, 3, 4))
    model = f.proto(f.linear(f.pair("in", 0.03), 4, 2))
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    for size in (name or None, 3, 2):
        dim = model.graph.output[0].type.tensor_type.shape.dim.add()
        if isinstance(size, int):
            dim.dim_value = size
        elif size:
            dim.dim_param = size
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    agree(path, RNG.normal(size=(1, 3, 4)).astype(np.float32))


@pytest.mark.parametrize("name", ["seq_len", "sequence", "num_tokens"])
def test_a_sequence_is_no_batch(tmp_path: Path, name: str) -> None:
    f = Qdq((name, 4))
    refuse(f.save(tmp_path, f.linear(f.pair("in", 0.03), 4, 2)), f"shape ({name}, 4)", "only the batch")


@pytest.mark.parametrize("batch", [1, 3])
def test_tokens_before_samples(tmp_path: Path, batch: int) -> None:
    """(tokens, batch, channels) with attention, as torch's layers are without batch_first."""
    f = Qdq((6, batch, 8))
    a = f.node("Transpose", f.pair("in", 0.03), perm=[1, 0, 2])
    q, k, v = (f.linear(a, 8, 8) for _ in range(3))
    scores = f.pair(f.node("MatMul", q, f.node("Transpose", k, perm=[0, 2, 1])), 0.05)
    p = f.pair(f.node("Softmax", scores, axis=-1), 1 / 256, np.uint8)
    y = f.node("Transpose", f.pair(f.node("MatMul", p, v), 0.05), perm=[1, 0, 2])
    x = RNG.normal(size=(6, batch, 8)).astype(np.float32)
    imported = agree(f.save(tmp_path, y), x, 2.01)
    assert imported.graph.input.shape == (6, 8)


def test_constants_are_cast_to_any_number(tmp_path: Path) -> None:
    """A mask that an exporter casts to bool and back."""
    f = Qdq()
    mask = f.node("Cast", f.node("Cast", f.const([0, 1, 2, 0]), to=TensorProto.BOOL), to=TensorProto.FLOAT)
    y = f.pair(f.node("Add", f.pair("in", 0.03), mask), 0.05)
    agree(f.save(tmp_path, y), RNG.normal(size=(1, 3, 4)).astype(np.float32))


# ---- refusals


def _dynamic(f: Qdq) -> str:
    names = ["q", "s", "z"]
    f.nodes.append(helper.make_node("DynamicQuantizeLinear", ["in"], names, "dynamic"))
    weight = f.const(RNG.integers(-127, 128, (4, 4)), dtype=np.int8)
    return f.node("Cast", f.node("MatMulInteger", "q", weight, "z"), to=1)


BUILDERS: dict[str, tuple[Callable[[Qdq], str], tuple[str, ...]]] = {
    "dynamic": (_dynamic, ("run time", "use static quantization", "accel quantize")),
    "packed": (
        lambda f: f.node("MatMulNBits", f.pair("in", 0.03), domain="com.microsoft", name="p"),
        ("MatMulNBits 'p'", "only the weights are quantized", "quantize the activations too"),
    ),
    "optimized": (
        lambda f: f.node("SkipLayerNormalization", f.pair("in", 0.03), domain="com.microsoft", name="s"),
        ("SkipLayerNormalization 's': is an operator of onnxruntime's optimizer", "optimization level basic"),
    ),
    "operators": (
        lambda f: f.node("QLinearAdd", f.pair("in", 0.03), domain="com.microsoft", name="a"),
        ("QLinearAdd 'a'", "QDQ format"),
    ),
    "recurrent": (lambda f: f.node("LSTM", f.pair("in", 0.03)), ("is recurrent", "export the part without it")),
    "float8": (
        lambda f: f.node("FloatQuant", f.pair("in", 0.03), domain="onnx.brevitas"),
        ("floating-point numbers", "use an integer quantizer"),
    ),
}


@pytest.mark.parametrize("case", BUILDERS)
def test_operators_of_others_are_refused_in_their_own_words(tmp_path: Path, case: str) -> None:
    build, says = BUILDERS[case]
    f = Qdq(opset=21)
    refuse(f.save(tmp_path, build(f)), *says)


# ---- scales per block


def _blocked(f: Qdq, scales: np.ndarray, zero: int = 0) -> str:
    """Weights (16, 6) of 4 bits with a scale for every 4 inputs and output."""
    f.initializers.append(onnx.numpy_helper.from_array(RNG.integers(-8, 8, (16, 6)).astype(ml_dtypes.int4), "w"))
    zeros = f.const(np.full(scales.shape, zero), dtype=ml_dtypes.int4)
    return f.node("DequantizeLinear", "w", f.const(scales), zeros, axis=0, block_size=4)


@pytest.mark.parametrize("zero", [0, -3])
def test_scales_per_block_that_divide_each_other_are_exact(tmp_path: Path, zero: int) -> None:
    f = Qdq((1, 3, 16), opset=21)
    weight = _blocked(f, 0.0625 * 2.0 ** RNG.integers(0, 3, (4, 6)), zero)
    path = f.save(tmp_path, f.pair(f.node("MatMul", f.pair("in", 0.25), weight), 0.5))
    imported = agree(path, RNG.normal(scale=4, size=(1, 3, 16)).astype(np.float32), 0.0)
    assert not imported.approximate


def test_scales_per_block_that_are_unrelated_get_a_finer_grid(tmp_path: Path) -> None:
    """Every weight is off by at most 2^-7 of its output's finest step."""
    f = Qdq((1, 3, 16), opset=21)
    scales = RNG.uniform(0.03, 0.1, (4, 6))
    weight = _blocked(f, scales)
    path = f.save(tmp_path, f.pair(f.node("MatMul", f.pair("in", 0.03), weight), 0.2))
    imported = agree(path, RNG.normal(size=(1, 3, 16)).astype(np.float32))
    (dense,) = (node for node in imported.graph if node.op.kind == "dense")
    assert dense.name in imported.approximate
    (stored,) = (
        onnx.numpy_helper.to_array(t).astype(float) for t in onnx.load(path).graph.initializer if t.name == "w"
    )
    right = (stored * scales.astype(np.float32).repeat(4, 0)).T
    step = np.asarray(dense.scale).reshape(-1, 1) / np.asarray(imported.graph.input.scale)
    finest = scales.min(axis=0).reshape(-1, 1)
    assert (np.abs(dense.op.weight.wide() * step - right) <= finest * (2.0**-7 + 1e-6)).all()


def test_scales_that_are_too_unlike_for_one_row(tmp_path: Path) -> None:
    f = Qdq((1, 3, 16), opset=21)
    weight = _blocked(f, np.array([[1e-4], [1.03176], [0.51234], [3.30715]]).repeat(6, 1))
    path = f.save(tmp_path, f.pair(f.node("MatMul", f.pair("in", 0.03), weight), 0.2))
    refuse(path, "the scales of its weights are too far apart for one row of a matrix")


@pytest.mark.parametrize("shape", [(3, 6), (4, 5), (4,)])
def test_scales_that_fit_no_block(tmp_path: Path, shape: tuple[int, ...]) -> None:
    f = Qdq((1, 3, 16), opset=21)
    path = f.save(tmp_path, f.pair(f.node("MatMul", f.pair("in", 0.03), _blocked(f, np.ones(shape))), 0.2))
    refuse(path, f"its scale of shape {shape} does not fit (16, 6)")
