"""Files that used to import with another meaning than theirs: each gives the file's numbers now, or is refused."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto
from qdq_files import I8, as_file, assert_same, normal, quantized
from qonnx_files import File

from accel import onnx_import
from accel.errors import UserError

PACKAGE = Path(onnx_import.__file__).parent


# ---- metadata travels with the value


def test_edges_are_made_by_the_builder_and_changed_by_replace_alone() -> None:
    """A pending ReLU, a scale or a layout cannot be lost where an edge is never built from parts of another."""
    for path in PACKAGE.glob("*.py"):
        made = [
            node.lineno
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Edge"
        ]
        assert not made or path.name == "builder.py", (path.name, made)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("axis", [1, 2])
def test_a_relu_belongs_to_its_own_readers(tmp_path: Path, order: tuple[int, int], axis: int) -> None:
    f = File((1, 3, 4))
    x = quantized(f, "in", 0.03, I8)
    parts = [f.node("Relu", x), x]
    y = f.node("Concat", *(parts[i] for i in order), axis=axis)
    assert_same(f.save(tmp_path, quantized(f, y, 0.05, I8)), normal(1, 3, 4))


def test_parts_of_one_edge_keep_their_own_scales_when_they_are_joined(tmp_path: Path) -> None:
    """The channels of x and those of x / c have the same integers."""
    f = File((1, 3, 4))
    x = quantized(f, "in", 0.03, I8)
    part = f.node("Slice", x, f.ints(1), f.ints(3), f.ints(2))
    y = f.node("Concat", part, f.node("Div", x, f.const([1.5, 0.5, 1.0, 0.7])), axis=2)
    path = f.save(tmp_path, quantized(f, y, 0.05, I8))
    y, right = as_file(path, normal(1, 3, 4))
    assert np.abs(y - right).max() <= 1.01


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("queries", [1, 2])
@pytest.mark.parametrize("relu", [False, True])
def test_pooling_by_constant_queries(tmp_path: Path, batch: int, queries: int, relu: bool) -> None:
    f = File((batch, 6, 8))
    x = quantized(f, "in", 0.03, I8)
    weight = f.const(np.random.default_rng(1).integers(-127, 128, (8, queries)), dtype=np.int8)
    scores = f.node("MatMul", x, f.node("DequantizeLinear", weight, f.const(0.01)))
    scores = f.node("Relu", scores) if relu else quantized(f, scores, 0.02, I8)
    p = f.node("Softmax", f.node("Transpose", scores, perm=[0, 2, 1]), axis=-1)
    p = quantized(f, p, 1 / 256, np.zeros((), np.uint8))
    path = f.save(tmp_path, quantized(f, f.node("MatMul", p, x), 0.02, I8))
    y, right = as_file(path, normal(batch, 6, 8))
    assert np.abs(y - right).max() <= 2
    model = onnx_import.read(path)
    found = onnx_import.deviations(model, np.random.default_rng(0).integers(-128, 128, (4, *model.graph.input.shape)))
    assert max(d.max_lsb for d in found) <= 1


# ---- attributes


def test_output_dtype_is_the_type_where_no_zero_point_says_it(tmp_path: Path) -> None:
    f = File((1, 3, 4), opset=21)
    y = quantized(f, quantized(f, "in", 0.03, output_dtype=TensorProto.INT8), 0.05, output_dtype=TensorProto.INT16)
    path = f.save(tmp_path, y)
    graph = onnx_import.load(path)
    assert (graph.input.lo, graph.input.hi) == (-128, 127)
    assert_same(path, normal(1, 3, 4))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda f, x: f.node("Dropout", x, f.const(0.5), f.const(True, dtype=bool)), r"Dropout .*training mode.*eval"),
        (
            lambda f, x: f.node("BatchNormalization", x, *[f.const(np.ones(4))] * 4, training_mode=1),
            r"BatchNormalization .*training mode.*eval",
        ),
        (lambda f, x: quantized(f, x, 0.5, I8, precision=11), r"another type than float32 \(precision\)"),
        (lambda f, x: f.node("Cast", x, to=1, saturate=0), "has attribute saturate = 0"),
        (lambda f, x: f.node("LayerNormalization", x, f.const(np.ones(4)), stash_type=11), "stash_type"),
        (lambda f, x: f.node("Flatten", x, axis=1, keep=1), "has attribute keep = 1; export without that attribute"),
        (lambda f, x: f.node("Transpose", x, perm=[0, 2, 1], order="C"), "has attribute order = C"),
    ],
)
def test_an_attribute_that_is_not_understood_is_refused_by_name(tmp_path: Path, make, says: str) -> None:
    f = File((1, 4, 4), opset=23)
    y = make(f, quantized(f, "in", 0.03, I8))
    with pytest.raises(UserError, match=says):
        onnx_import.read(f.save(tmp_path, quantized(f, y, 0.1, I8)))


def test_attributes_at_their_defaults_and_inactive_dropout_change_nothing(tmp_path: Path) -> None:
    f = File((1, 3, 4), opset=23)
    x = quantized(f, "in", 0.03, I8, block_size=0, saturate=1, axis=1, precision=1)
    x = f.node("Dropout", x, f.const(0.0), f.const(True, dtype=bool))
    x = f.node("Dropout", f.node("Dropout", x, f.const(0.5), seed=3), f.const(0.5), f.const(False, dtype=bool))
    assert_same(f.save(tmp_path, quantized(f, x, 0.05, I8)), normal(1, 3, 4))


# ---- shapes with two meanings


def test_samples_that_could_be_tokens_are_refused(tmp_path: Path) -> None:
    f = File((6, 1, 4))
    y = f.node("Transpose", quantized(f, "in", 0.03, I8), perm=[1, 0, 2])
    w = f.const(np.eye(4) * 3, dtype=np.int8)
    y = f.node("ReduceSum", f.node("MatMul", y, f.node("DequantizeLinear", w, f.const(0.5))), f.ints(1))
    model = onnx_import.read(f.save(tmp_path, y))
    assert model.readings["in"].layout.shape == (6, 1, 4)
    x = normal(6, 6, 4)
    with pytest.raises(UserError, match=r"two meanings, \(samples, 6, 4\) and \(6, samples, 4\): stack .*, 6, 1, 4\)"):
        model.samples(x)
    np.testing.assert_array_equal(model.samples(x[:, :, None]), x)
    np.testing.assert_array_equal(model.samples(x[:5]), x[:5])
    np.testing.assert_array_equal(model.samples(x[:, :5]), np.moveaxis(x[:, :5], 1, 0))
    same = np.ones((6, 6, 4), np.float32)
    np.testing.assert_array_equal(model.samples(same), same)


# ---- precision


def test_wide_operands_of_unrelated_scales_meet_in_a_step_that_holds_both(tmp_path: Path) -> None:
    """Two Dense of 32 inputs with a scale per channel, added without a quantizer between: 25 bits each."""
    rng, f, n = np.random.default_rng(5), File((1, 4, 64), opset=21), 64
    x, parts = quantized(f, "in", 0.0313, I8), []
    for k in range(2):
        steps = f.const(rng.uniform(5e-4, 4e-3, n))
        weight = f.node("DequantizeLinear", f.const(rng.integers(-127, 128, (n, n)), dtype=np.int8), steps, axis=1)
        parts.append(f.node("MatMul", quantized(f, x, 0.02 + 0.0037 * k, I8), weight))
    total = f.node("Add", *parts)
    path = f.save(tmp_path, quantized(f, total, 3e-4, np.zeros((), np.int16)))
    y, right = as_file(path, normal(1, 4, 64))
    assert np.abs(y - right).max() <= 1.01
    graph = onnx_import.load(path)
    assert max(tensor.width for tensor in graph.tensors.values()) <= 38


@pytest.mark.parametrize("form", ["LayerNormalization", "RMSNormalization"])
@pytest.mark.parametrize(("channels", "kind"), [(2, np.int8), (8, np.int8), (64, np.int8), (8, np.int16)])
def test_norms_of_nearly_constant_rows(tmp_path: Path, form: str, channels: int, kind: type) -> None:
    f, step, rng = File((1, 40, channels), opset=23), np.float32(0.0361), np.random.default_rng(0)
    affine = [f.const(np.ones(channels))]
    y = f.node(form, quantized(f, "in", step, I8), *affine, axis=-1, epsilon=1e-5)
    path = f.save(tmp_path, quantized(f, y, 3 / np.iinfo(kind).max, np.zeros((), kind)))
    x = np.zeros((1, 40, channels), np.float32)
    x[0, np.arange(40), rng.integers(0, channels, 40)] = rng.integers(-2, 3, 40) * step
    y, right = as_file(path, x)
    assert np.abs(y - right).max() <= 1.01


def test_a_norm_beyond_62_bits_is_refused(tmp_path: Path) -> None:
    f, wide = File((1, 3, 64), opset=23), np.zeros((), np.int16)
    y = f.node("RMSNormalization", quantized(f, "in", 0.5, wide), f.const(np.ones(64)), epsilon=1e-6)
    with pytest.raises(UserError, match=r"64 channels of 16 bits and an output of .* are beyond 62-bit arithmetic"):
        onnx_import.read(f.save(tmp_path, quantized(f, y, 1e-4, wide)))


@pytest.mark.parametrize("op", ["Floor", "Round", "Exp"])
def test_tables_of_16_bits(tmp_path: Path, op: str) -> None:
    """Steep functions keep all values of an edge of 16 bits, and are refused on wider ones."""
    f, wide = File((1, 50, 4), opset=21), np.zeros((), np.int16)
    x = quantized(f, "in", 3e-4, wide)
    y = quantized(f, f.node(op, x), 1e-4 if op == "Exp" else 0.5, np.zeros((), np.uint16 if op == "Exp" else np.int8))
    assert_same(f.save(tmp_path, y), normal(1, 50, 4) * 2)
    weight = f.node("DequantizeLinear", f.const(np.eye(4) * 99, dtype=np.int8), f.const(0.011))
    z = f.node(op, f.node("MatMul", x, weight))
    path = f.save(tmp_path, quantized(f, z, 1e-5 if op == "Exp" else 0.1, np.zeros((), np.uint16)))
    with pytest.raises(UserError, match=r"changes by more than a step of its output between the 65536 entries"):
        onnx_import.read(path)


def test_check_fails_when_an_operator_is_too_far_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from accel.cli.check import command

    f = File((1, 3, 4))
    path = f.save(tmp_path, quantized(f, quantized(f, "in", 0.03, I8), 0.05, I8))
    far = onnx_import.Deviation("sum", ("add", "rescale"), 12, 3, 0.5, 0.1)
    monkeypatch.setattr(onnx_import, "deviations", lambda *_: (far,))
    arguments = [str(path), "--levels", "qonnx,reference", "--samples", "2"]
    found = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert found.return_value == 1
    assert "layer 'sum' (add rescale) is 3 LSB off the file, more than --max-lsb 2" in found.output
    assert CliRunner().invoke(command, [*arguments, "--max-lsb", "3"], standalone_mode=False).return_value == 0
