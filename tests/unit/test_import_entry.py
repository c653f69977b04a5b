"""The input before it is integers, and 1-bit activations: constants before the first quantizer, given ranges, signs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from command import accel, assert_refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper
from qonnx_files import QUANT, File

from accel import onnx_import, reference, storage
from accel.errors import UnsupportedModel, UserError
from accel.onnx_import import Imported
from accel.onnx_import.entry import Range
from accel.tensor import Tensor
from accel.verbs.check import check


def file_output(imported: Imported, x: np.ndarray) -> np.ndarray:
    """The file's own output for inputs of its own shape, as qonnx computes it: (samples, tokens, channels)."""
    from accel.onnx_import.runner import QonnxRunner

    output = imported.origins[imported.graph.output]
    runner, source = QonnxRunner(imported), imported.source
    return output.layout.to_edge(runner.run_part({source.inputs[0].name: x.astype(np.float32)})[source.outputs[0]])


def integers(imported: Imported, x: np.ndarray) -> np.ndarray:
    return reference.run(imported.graph, reference.quantize(imported.graph, imported.samples(x)))


def real(imported: Imported, x: np.ndarray) -> np.ndarray:
    return integers(imported, x) * np.asarray(imported.graph.output_tensor.scale)


def bipolar(f: File, x: str, scale: object = 1.0) -> str:
    return f.node("BipolarQuant", x, f.const(scale), domain=QUANT)


# ---- constants before the first quantizer


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.sampled_from(["Mul", "Div", "Add", "Sub"]), st.floats(0.1, 3), st.booleans()), max_size=3),
    st.sampled_from([1.0, 0.5, 0.3]),
    st.integers(0, 1 << 16),
)
def test_constants_before_the_first_quantizer_belong_to_the_host(
    tmp_path: Path, steps: list[tuple[str, float, bool]], scale: float, seed: int
) -> None:
    """One number or one per channel, in any order: real inputs of the file give the file's integers."""
    rng, f, y = np.random.default_rng(seed), File((1, 3, 4)), "in"
    for op, number, many in steps:
        y = f.node(op, y, f.const(number * rng.uniform(0.5, 1.5, 4) if many else number))
    imported = onnx_import.read(f.save(tmp_path, f.dense(f.quant(y, scale), rng.integers(-7, 8, (4, 3)), 0.25)))
    x = rng.normal(scale=4, size=(1, 3, 4)).astype(np.float32)
    np.testing.assert_allclose(real(imported, x), file_output(imported, x), rtol=1e-5, atol=1e-5)
    found = onnx_import.deviations(imported, reference.quantize(imported.graph, imported.samples(x)))
    assert all(one.max_lsb == 0 for one in found)


def test_images_are_normalized_per_channel_before_they_are_cut(tmp_path: Path) -> None:
    """(x − mean) / deviation of (1, colours, height, width), then patches by a convolution."""
    rng, f = np.random.default_rng(0), File((1, 3, 4, 4))
    y = f.node("Sub", "in", f.const(np.reshape([0.48, 0.45, 0.4], (1, 3, 1, 1))))
    y = f.quant(f.node("Div", y, f.const(np.reshape([0.22, 0.23, 0.25], (1, 3, 1, 1)))), 2.0**-5)
    y = f.node("Conv", y, f.weight(rng.integers(-7, 8, (5, 3, 2, 2)), 0.25), kernel_shape=[2, 2], strides=[2, 2])
    imported = onnx_import.read(
        f.save(tmp_path, f.node("Transpose", f.node("Reshape", y, f.ints(1, 5, 4)), perm=[0, 2, 1]))
    )
    assert imported.graph.input.shape == (4, 12)
    x = rng.uniform(size=(1, 3, 4, 4)).astype(np.float32)
    np.testing.assert_allclose(real(imported, x), file_output(imported, x), atol=1e-5)


def test_a_graph_keeps_the_offset_of_its_input(tmp_path: Path) -> None:
    """In its file, in the design that is lowered from it, and in what a board's driver quantizes."""
    from hls import rtl

    f = File()
    y = f.quant(f.node("Sub", f.node("Mul", "in", f.const(2.0)), f.const(1.0)), 0.5, bits=4)
    graph = onnx_import.load(f.save(tmp_path, f.dense(y, np.eye(4), 0.25)))
    assert (graph.input.scale, graph.input.offset) == (0.25, 0.5)
    storage.save(graph, tmp_path / "graph")
    assert storage.load(tmp_path / "graph").input == graph.input
    assert rtl.lower(graph).input.tensor == graph.input
    x = np.array([0.5, 0.75, 1.0, -9.0]).reshape(1, 1, 4).repeat(3, 1)
    assert reference.quantize(graph, x)[0, 0].tolist() == [0, 1, 2, -8]
    assert reference.dequantize(graph, np.array([[[0, 1, 2, -8]]])).reshape(-1).tolist() == [0.5, 0.75, 1.0, -1.5]


@pytest.mark.parametrize("offset", [(0.5,), float("nan")])
def test_offsets_are_finite_and_one_per_channel(offset: float | tuple[float, ...]) -> None:
    with pytest.raises(UserError, match="offsets"):
        Tensor((3, 4), 0, 1, 1.0, offset if isinstance(offset, float) else offset * 3)


@pytest.mark.parametrize(
    ("op", "constant", "says"),
    [
        ("Mul", -2.0, "multiplied by -2 before it; multiply the weights of the first layer"),
        ("Add", np.arange(12).reshape(3, 4), "scaled differently for each token before it; subtract and multiply one"),
        ("Add", np.inf, "holds NaN or infinity"),
    ],
)
def test_what_a_host_cannot_do(tmp_path: Path, op: str, constant: object, says: str) -> None:
    f = File()
    path = f.save(tmp_path, f.dense(f.quant(f.node(op, "in", f.const(constant)), 0.5), np.eye(4), 0.25))
    with pytest.raises(UnsupportedModel, match=says):
        onnx_import.read(path)


# ---- inputs that the file does not quantize


def unquantized(folder: Path) -> Path:
    f = File()
    y = f.dense("in", np.random.default_rng(0).integers(-7, 8, (4, 5)), 0.25)
    return f.save(folder, f.quant(f.node("Relu", y), 0.5, signed=0))


def test_a_range_is_asked_for_or_given(tmp_path: Path) -> None:
    path = unquantized(tmp_path)
    with pytest.raises(UnsupportedModel) as caught:
        onnx_import.read(path)
    assert "say which numbers come in: --input-scale STEP --input-bits BITS" in str(caught.value)
    imported = onnx_import.read(path, input_scale=0.125, input_bits=6)
    assert (imported.graph.input.lo, imported.graph.input.hi, imported.graph.input.scale) == (-32, 31, 0.125)
    x = np.random.default_rng(1).integers(-32, 32, (1, 3, 4)) * 0.125
    np.testing.assert_array_equal(real(imported, x), file_output(imported, x))
    assert check(path, levels=["qonnx", "reference"], samples=3, input_scale=0.125).mismatches == 0


def test_a_given_range_goes_before_the_files_own_quantizer(tmp_path: Path) -> None:
    """Pixels of 8 bits come in, and the file's constants and quantizer become integer operators."""
    f = File()
    y = bipolar(f, f.node("Sub", f.node("Mul", "in", f.const(2.0)), f.const(1.0)))
    path = f.save(tmp_path, f.dense(y, np.eye(4), 0.25))
    imported = onnx_import.read(path, input_scale=1 / 255, input_bits="u8")
    assert (imported.graph.input.lo, imported.graph.input.hi) == (0, 255)
    x = np.arange(252).reshape(21, 3, 4)
    y = reference.run(imported.graph, x) * 0.25
    np.testing.assert_array_equal(y, np.where(x / 255 >= 0.5, 0.25, -0.25))


@pytest.mark.parametrize(
    ("datatype", "expected"),
    [
        ("BIPOLAR", Range(-1, 1, 1.0)),
        ("TERNARY", Range(-1, 1, 1.0)),
        ("BINARY", Range(0, 1, 1.0)),
        ("UINT8", Range(0, 255, 1.0)),
        ("INT4", Range(-8, 7, 1.0)),
        ("FIXED<8,3>", Range(-128, 127, 2.0**-5)),
        ("FLOAT32", None),
        ("SCALEDINT<8>", None),
    ],
)
def test_a_range_that_the_file_says_itself(tmp_path: Path, datatype: str, expected: Range | None) -> None:
    assert Range.annotated(datatype) == expected
    path = unquantized(tmp_path)
    model = onnx.load(path)
    note = onnx.TensorAnnotation(tensor_name="in")
    note.quant_parameter_tensor_names.add(key="finn_datatype", value=datatype)
    model.graph.quantization_annotation.append(note)
    onnx.save(model, path)
    if expected is None:
        with pytest.raises(UnsupportedModel, match="say which numbers come in"):
            onnx_import.read(path)
    else:
        assert onnx_import.load(path).input == Tensor((3, 4), expected.lo, expected.hi, expected.scale)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--input-bits", "8"], "--input-bits needs --input-scale"),
        (["--input-scale", "-1"], "--input-scale is -1.0; give a finite number above 0"),
        (["--input-scale", "1", "--input-bits", "x8"], "--input-bits is 'x8'; give 1 to 32, or u1 to u32"),
        (["--input-scale", "1", "--input-bits", "40"], "--input-bits is '40'"),
    ],
)
def test_ranges_that_are_none(tmp_path: Path, options: list[str], says: str) -> None:
    assert_refused(accel("check", unquantized(tmp_path), "--levels", "reference", *options), says)


def test_identifiers_have_no_scale(tmp_path: Path) -> None:
    f = File((1, 3))
    f.inputs = [helper.make_tensor_value_info("in", onnx.TensorProto.INT64, (1, 3))]
    path = f.save(tmp_path, f.node("Gather", f.weight(np.eye(4), 0.25), "in"))
    with pytest.raises(UserError, match="identifiers, which have no scale"):
        onnx_import.read(path, input_scale=1.0)


def test_every_verb_that_reads_a_file_takes_a_range() -> None:
    for verb in ("check", "compare", "explore", "lower"):
        text = accel(verb, "--help").stdout
        assert "--input-scale [NAME=]STEP" in text, verb
        assert "--input-bits [NAME=]BITS" in text, verb


# ---- signs


@pytest.mark.parametrize("where", ["input", "edge", "relu", "function", "one signed bit", "output"])
def test_bipolar_activations_anywhere(tmp_path: Path, where: str) -> None:
    rng, f = np.random.default_rng(0), File((40, 3, 4))
    y = bipolar(f, "in", 0.5) if where == "input" else f.quant("in", 0.25, bits=5)
    y = f.dense(y, rng.integers(-7, 8, (4, 4)), 0.25)
    match where:
        case "relu":
            y = bipolar(f, f.node("Relu", y), 0.5)
        case "function":
            y = bipolar(f, f.node("Tanh", y), 0.5)
        case "one signed bit":
            y = f.quant(y, 0.5, bits=1)
        case "edge" | "output":
            y = bipolar(f, y, 0.5)
    if where != "output":
        y = f.dense(y, rng.integers(-7, 8, (4, 4)), 0.25)
    imported = onnx_import.read(f.save(tmp_path, y))
    x = rng.normal(scale=3, size=(40, 3, 4)).astype(np.float32)
    x[:4] = 0  # the sign of 0 is 1
    np.testing.assert_array_equal(real(imported, x), file_output(imported, x))


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 1 << 16))
def test_thresholds_of_signs_lie_where_the_file_has_them(tmp_path: Path, seed: int) -> None:
    """Behind BatchNormalization a threshold lies between two integers: no rounding of its constants may cross one."""
    rng, f = np.random.default_rng(seed), File((100, 16))
    y = f.node("MatMul", bipolar(f, "in"), bipolar(f, f.const(rng.normal(size=(16, 6)))))
    y = f.node("Add", y, f.const(rng.normal(size=6)))
    stats = rng.normal(size=6), rng.normal(size=6), rng.normal(size=6), rng.uniform(0.5, 40, 6)
    y = bipolar(f, f.node("BatchNormalization", y, *map(f.const, stats)))
    imported = onnx_import.read(f.save(tmp_path, y))
    x = rng.normal(size=(100, 16))
    np.testing.assert_array_equal(real(imported, x), file_output(imported, x))


def test_signs_at_every_level(tmp_path: Path) -> None:
    rng, f = np.random.default_rng(3), File((1, 8))
    y = f.node("MatMul", bipolar(f, "in"), bipolar(f, f.const(rng.normal(size=(8, 4)))))
    y = bipolar(f, f.node("Add", y, f.const(rng.normal(size=4))))
    path = f.save(tmp_path, f.node("MatMul", y, bipolar(f, f.const(rng.normal(size=(4, 3))))))
    assert check(path, levels=["reference", "csim", "rtl"], samples=8).mismatches == 0


def test_a_sign_with_a_zero_point_is_refused(tmp_path: Path) -> None:
    f = File()
    path = f.save(tmp_path, f.quant(f.quant("in", 0.5), 0.5, bits=1, zero=1))
    with pytest.raises(UnsupportedModel, match="1 signed bit with zero point 1"):
        onnx_import.read(path)
