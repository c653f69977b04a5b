"""Files that are wrong, truncated or hostile: one clear line each, no traceback, nothing opened or run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from qonnx_files import ACCEL, QUANT, Encoder, File, encoder

from accel import onnx_import, reference
from accel.errors import UnsupportedModel, UserError


def refused(path: Path, match: str, kind: type[UserError] = UserError) -> str:
    """The text with which a file is refused: one line that names the file."""
    with pytest.raises(kind, match=match) as caught:
        onnx_import.load(path)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text
    return text


@pytest.fixture
def good() -> bytes:
    file, output = encoder(Encoder())
    return bytes(file.proto(output).SerializeToString())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


# ---- not a model at all


def test_missing_file_directory_and_unusable_name(tmp_path: Path) -> None:
    refused(tmp_path / "none.onnx", r"none.onnx: no such file; `accel export` writes a model")
    refused(tmp_path, r"is a directory; name the .onnx file in it")
    refused(tmp_path / "x.onnx" / "y.onnx", "no such file")
    with pytest.raises(UserError, match="not a valid file name"):
        onnx_import.load("a\0b")


@pytest.mark.parametrize(
    "content",
    [b"", b"hello world\n", b"\x89PNG\r\n\x1a\n" + bytes(64), b"PK\x03\x04" + bytes(64), bytes(1000), b"\x08\x07"],
    ids=["empty", "text", "png", "zip", "zeros", "only-version"],
)
def test_files_of_another_kind(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refused(path, r"not a complete ONNX file \(\d+ bytes\); it is truncated or of another kind, export the model again")


def test_truncated_anywhere(path: Path, good: bytes) -> None:
    for cut in [1, 2, 5, 50, *range(100, len(good), len(good) // 40), len(good) - 30, len(good) - 1]:
        path.write_bytes(good[:cut])
        refused(path, "truncated|damaged|opset|export the model again")


# ---- the wrong model


def test_model_without_quantizers(path: Path) -> None:
    f = File()
    f.save(path.parent, f.node("Softmax", f.node("MatMul", "in", f.const(np.eye(4)))))
    refused(path, "no quantizers found; quantize it .accel quantize MODEL.onnx")


def test_every_unsupported_node_is_named_at_once(path: Path) -> None:
    f = File()
    x = f.quant("in", 0.5)
    a = f.node("Softmax", f.dense(x, np.eye(4), 0.5), name="attn/softmax")
    b = f.node("LayerNormalization", a, f.const(np.ones(4)), name="norm1")
    c = f.node("Det", b, name="det1")
    d = f.node("Det", x, name="det2")
    e = f.node("Frobnicate", d, domain="my.ops", name="custom")
    g = f.node("MatMul", f.node("Erf", x, name="erf"), f.weight(np.eye(4), 0.5), name="float")
    h = f.quant(f.node("Mul", x, f.quant("in", 0.25), name="gate"), 0.3, bits=0, name="q")
    out = c
    for term in (e, g, h):
        out = f.node("Add", out, term)
    f.save(path.parent, out)
    text = refused(path, "7 unsupported nodes: ", UnsupportedModel)
    for expected in (
        "LayerNormalization 'norm1': is a float island: no quantizer stands between 'attn/softmax' and it; put a",
        "Det 'det1', 'det2': unsupported operator; express it with MatMul",
        "Frobnicate 'custom': unsupported operator; express it with MatMul",
        "MatMul 'float': is a float island: no quantizer stands between 'erf' and it; put a QuantIdentity behind",
        "Quant '/Quant_11': the input passes two different quantizers; share one QuantIdentity",
        "Quant 'q': bit width is 0; use 1 to 32 bits",
    ):
        assert expected in text, text


def test_all_reasons_of_a_file_that_is_another_kind_of_model(path: Path) -> None:
    branch = helper.make_graph([helper.make_node("Det", ["in"], ["b"], name="inner")], "branch", [], [])
    f = File((1, "time", 4))
    f.inputs.append(helper.make_tensor_value_info("state", TensorProto.FLOAT, (2, None)))
    y = f.node("If", "in", then_branch=branch, else_branch=branch, name="switch")
    f.save(path.parent, f.node("Softmax", f.node("Loop", y, body=branch, name="again")), y)
    text = refused(path, "control flow", UnsupportedModel)
    assert text.removeprefix(f"{path}: ").split(" | ") == [
        "control flow: If 'switch', Loop 'again'; export one path alone, without branches and loops",
        "dynamic shape: input 'in' has shape (1, time, 4), 'state' has shape (2, ?); "
        "export with fixed sizes (batch, tokens, channels); only the batch, as the first axis, may be dynamic",
        "float: no quantizers found; quantize it (accel quantize MODEL.onnx --data calib.npz --out q.onnx), or train "
        "with Brevitas quantized layers and export with export_qonnx",
        "unsupported operators: Det 'inner' and 2 more; express it with MatMul, Gemm, sums, functions of one "
        "activation, softmax, norms and Quant",
    ]


def test_thousands_of_reasons_are_cut_short(path: Path) -> None:
    f = File()
    y = f.quant("in", 0.5)
    for i in range(3000):
        y = f.node(f"Op{i % 1000}", y, name="n" * 100)
    f.save(path.parent, y)
    text = refused(path, "3000 unsupported nodes: Op0 ", UnsupportedModel)
    assert text.endswith(" | 960 more reasons")
    assert len(text) < 20_000


@pytest.mark.parametrize("opset", [-7, 0, 1, 6, 1000, 1 << 40])
def test_operator_versions_that_nobody_can_run(path: Path, opset: int) -> None:
    f = File(opset=opset)
    f.save(path.parent, f.dense(f.quant("in", 0.5), np.eye(4), 0.5))
    refused(path, rf"ONNX operators of version {opset}; export with opset 7 to \d+", UnsupportedModel)


def test_weights_stored_as_integers_are_quantized_like_real_numbers(path: Path) -> None:
    f = File()
    weight = f.quant(f.const([[3, 1], [-2, 9], [0, 5], [7, -9]], dtype=np.int32), 0.5, 4)
    f.save(path.parent, f.node("MatMul", f.quant("in", 0.5), weight))
    graph = onnx_import.load(path)
    assert graph.nodes[0].op.weight.tolist() == [[6, -4, 0, 7], [2, 7, 7, -8]]
    x = np.random.default_rng(0).normal(size=(3, 3, 4)).astype(np.float32)
    np.testing.assert_array_equal(onnx_import.execute(path, x)[graph.output], _logits(path, x))


def test_qcdq_exports_are_told_apart_from_unquantized_models(path: Path) -> None:
    f = File()
    f.save(path.parent, f.node("QuantizeLinear", "in", f.const(0.5), f.const(0, dtype=np.int8), name="q"))
    refused(path, "the output is quantized and not dequantized; end the model with DequantizeLinear")


@pytest.mark.parametrize(
    "dims", [("batch", "n", 4), (1, "tokens", 4), ("seq_len", 3, 4), (None, None, 4), (1, 0, 4), ()], ids=str
)
def test_dynamic_and_unknown_shapes(path: Path, dims: tuple[object, ...]) -> None:
    f = File(dims)
    f.save(path.parent, f.quant("in", 0.5))
    refused(
        path,
        r"dynamic shape: input 'in' has shape \(.*\); export with fixed sizes \(batch, tokens, channels\); "
        "only the batch, as the first axis, may be dynamic",
    )


def test_images_and_enormous_inputs(path: Path) -> None:
    f = File((1, 3, 8, 8))
    f.save(path.parent, f.quant("in", 0.5))
    refused(path, r"is not \(batch, tokens, channels\), nor cut into patches by Reshape .*; cut images into")
    f = File((1, 1 << 30, 1 << 30))
    f.save(path.parent, f.quant("in", 0.5))
    refused(path, "at most 67108864 elements are taken")


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda f: f.quant("in", np.nan), "Quant '/Quant_0': its scale is nan; calibrate the model"),
        (lambda f: f.quant("in", np.inf), "its scale is inf"),
        (lambda f: f.quant("in", 0.0), r"its scale is 0\.0"),
        (lambda f: f.quant("in", [0.5, -0.5, 0.5, 0.5]), r"its scale is -0\.5"),
        (lambda f: f.quant("in", 0.5, bits=0), "bit width is 0; use 1 to 32 bits"),
        (lambda f: f.quant("in", 0.5, bits=33), "bit width is 33"),
        (lambda f: f.quant("in", 0.5, bits=-4), "bit width is -4"),
        (lambda f: f.quant("in", 0.5, bits=7.5), r"bit width is 7\.5"),
        (lambda f: f.quant("in", 0.5, bits=np.nan), "its bit width is not one finite number"),
        (lambda f: f.quant("in", 0.5, bits=[4, 8]), "its bit width is not one finite number"),
        (lambda f: f.quant("in", 0.5, bits=1, zero=1), "1 signed bit with zero point 1"),
        (lambda f: f.quant("in", 0.5, zero=0.5), r"zero point is 0\.5"),
        (lambda f: f.quant("in", 0.5, zero=3), "zero point 3 changes how ties round"),
        (lambda f: f.quant("in", 0.5, zero=1e30), "zero point is 1e"),
        (
            lambda f: f.quant("in", 0.5, mode="ODD"),
            "rounding mode 'ODD' has no integer form here; use ROUND, HALF",
        ),
        (lambda f: f.quant("in", 0.5, zero=1 << 31), r"zero point is 2\.14748e\+09"),
        (lambda f: f.quant("in", 0.5, signed=-1), "attribute 'signed' is -1; export the model again: it is 0 or 1"),
        (lambda f: f.node("ReduceSum", f.quant("in", 0.5), f.ints(1), keepdims=-1), "attribute 'keepdims' is -1"),
        (lambda f: f.quant("in", 0.5, mode="FLOOR"), "the input is not rounded half to even"),
        (
            lambda f: f.quant(f.dense(f.quant("in", 0.5), np.eye(4), 0.5), [[[0.5], [0.25], [0.5]]]),
            "its scale differs between tokens",
        ),
        (lambda f: f.quant("in", [0.5, 0.25]), r"constant of shape \(2,\) does not fit \(1, 3, 4\)"),
        (lambda f: f.node("Quant", "in", domain=QUANT), "has 1 inputs"),
        (
            lambda f: f.node("Quant", "in", f.const(0.5), f.const(0), f.const(8), domain=QUANT, signed=1, narrow="x"),
            "attribute 'narrow' is of the wrong type",
        ),
        (
            lambda f: f.node("Quant", "in", f.const(0.5), f.const(0), f.const(8), domain=QUANT, signed=1),
            "attribute 'narrow' is missing",
        ),
        (
            lambda f: f.node("Quant", "in", f.quant("in", 0.5), f.const(0), f.const(8), domain=QUANT),
            "its scale is computed at run time|attribute",
        ),
        (lambda f: f.node("Add", "in", f.quant("in", 0.5)), "its input is not quantized; put a QuantIdentity"),
        (lambda f: f.node("Add", f.quant("in", 0.5), f.quant("in", 0.25)), "passes two different quantizers"),
        (lambda f: f.node("MatMul", f.quant("in", 0.5), f.const(np.eye(4))), "its weights are not quantized"),
        (lambda f: f.node("MatMul", f.quant("in", 0.5), f.weight(np.eye(3), 1)), r"weights \(3, 3\) do not fit"),
        (
            lambda f: f.node("MatMul", f.quant("in", 0.5), f.quant(f.const(np.full((4, 4), np.nan)), 0.5)),
            "the constant holds NaN or infinity",
        ),
        (lambda f: f.node("Add", f.quant("in", 0.5), f.const(np.inf)), "its constant holds NaN or infinity"),
        (lambda f: f.node("Add", f.quant("in", 0.5), f.const(np.ones(7))), r"adds shape \(7,\) to \(1, 3, 4\)"),
        (lambda f: f.node("Mul", f.quant("in", 0.5), f.quant("in", 0.5)), "the output is a float island"),
        (
            lambda f: f.node("Mul", f.quant("in", 0.5), f.node("Exp", f.dense(f.quant("in", 0.5), np.eye(4), 0.5))),
            "is a float island: it combines two activations; put a QuantIdentity",
        ),
        (
            lambda f: f.node("Mul", f.quant("in", 0.5), f.const(-2), name="neg"),
            "the output is a float island: no quantizer stands behind 'neg'; put a QuantIdentity",
        ),
        (lambda f: f.node("Div", f.quant("in", 0.5), f.const(0)), "divides by 0; remove the division"),
        (
            lambda f: f.node("MatMul", f.quant("in", 0.5), f.quant("in", 0.5)),
            r"multiplies \(1, 3, 4\) by \(1, 3, 4\) in no form of attention",
        ),
        (lambda f: f.node("Reshape", f.quant("in", 0.5), f.ints(1, 4, 2)), r"cannot turn \(1, 3, 4\) into \(1, 4, 2\)"),
        (lambda f: f.node("Reshape", f.quant("in", 0.5), f.ints(1, 2, 6)), "cuts .* across tokens, heads or channels"),
        (lambda f: f.node("Reshape", f.quant("in", 0.5), f.ints(-1, -1)), "cannot turn"),
        (
            lambda f: f.node("Reshape", f.quant("in", 0.5), f.ints(1 << 60, 1 << 60)),
            "cannot turn",
        ),
        (lambda f: f.node("Transpose", f.quant("in", 0.5), perm=[0, 1]), r"perm \[0, 1\] does not fit 3 axes"),
        (
            lambda f: f.dense(
                f.node("Transpose", f.dense(f.quant("in", 0.5), np.ones((4, 4)), 0.5), perm=[0, 2, 1]),
                np.ones((3, 2)),
                0.5,
            ),
            "does not contract the channel axis; keep",
        ),
        (
            lambda f: f.node("ReduceSum", f.dense(f.quant("in", 0.5), np.eye(4), 0.5), f.ints(1, 2)),
            "over tokens and channels at once",
        ),
        (lambda f: f.node("ReduceSum", f.quant("in", 0.5), f.ints(9)), r"axes \[9\] do not fit 3 axes"),
        (lambda f: f.node("Cast", f.quant("in", 0.5), to=6), "casts to a type that rounds"),
        (lambda f: f.node("Gather", f.quant("in", 0.5), f.ints(3), axis=1), "selects an index that does not exist"),
        (lambda f: f.node("Gather", f.quant("in", 0.5), f.quant("in", 0.5)), "places that are not known at export"),
        (lambda f: f.node("Transpose", f.quant("in", 0.5), perm=[0, 2, 1]), r"\(1, 4, 3\) is not in the order"),
        (lambda f: f.quant("in", 0.5), "nothing is computed from the quantized input; add quantized layers"),
        (lambda f: f.quant(f.const(np.ones((1, 3, 4))), 0.5), "the output is not computed from the quantized input"),
        (
            lambda f: f.node("Reshape", f.quant("in", 0.5), f.node("Shape", f.node("Erf", "in"))),
            "Erf '/Erf_.*': its input is not quantized",
        ),
        (
            lambda f: f.node("IntLookup", f.quant("in", 0.5), f.const([1]), domain=ACCEL, in_scale=0.25, base=0),
            r"was exported for inputs of scale 0\.25 and gets 0\.5",
        ),
        (
            lambda f: f.node("IntLookup", f.quant("in", 0.5), f.const([1]), domain=ACCEL, in_scale=0.5, out_scale=0.5),
            "attribute 'base' is missing",
        ),
        (
            lambda f: f.node(
                "IntLookup", f.quant("in", 0.5), f.const([1]), domain=ACCEL, in_scale=0.5, out_scale=0.5, base=0
            ),
            r"input range -128\.\.127 leaves the table's 0\.\.0; change the layer's sizes or bit widths",
        ),
        (
            lambda f: f.node("IntSoftmax", f.quant("in", 0.5), f.const([0.5]), domain=ACCEL, in_scale=0.5, out_bits=8),
            "its rom holds numbers that are no integers",
        ),
        (
            lambda f: f.node("IntSoftmax", f.quant("in", 0.5), f.const([7.0]), domain=ACCEL, in_scale=0.5, out_bits=8),
            r"rom must start with 2\^12 - 1, or a larger power; got \[7\]",
        ),
        (
            lambda f: f.node("IntSoftmax", f.quant("in", 0.5), f.const([7.0]), domain=ACCEL, in_scale=0.5, out_bits=99),
            r"out_bits is 1\.\.20; got 99",
        ),
        (
            lambda f: f.node(
                "IntNorm",
                f.quant("in", 0.5),
                domain=ACCEL,
                in_scale=0.5,
                out_scale=0.5,
                form="layer",
                guard=8,
                numerator_bits=1 << 60,
                shift=3,
                lo=-8,
                hi=7,
            ),
            "guard, numerator_bits and shift are at most 62",
        ),
    ],
)
def test_constructs_that_the_graph_cannot_express(path: Path, build: Callable[[File], str], match: str) -> None:
    f = File()
    f.save(path.parent, build(f))
    refused(path, match, UnsupportedModel)


# ---- broken structure


def test_no_input_the_same_twice_or_the_same_output_twice(path: Path) -> None:
    f = File()
    y = f.quant("in", 0.5)
    f.inputs *= 2
    f.save(path.parent, y)
    refused(path, r"inputs have names of their own, the file has 'in', 'in'; export")
    f.inputs.clear()
    f.save(path.parent, y)
    refused(path, r"inputs have names of their own, the file has none; export")
    f = File()
    y = f.dense(f.quant("in", 0.5), np.eye(4), 0.5)
    f.save(path.parent, y, f.node("Identity", y))
    refused(path, "two outputs are the same numbers; export one of them")
    f.save(path.parent, y, y)
    refused(path, r"outputs have names of their own, the file has 't2', 't2'; export the model again")


def test_absent_initializer_cycle_and_double_producer(path: Path) -> None:
    f = File()
    f.save(path.parent, f.node("Quant", "in", "lost", "c", "d", name="q", domain=QUANT))
    refused(path, "node 'q' \\(Quant\\) reads 'lost', which no node produces and no initializer holds")
    f = File()
    f.quant("in", 0.5)
    f.nodes.append(helper.make_node("Add", ["in", "b"], ["a"], name="first"))
    f.nodes.append(helper.make_node("Relu", ["a"], ["b"], name="second"))
    f.save(path.parent, "b")
    refused(path, r"the nodes form a cycle \('.*', '.*'\)")
    f = File()
    f.quant("in", 0.5)
    f.nodes[-1].output[0] = "in"
    f.save(path.parent, "in")
    refused(path, "tensor 'in' is produced twice")
    f = File()
    f.quant("in", 0.5)
    f.save(path.parent, "nowhere")
    refused(path, "output 'nowhere' is produced by no node")


def test_unsorted_nodes_are_sorted(path: Path) -> None:
    file, output = encoder(Encoder())
    x = np.random.default_rng(0).normal(size=(3, 4, 3))
    expected = _logits(file.save(path.parent, output), x)
    file.nodes.reverse()
    np.testing.assert_array_equal(_logits(file.save(path.parent, output), x), expected)


def test_damaged_initializers(path: Path) -> None:
    for change in ("dims", "type"):
        f = File()
        y = f.dense(f.quant("in", 0.5), np.eye(4), 0.5)
        tensor = next(t for t in f.initializers if len(t.dims) == 2)
        if change == "dims":
            tensor.dims[0] = 1 << 40
        else:
            tensor.data_type = TensorProto.STRING
        f.save(path.parent, y)
        refused(path, rf"tensor '{tensor.name}' is damaged or of an unknown type; export the model again")


# ---- data outside the file


@pytest.mark.parametrize(
    "location", ["../secret.bin", "/etc/hostname", "sub/../../secret.bin", "link.bin", "circle", "x" * 5000, "a\0b", ""]
)
def test_external_data_outside_the_folder_is_not_opened(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(64))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    (folder / "circle").symlink_to("circle")
    refused(_external(folder, location), "names data outside the model's folder .*; it is not opened")


def test_external_data_beside_the_file_is_read(tmp_path: Path) -> None:
    model = _external(tmp_path, "weights.bin")
    refused(model, r"tensor 'c0': its data file 'weights.bin' is missing; copy it next to the model")
    (tmp_path / "weights.bin").write_bytes(bytes(12))
    refused(model, r"tensor 'c0': cannot read 'weights.bin'|tensor 'c0' is damaged")
    (tmp_path / "weights.bin").write_bytes(np.eye(4, dtype=np.float32).tobytes())
    graph = onnx_import.load(model)
    assert graph.nodes[0].op.weight.tolist() == np.eye(4).tolist()


def _external(folder: Path, location: str) -> Path:
    f = File()
    values = f.const(np.zeros((4, 4)))
    weight = f.quant(values, 1.0, 4)
    y = f.node("MatMul", f.quant("in", 0.5), weight)
    tensor = f.initializers[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return f.save(folder, y)


# ---- hostile names

NAMES = [
    "a\nb",
    "\x1b[31mred\x07",
    '"; rm -rf /; "',
    "'); import os; os.system('x')",
    "$(reboot)`id`",
    "../../etc/passwd",
    "module endmodule",
    "<script>",
    "Größe→层",
    "\u202egnp.exe",
    " ",
    "/",
    "x" * 10_000,
    "%s%n{0}",
    "__class__",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_hostile_names_survive_and_stay_on_one_line(path: Path, name: str) -> None:
    file, output = encoder(Encoder())
    x = np.random.default_rng(0).normal(size=(2, 4, 3))
    expected = _logits(file.save(path.parent, output), x)
    for node in file.nodes:
        node.name = name
    file.inputs[0].name = name
    for node in file.nodes:
        for i, tensor in enumerate(node.input):
            if tensor == "in":
                node.input[i] = name
    file.save(path.parent, output)
    graph = onnx_import.load(path)
    for edge in graph.tensors:
        assert edge.isprintable()
        assert 0 < len(edge) <= 90
    np.testing.assert_array_equal(_logits(path, x), expected)
    file.save(path.parent, file.node("Det", output, name=name))
    assert refused(path, "1 unsupported node: Det '|\"").isprintable()


def test_an_operator_domain_is_never_imported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """qonnx imports the module that a domain names; a file must not get that far."""
    (path.parent / "evil_domain.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(path.parent)
    f = File()
    f.save(path.parent, f.node("Add", f.quant("in", 0.5), f.const(1.0), domain="evil_domain", name="x"))
    with pytest.raises(UnsupportedModel, match="Add 'x': unsupported operator"):
        onnx_import.execute(path, np.zeros((1, 3, 4)))
    assert "evil_domain" not in sys.modules


# ---- anything at all


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_damage_is_refused_or_harmless(tmp_path_factory, data: st.DataObject) -> None:
    """Flipped, removed and doubled bytes: an import or a UserError of one line, nothing else."""
    file, output = encoder(Encoder(gelu=True))
    raw = bytearray(file.proto(output).SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        action = data.draw(st.sampled_from(["flip", "cut", "double"]))
        if action == "flip":
            raw[at] ^= 1 << data.draw(st.integers(0, 7))
        elif action == "cut":
            del raw[at : at + data.draw(st.integers(1, 9))]
        else:
            raw[at:at] = raw[at : at + data.draw(st.integers(1, 9))]
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    path.write_bytes(raw)
    assert "\n" not in _outcome(path)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_mutations_of_the_structure_are_refused_or_harmless(tmp_path_factory, data: st.DataObject) -> None:
    """Valid protobuf that says something else: other operators, inputs, attributes and constants."""
    file, output = encoder(Encoder(gelu=True))
    model = file.proto(output)
    for _ in range(data.draw(st.integers(1, 3))):
        _mutate(model.graph, data)
    path = tmp_path_factory.getbasetemp() / "mutated.onnx"
    path.write_bytes(model.SerializeToString())
    text = _outcome(path)
    assert "\n" not in text
    assert "malformed (" not in text


def _outcome(path: Path) -> str:
    """Empty, or the text with which the file is refused; everything but a UserError passes through."""
    try:
        onnx_import.load(path)
    except UserError as error:
        return str(error)
    return ""


def _mutate(graph: onnx.GraphProto, data: st.DataObject) -> None:
    node = graph.node[data.draw(st.integers(0, len(graph.node) - 1))]
    tensor = graph.initializer[data.draw(st.integers(0, len(graph.initializer) - 1))]
    odd = data.draw(st.sampled_from([0, -1, 1, 7, 1 << 40, -(1 << 62)]))
    action = data.draw(st.sampled_from(["op", "input", "drop", "attribute", "values", "shape", "type"]))
    if action == "op":
        node.op_type = data.draw(st.sampled_from([n.op_type for n in graph.node] + ["Concat", "Gather", "Squeeze"]))
    elif action == "input" and node.input:
        names = [name for n in graph.node for name in n.input]
        node.input[data.draw(st.integers(0, len(node.input) - 1))] = data.draw(st.sampled_from([*names, ""]))
    elif action == "drop" and node.input:
        del node.input[-1]
    elif action == "attribute" and node.attribute:
        attribute = node.attribute[data.draw(st.integers(0, len(node.attribute) - 1))]
        changed = helper.make_attribute(attribute.name, data.draw(st.sampled_from([odd, 0.3, "x", [odd], [0.5]])))
        attribute.CopyFrom(changed)
    elif action == "values":
        array = numpy_helper.to_array(tensor)
        value = data.draw(st.sampled_from([np.nan, np.inf, 0.0, -1.0, 1e38, 3e-40, 0.3]))
        if array.dtype.kind == "i":
            value = odd
        tensor.CopyFrom(numpy_helper.from_array(np.full_like(array, value), tensor.name))
    elif action == "shape":
        array = numpy_helper.to_array(tensor)
        shape = data.draw(
            st.sampled_from([array.shape[::-1], (*array.shape, 1), (1, *array.shape), (0,), (array.size,)])
        )
        array = array.reshape(shape) if np.prod(shape) == array.size else np.zeros(shape, array.dtype)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    elif action == "type":
        kind = data.draw(st.sampled_from([np.int64, np.float64, np.float16, np.bool_, np.int8]))
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(kind), tensor.name))


def _logits(path: Path, x: np.ndarray) -> np.ndarray:
    graph = onnx_import.load(path)
    return reference.run(graph, reference.quantize(graph, x))
