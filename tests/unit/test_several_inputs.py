"""Files with several inputs: streams with quantizers of their own, ranges that are given, and what does not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command import accel as command
from command import assert_refused
from float_files import check
from onnx import TensorProto
from qonnx_files import File

import accel
from accel import onnx_import, reference, storage
from accel.errors import UnsupportedModel, UserError
from accel.onnx_import.runner import QonnxRunner
from accel.verbs.levels import qonnx, torch_reference
from accel.verification.levels import verify_all

RNG = np.random.default_rng(5)
WEIGHTS = [RNG.integers(-8, 8, shape) for shape in ((4, 6), (5, 6), (6, 3))]


def file(folder: Path, quantized: bool = True, heads: bool = False) -> Path:
    """W (relu(U a + V b)): a (1, 3, 4) and b (1, 5, 3), whose channels come first; `heads` adds the hidden layer."""
    f = File((1, 5, 3))
    f.inputs[0].name = "b"
    f.inputs.insert(0, File((1, 3, 4)).inputs[0])
    f.inputs[0].name = "a"
    b = f.node("Transpose", f.quant("b", 0.125) if quantized else "b", perm=[0, 2, 1])
    total = f.node("Add", f.dense(f.quant("a", 0.5), WEIGHTS[0], 0.25), f.dense(b, WEIGHTS[1], 0.5))
    hidden = f.quant(f.node("Relu", total), 1.0)
    y = f.dense(hidden, WEIGHTS[2], 0.5)
    ends = (
        [f.node("Softmax", y, axis=-1), f.node("Cast", f.node("ArgMax", y, axis=-1, keepdims=0), to=1), hidden]
        if heads
        else [y]
    )
    return f.save(folder, *ends)


def real(count: int = 7) -> dict[str, np.ndarray]:
    return {"b": RNG.normal(size=(count, 5, 3)), "a": RNG.normal(0, 4, (count, 3, 4))}


def test_each_stream_has_its_quantizer_and_its_axes(tmp_path: Path) -> None:
    """Inputs are in the file's order, whatever is read first."""
    imported = onnx_import.read(file(tmp_path))
    graph, x = imported.graph, real()
    assert [(name, t.shape, t.scale) for name, t in graph.inputs.items()] == [("a", (3, 4), 0.5), ("b", (3, 5), 0.125)]
    integers = {"a": np.rint(x["a"] / 0.5), "b": np.rint(x["b"] / 0.125).transpose(0, 2, 1)}
    total = integers["a"] @ WEIGHTS[0] * 0.125 + integers["b"] @ WEIGHTS[1] * 0.0625
    expected = np.clip(np.rint(np.maximum(total, 0)), 0, 127) @ WEIGHTS[2] * 0.5
    np.testing.assert_array_equal(graph.predict(x), expected)
    np.testing.assert_array_equal(graph.predict(x, device="native"), expected)
    given = reference.quantize(graph, graph.samples(x))
    outcomes = verify_all(graph, [qonnx(imported), torch_reference(graph)], given)
    assert [outcome.mismatches for outcome in outcomes] == [0, 0]


def test_a_saved_graph_takes_the_same_arrays(tmp_path: Path) -> None:
    model, x = accel.load(file(tmp_path)), real()
    storage.save(model, tmp_path / "graph.accel")
    again = storage.load(tmp_path / "graph.accel")
    assert again.view == model.view
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_every_output_has_its_ending(tmp_path: Path) -> None:
    """Two of three outputs are made of one edge; the host computes them, in the file's types and shapes."""
    imported = onnx_import.read(file(tmp_path, heads=True))
    graph, x = imported.graph, real(6)
    assert imported.ending == ("Softmax", "ArgMax")
    assert [t.shape for t in graph.outputs.values()] == [(3, 3), (3, 6)]
    found = imported.results(reference.run(graph, reference.quantize(graph, graph.samples(x))))
    names = [value.name for value in imported.source.model.graph.output]
    runner = QonnxRunner(imported)
    for i in range(6):
        one = {name: array[i : i + 1].astype(np.float32) for name, array in x.items()}
        tensors = runner.run_part(one)
        for name in names:
            np.testing.assert_allclose(found[name][i : i + 1], tensors[name], atol=1e-6)


def test_samples_and_ranges_on_the_command_line(tmp_path: Path) -> None:
    path = file(tmp_path, quantized=False)
    np.savez(tmp_path / "x.npz", labels=np.zeros(7), **real())
    given = ("check", path, "--levels", "qonnx,reference", "--data", tmp_path / "x.npz")
    assert_refused(command(*given), "its input is not quantized", "--input-scale")
    assert_refused(command(*given, "--input-scale", "0.125"), "has the inputs 'a', 'b': say which one, as in --input-s")
    assert_refused(command(*given, "--input-scale", "c=0.125"), "has no input 'c'; its inputs are 'a', 'b'")
    done = command(*given, "--input-scale", "b=0.125", "--input-bits", "b=6")
    assert done.exit_code == 0, done.stderr
    model = accel.load(path, input_scale={"b": 0.125}, input_bits={"b": 6})
    assert (model.inputs["b"].lo, model.inputs["b"].hi) == (-32, 31)
    done = command("check", path, "--input-scale", "b=0.125")
    assert_refused(
        done,
        "has 2 inputs ('a', 'b'), HLS projects and boards one stream in",
        "--levels qonnx,reference,rtl,rtl_stalled",
    )
    done = command("compare", path, tmp_path, "--input-scale", "b=0.125")
    assert_refused(done, "holds neither an RTL design nor an HLS project")
    np.savez(tmp_path / "x.npz", labels=np.zeros(5), **real())
    done = command(*given, "--input-scale", "b=0.125")
    assert_refused(done, "x.npz: all arrays need the same number of samples; got 7 of 'a', 7 of 'b', 5 of 'labels'")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda x: {"a": x["a"]}, "got arrays 'a', expected 'a', 'b'"),
        (lambda x: x["a"], "expected a dict with one for each of"),
        (lambda x: {**x, "b": x["b"][:, :4]}, r"'b': input shape is \(7, 4, 3\)"),
        (lambda x: {**x, "a": x["a"][1:]}, "all arrays need the same number of samples; got 6 of 'a', 7 of 'b'"),
        (lambda x: {**x, "a": x["a"] * np.nan}, "'a': input is nan at index"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, change, text: str) -> None:
    with pytest.raises(UserError, match=text):
        accel.load(file(tmp_path)).predict(change(real()))


def test_an_input_that_nothing_depends_on_is_left_out(tmp_path: Path) -> None:
    f = File((1, 3, 4))
    f.input("unused", (2, 7), TensorProto.INT64)
    mask = f.node("Shape", f.input("shape_only", (1, 3), TensorProto.INT64))
    y = f.node("Reshape", f.dense(f.quant("in", 0.5), np.eye(4), 0.5), f.node("Concat", mask, f.ints(4), axis=0))
    imported = check(f.save(tmp_path, f.quant(y, 0.5)))
    assert list(imported.graph.inputs) == ["in"]
    assert imported.graph.predict(np.ones((2, 3, 4))).shape == (2, 3, 4)


def test_batches_agree(tmp_path: Path) -> None:
    f = File((2, 3, 4))
    y = f.node("Add", f.quant("in", 0.5), f.quant(f.input("more", (5, 7, 4)), 0.5))
    with pytest.raises(UnsupportedModel, match=r"inputs .* have different batches; export with batch 1"):
        onnx_import.read(f.save(tmp_path, f.quant(y, 1.0)))
