"""`accel.compare`: a model file against its HLS project and its RTL design, one constant of which is wrong."""

import json
from dataclasses import replace

import numpy as np
import pytest
from command import accel as command
from command import assert_refused
from qonnx_files import Encoder, encoder

import accel
from accel import onnx_import, reference
from accel.errors import UserError
from accel.graph import Graph
from hls import rtl
from hls.projects import project


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    file, output = encoder(Encoder(tokens=3, channels=4, classes=2), seed=2)
    return file.save(tmp_path_factory.mktemp("model"), output)


@pytest.fixture(scope="module")
def graph(model) -> Graph:
    return accel.load(model)


@pytest.fixture(scope="module")
def x(graph):
    rng = np.random.default_rng(0)
    return rng.integers(graph.input.lo, graph.input.hi + 1, (12, *graph.input.shape))


def changed(graph: Graph, kind: str, field: str, index: tuple[int, ...], by: int) -> tuple[Graph, str]:
    """The graph with one constant of the last node of a kind changed, and that node's name."""
    node = [node for node in graph if node.op.kind == kind and hasattr(node.op, field)][-1]
    values = np.array(getattr(node.op, field))
    values[index] += by
    wrong = replace(node, op=replace(node.op, **{field: values}))
    return replace(graph, nodes=tuple(wrong if n is node else n for n in graph)), node.name


def assert_found(done, level, wrong, layer, graph, x):
    """The level's first wrong layer, with the index and both integers of an independent run of either graph."""
    right, planted = reference.trace(graph, x), reference.trace(wrong, x)
    index = tuple(int(i) for i in np.argwhere(right[layer] != planted[layer])[0])
    (found,) = done.first
    assert (found.level, found.layer, found.index) == (level, layer, index)
    assert (found.expected, found.got) == (right[layer][index], planted[layer][index])
    assert all(row.mismatches == 0 for row in done.rows if row.level != level)
    for name, rows in done.layers.items():
        differs = (right[name] != planted[name]).reshape(len(x), -1).any(axis=1).sum()
        assert rows[level].mismatches == differs, name


FAULTS = {
    "weight": ("dense", "weight", (0, 1), 1),
    "exponential": ("softmax", "rom", (1,), -600),
}


@pytest.mark.parametrize("fault", ["weight", "exponential"])
def test_a_wrong_constant_in_rtl_is_located(fault, model, graph, x):
    wrong, layer = changed(graph, *FAULTS[fault])
    done = accel.compare(model, rtl.lower(wrong), x)
    assert done.levels == ("qonnx", "reference", "rtl")
    assert_found(done, "rtl", wrong, layer, graph, x)


@pytest.mark.parametrize("fault", ["weight", "exponential"])
def test_a_wrong_constant_in_csim_is_located(fault, model, graph, x, tmp_path):
    wrong, layer = changed(graph, *FAULTS[fault])
    made = project.write(wrong, tmp_path / "project")
    made.compile()
    done = accel.compare(onnx_import.read(model), made, x)
    assert done.levels == ("qonnx", "reference", "csim")
    assert_found(done, "csim", wrong, layer, graph, x)


def test_command(model, graph, tmp_path):
    """Two designs, the second wrong: exit code 1, table, figure, and one line that says where."""
    wrong, layer = changed(graph, *FAULTS["weight"])
    for name, one in (("right", graph), ("wrong", wrong)):
        rtl.lower(one).write(tmp_path / name)
    plot = tmp_path / "new" / "layers.png"
    result = command("compare", model, tmp_path / "right", tmp_path / "wrong", "--samples", 5, "--plot", plot)
    assert result.exit_code == 1
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "rtl 1" in result.stdout
    assert f"accel: rtl 2: layer {layer!r} [" in result.stderr
    result = command("compare", model, tmp_path / "right", "--samples", 5, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["levels"] == ["qonnx", "reference", "rtl"]
    layers = {row["layer"] for row in found["rows"] if row["level"] == "rtl"}
    assert layers == set(graph.tensors)


def test_a_trained_network_is_the_first_level():
    import torch

    import models
    from models.config import EncoderConfig
    from models.quantization import quantize

    torch.manual_seed(0)
    config = EncoderConfig(tokens=3, features=4, channels=4, heads=2, layers=1, hidden=4, quantized=False)
    samples = torch.rand(16, 3, 4) * 16
    network = quantize(models.Encoder(config), samples)
    done = accel.compare(network, [], samples.numpy())
    assert done.levels == ("torch", "qonnx", "reference")
    assert done.mismatches == 0
    assert [layer for layer, rows in done.layers.items() if "torch" in rows] == ["input", list(done.layers)[-1]]


def test_real_numbers_are_quantized(graph, x):
    real = x * np.asarray(graph.input.scale) + 1e-6
    assert accel.compare(graph, rtl.lower(graph), real).rows == accel.compare(graph, rtl.lower(graph), x).rows


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda graph, folder: folder, "holds neither an RTL design nor an HLS project; `accel lower` writes both"),
        (lambda graph, folder: project.write(graph, folder / "p"), r"is not compiled; call compile\(\) first"),
        (
            lambda graph, folder: rtl.lower(
                replace(graph, outputs=graph.nodes[-2].name, nodes=graph.nodes[:-1], view=None)
            ),
            r"rtl: layer '\S+' is missing: made from another model; lower this one again",
        ),
    ],
)
def test_unfit_projects(make, message, graph, x, tmp_path):
    with pytest.raises(UserError, match=message):
        accel.compare(graph, make(graph, tmp_path), x)


def test_unfit_requests(model, graph, x, tmp_path):
    assert_refused(command("compare", model), "Missing argument 'PROJECTS...'")
    assert_refused(command("compare", model, tmp_path, "--plot", "layers.txt"), "a figure is .png, .svg or .pdf")
    assert_refused(command("compare", model, tmp_path), "holds neither an RTL design nor an HLS project")
    with pytest.raises(UserError, match=r"input shape is \(12, 3\), the model takes"):
        accel.compare(graph, [], x[..., 0])
    with pytest.raises(UserError, match="cannot compare a list"):
        accel.compare([1], [], x)
