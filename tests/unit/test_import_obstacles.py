"""Why a file is refused: the cause, in the reading that got furthest; all causes at once; the remedy that fits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx_files import File

from accel import onnx_import
from accel.errors import UnsupportedModel, UserError


def reasons(path: Path) -> list[str]:
    """The refusal's reasons, without the file's name and the count."""
    with pytest.raises(UnsupportedModel) as caught:
        onnx_import.read(path)
    text = str(caught.value).removeprefix(f"{path}: ")
    return [reason.partition(": ")[2] if " unsupported node" in reason else reason for reason in text.split(" | ")]


def named(path: Path) -> list[str]:
    """The operators that are refused."""
    return [reason.partition(" ")[0] for reason in reasons(path)]


def dense(f: File, x: str, inputs: int, outputs: int) -> str:
    rng = np.random.default_rng(len(f.nodes))
    return f.quant(f.dense(x, rng.integers(-7, 8, (inputs, outputs)), 0.25), 0.5)


# ---- the reading that got furthest


def test_the_obstacle_is_that_of_the_reading_that_got_furthest(tmp_path: Path) -> None:
    """Two operators side by side: other readings of the axes fail earlier, at one node, and are not what is wrong."""
    f = File((1, 6, 8))
    a = dense(f, f.quant("in", 0.25), 8, 8)
    parts = [f.quant(f.node("CumSum", t, f.ints(1).strip()), 0.5) for t in (a, dense(f, a, 8, 8))]
    assert named(f.save(tmp_path, f.quant(f.node("Add", *parts), 0.5))) == ["CumSum"]


def test_among_equals_the_reading_that_nothing_contradicts(tmp_path: Path) -> None:
    """The first node is refused in all readings; what is behind it fits one of them."""
    f = File((1, 8, 24))
    x = f.node("MaxPool", f.quant("in", 0.25), kernel_shape=[2], strides=[2])
    x = dense(f, f.node("Transpose", x, perm=[0, 2, 1]), 8, 8)
    assert named(f.save(tmp_path, x)) == ["MaxPool"]


# ---- all at once


def test_obstacles_behind_an_obstacle(tmp_path: Path) -> None:
    f = File((1, 8, 24), opset=17)
    x = f.quant(f.node("MaxPool", f.quant("in", 0.25), kernel_shape=[2], strides=[2]), 0.25)
    x = dense(f, f.node("Transpose", x, perm=[0, 2, 1]), 8, 16)
    y = f.quant(f.node("MatMul", x, f.const(np.ones((16, 16)))), 0.5)  # weights that are not quantized
    z = f.quant(f.node("LayerNormalization", y, f.const(np.ones(12)), axis=1), 0.5)
    z = dense(f, f.quant(f.node("CumSum", z, f.ints(1)), 0.5), 16, 4)
    found = reasons(f.save(tmp_path, z))
    assert [reason.partition(" ")[0] for reason in found] == ["MaxPool", "MatMul", "LayerNormalization", "CumSum"]
    assert "cut the model behind it" in found[0]
    assert "its weights are not quantized" in found[1]


def test_consequences_are_no_causes(tmp_path: Path) -> None:
    """What is made up for a refused node leads to no reason of its own, however long the file goes on."""
    f = File((1, 6, 8), opset=17)
    x = f.quant("in", 0.25)
    y, other = (f.node("MatMul", x, f.const(np.ones((8, 8)))) for _ in range(2))
    for _ in range(9):  # products of what is unknown: far beyond 62 bits
        y = f.node("Mul", y, other)
    y = f.node("LayerNormalization", y, f.const(np.full(8, 1e12)), axis=-1)
    q, k = (f.quant(y, s) for s in (1e-30, 1e20))
    scores = f.node("MatMul", q, f.node("Transpose", k, perm=[0, 2, 1]))
    p = f.quant(f.node("Softmax", scores, axis=-1), 2.0**-8, signed=0)
    assert named(f.save(tmp_path, f.quant(f.node("MatMul", p, q), 0.5))) == ["MatMul"]


@pytest.mark.parametrize("stem", ["Conv", "MaxPool"])
def test_a_stem_does_not_hide_the_next_one(tmp_path: Path, stem: str) -> None:
    f = File((1, 8, 24))
    x = f.quant("in", 0.25)
    for channels in (8, 16):
        if stem == "Conv":
            weight = f.weight(np.ones((16, channels, 3)), 0.25)
            x = f.node("Conv", x, weight, kernel_shape=[3], pads=[1, 1], dilations=[2], group=1)
        else:
            x = f.node("MaxPool", x, kernel_shape=[3], strides=[2])
        x = f.quant(x, 0.5)
    found = reasons(f.save(tmp_path, x))
    assert all(reason.startswith(f"{stem} '/{stem}_") for reason in found)
    assert sum(reason.count(f"'/{stem}_") for reason in found) == 2


# ---- remedies


def _norm(f: File, quantized: bool) -> str:
    x = f.quant("in", 0.25)
    square = f.node("Mul", x, x)
    mean = f.node("ReduceMean", f.quant(square, 0.5) if quantized else f.node("Erf", square), axes=[-1])
    return f.quant(f.node("Div", x, f.node("Sqrt", f.quant(mean, 0.5))), 0.25)


def _identifiers(f: File, op: str) -> str:
    f.inputs = [helper.make_tensor_value_info("in", TensorProto.INT64, (1, 3))]
    table = f.weight(np.eye(4), 0.25)
    seen = f.node(op, "in", f.const(1, dtype=np.int64))
    places = f.node("CumSum", f.node("Cast", seen, to=TensorProto.INT64), f.const(1, dtype=np.int64))
    return f.quant(f.node("Add", f.node("Gather", table, "in"), f.node("Gather", table, places)), 0.25)


def _layers(f: File, count: int) -> str:
    """Layers of layers, none of them quantized: each needs 9 bits more."""
    x = f.quant("in", 0.25, 12)
    for _ in range(count):
        x = f.node("MatMul", x, f.weight(np.full((4, 4), 100), 0.3, 8))
    return f.quant(x, 0.5)


CASES: dict[str, tuple[Callable[[File], str], tuple[str, ...]]] = {
    "quantizers in a norm": (
        lambda f: _norm(f, True),
        ("Div", "divides two activations", "leave its own operators out of the quantization"),
    ),
    "half of a norm": (
        lambda f: _norm(f, False),
        (
            "ReduceMean",
            "no quantizer stands behind",
            "of a norm or softmax that is written out, leave its own operators out of the quantization",
        ),
    ),
    "a root of signed numbers": (
        lambda f: f.quant(f.node("Sqrt", f.quant("in", 0.25)), 0.25),
        ("Quant ", "not a number on its input's range", "clip its input", "cut the model behind that"),
    ),
    "a mask in the quantizer": (
        lambda f: f.quant(f.node("Add", f.quant("in", 0.25), f.const(np.full((3, 4), -7.0))), 2.68e36),
        ("its scale is 2.7e+36: a mask has reached the quantizer; leave the Add or Where",),
    ),
    "positions": (
        lambda f: _identifiers(f, "Equal"),
        ("Equal", "computes with identifiers; export with position_ids and attention_mask given as constants"),
    ),
    "arithmetic of positions": (lambda f: _identifiers(f, "Add"), ("Add", "export with position_ids")),
    "layers without a quantizer": (
        lambda f: _layers(f, 6),
        ("MatMul", "nothing quantizes what comes in, which has 56 bits by now", "put a QuantIdentity in front of it"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_remedy_fits_the_cause(tmp_path: Path, case: str) -> None:
    build, says = CASES[case]
    f = File()
    text = " | ".join(reasons(f.save(tmp_path, build(f))))
    for part in says:
        assert part in text, text


# ---- files of other kinds


KINDS = {
    "model.pt": (b"PK\x03\x04" + bytes(26) + b"archive/data.pkl", "is a PyTorch file, no ONNX file; `accel export`"),
    "model.onnx": (b"\x80\x02\x8a\nl\xfc\x9cF", "is a PyTorch file"),
    "net.py": (b"import torch\n", "is a Python program, no ONNX file; run it"),
    "x.npy": (b"\x93NUMPY\x01", "is a NumPy file, no ONNX file; samples go to --data"),
    "m.h5": (b"\x89HDF\r\n\x1a\n", "is a Keras file"),
    "m.gguf": (b"GGUF\3\0\0\0", "is a GGUF file, no ONNX file; `accel lm import`"),
    "m.tflite": (b"\x1c\0\0\0TFL3", "is a TensorFlow Lite file"),
    "m.safetensors": (b"\x10\0\0\0\0\0\0\0{}", "is a safetensors file, no ONNX file; export the model again"),
    "graph.accel": (
        b"PK\3\4" + bytes(26) + b"header.npy",
        "is a graph file of accel, no ONNX file; name the .onnx",
    ),
    "m.zip": (b"PK\3\4" + bytes(26) + b"model.onnx", "is a zip archive, no ONNX file; export the model again"),
    "m.bin": (b"\x08\x07garbage", "it is truncated or of another kind"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_another_kind_is_called_by_its_kind(tmp_path: Path, name: str) -> None:
    raw, says = KINDS[name]
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(UserError) as caught:
        onnx_import.read(tmp_path / name)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("name", "raw", "says"),
    [
        ("m1.py", b"import torch\n", "m1.py: is a Python program, no checkpoint; run it"),
        ("model.onnx", b"\x08\x07", "model.onnx: is an ONNX file, no checkpoint; it needs no export, `accel check`"),
        ("model.bin", b"\x08\x07", "truncated or not a checkpoint"),
    ],
)
def test_what_is_no_checkpoint(tmp_path: Path, name: str, raw: bytes, says: str) -> None:
    import models

    (tmp_path / name).write_bytes(raw)
    with pytest.raises(UserError) as caught:
        models.load(tmp_path / name)
    assert says in str(caught.value)
    assert "Weights only load failed" not in str(caught.value)


def test_a_network_saved_whole_is_no_checkpoint(tmp_path: Path) -> None:
    import torch

    import models

    torch.save(torch.nn.Linear(2, 2), tmp_path / "whole.pt")
    with pytest.raises(UserError, match=r"not a checkpoint \(it holds objects of another program\); `accel train`"):
        models.load(tmp_path / "whole.pt")
