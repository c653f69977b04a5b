"""RTL execution of qonnx models: every tensor is qonnx's own, of whole models and of single nodes."""

import re

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from qonnx_files import Encoder, encoder

from accel import onnx_import
from accel.cut import cut
from accel.dataflow.folding import unrolled
from accel.errors import GraphError, UserError
from hls import rtlsim
from hls.simulation import simulate


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A network like that of the digits, small, as Brevitas exports it."""
    import torch

    import models
    from models.quantization import quantize

    torch.manual_seed(1)
    config = models.EncoderConfig(tokens=3, features=4, channels=4, heads=2, layers=1, hidden=6, quantized=False)
    network = quantize(models.Encoder(config), torch.rand(16, 3, 4) * 16)
    return models.export(network, tmp_path_factory.mktemp("model") / "model.onnx")


@pytest.fixture
def model(path):
    return ModelWrapper(str(path)).transform(InferShapes())


def inputs(model: ModelWrapper, seed: int = 0) -> dict[str, np.ndarray]:
    """Real numbers, some of them far outside the quantizer's range."""
    name = model.graph.input[0].name
    x = np.random.default_rng(seed).normal(scale=9, size=model.get_tensor_shape(name))
    return {name: x.astype(np.float32)}


def assert_same(found: dict[str, np.ndarray], model: ModelWrapper, x: dict[str, np.ndarray]) -> None:
    expected = execute_onnx(model, x, return_full_exec_context=True)
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


def test_a_whole_model_is_one_design(model, path):
    x = inputs(model)
    found = rtlsim.execute(model, x, return_full_exec_context=True)
    assert_same(found, model, x)
    graph = onnx_import.load(path)
    assert len(found) >= len(graph.tensors) - 2, "every layer is shown"
    (name,) = output = rtlsim.execute(path, x)
    assert np.array_equal(output[name], execute_onnx(model, x)[name])
    fast = rtlsim.execute(path, x, schedule=unrolled(graph))
    assert np.array_equal(fast[name], output[name])


@pytest.mark.parametrize(
    "options", [Encoder(batch=3, tokens=2, channels=4), Encoder(merged=True, causal=True, gelu=True)]
)
def test_files_with_a_batch_and_with_heads_in_it(options, tmp_path):
    file, output = encoder(options, 1)
    model = ModelWrapper(file.proto(output)).transform(InferShapes())
    x = inputs(model)
    assert_same(rtlsim.execute(model, x, return_full_exec_context=True), model, x)


NODES = (
    "blocks.0/attention/MatMul",  # scores: two streams of heads
    "blocks.0/attention/softmax/IntSoftmax",
    "blocks.0/attention/out/Add",  # a matrix and its bias
    "blocks.0/Add",  # a residual: scales are aligned
    "blocks.0/norm2/IntNorm",
    "blocks.0/feed_forward/quant/Quant",  # with the ReLU before it
    "head/Gemm",
)


def test_nodes_alone(model, monkeypatch):
    """Each is a design of its own, between nodes that qonnx runs."""
    x, designs = inputs(model, 2), []
    run = simulate.run

    def counted(design, x, **options):
        designs.append(design)
        return run(design, x, **options)

    monkeypatch.setattr(simulate, "run", counted)
    found = rtlsim.execute(model, x, nodes=NODES, return_full_exec_context=True)
    assert len(designs) == len({design.hash for design in designs}) == len(NODES)
    assert {node.output[0] for node in model.graph.node} <= found.keys()
    assert_same(found, model, x)


def test_what_the_hardware_computes_is_what_comes_out(model, monkeypatch):
    """One bit wrong in the simulated node, and the nodes behind it continue from that."""
    from dataclasses import replace

    x, run = inputs(model), simulate.run
    monkeypatch.setattr(simulate, "run", lambda *a, **k: replace(found := run(*a, **k), outputs=found.outputs ^ 1))
    found = rtlsim.execute(model, x, nodes=["blocks.0/norm2/IntNorm"], return_full_exec_context=True)
    expected = execute_onnx(model, x, return_full_exec_context=True)
    differs = [n.name for n in model.graph.node if not np.array_equal(found[n.output[0]], expected[n.output[0]])]
    assert differs[0] == "blocks.0/norm2/IntNorm"
    assert differs[-1] == "head/Gemm"


def test_marks_are_exec_mode(model, path, tmp_path, monkeypatch):
    names = ["blocks.0/norm1/IntNorm"]
    rtlsim.mark(model, names)
    assert rtlsim.marked(model) == names
    (node,) = (node for node in model.graph.node if node.name in names)
    assert [(entry.key, entry.value) for entry in node.metadata_props] == [("exec_mode", "rtlsim")]
    model.save(str(tmp_path / "marked.onnx"))
    designs, run = [], simulate.run
    monkeypatch.setattr(simulate, "run", lambda design, *a, **k: designs.append(design) or run(design, *a, **k))
    x = inputs(model)
    (first,) = rtlsim.execute(model, x).values()
    (second,) = rtlsim.execute(tmp_path / "marked.onnx", x).values()
    assert len({design.hash for design in designs}) == 1
    assert np.array_equal(first, second)
    assert np.array_equal(first, next(iter(rtlsim.execute(model, x, nodes=names[0]).values())))
    model.set_metadata_prop("exec_mode", "rtlsim")
    (whole,) = rtlsim.execute(model, x).values()
    assert len({design.hash for design in designs}) == 2
    assert np.array_equal(whole, first)
    rtlsim.mark(model, [])
    assert rtlsim.marked(model) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("blocks.0/norm1/IntNor", "the model has no node '{}'; did you mean 'blocks.0/norm1/IntNorm'?"),
        ("zzz", "the model has no node '{}'; there are "),
        (
            "blocks.0/attention/out/MatMul",
            "node '{}' (MatMul) cannot run alone in RTL: it is part of 'blocks.0/attention/out/Add'",
        ),
        (
            "blocks.0/attention/Reshape",
            "node '{}' (Reshape) cannot run alone in RTL: it is part of 'blocks.0/attention/MatMul'",
        ),
        (
            "input_quant/Quant",
            "node '{}' (Quant) cannot run alone in RTL: it makes the integers that the hardware takes",
        ),
    ],
)
def test_nodes_that_cannot_run_alone(name, text, model):
    with pytest.raises(UserError, match=re.escape(text.format(name))):
        rtlsim.execute(model, inputs(model), nodes=[name])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda x: {"other": x}, r"the model's inputs are \['input'\]; got \['other'\]"),
        (lambda x: {}, r"the model's inputs are \['input'\]; got \[\]"),
        (lambda x: {"input": x, "more": x}, r"the model's inputs are \['input'\]; got \['input', 'more'\]"),
        (lambda x: {"input": x[0]}, r"input 'input' is float32 \(3, 4\); the model takes real numbers \(1, 3, 4\)"),
        (lambda x: {"input": x.astype(str)}, r"input 'input' is <U\d+ \(1, 3, 4\); the model takes real numbers"),
        (lambda x: {"input": x * np.nan}, r"input 'input' holds NaN or infinity"),
    ],
)
def test_unfit_inputs(change, text, model):
    with pytest.raises(UserError, match=text):
        rtlsim.execute(model, change(inputs(model)["input"]))


def test_a_model_that_is_not_imported(model):
    for node in model.graph.node:
        if node.op_type == "IntNorm":
            node.op_type = "Det"
            node.domain = ""
    with pytest.raises(UserError, match=r"^model: 3 unsupported nodes: Det "):
        rtlsim.execute(model, inputs(model))


def test_cuts_say_what_is_missing(path):
    graph = onnx_import.load(path)
    with pytest.raises(GraphError, match="is the input of the graph: no operator computes it"):
        cut(graph, graph.input_name, [])
    with pytest.raises(GraphError, match=rf"depends on {graph.input_name!r}, which is not among the inputs"):
        cut(graph, graph.output, [])
