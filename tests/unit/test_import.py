"""QONNX files → integer graphs: what every construct becomes, and equality with qonnx' own execution on every edge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qonnx_files import ACCEL, Encoder, File, encoder

from accel import onnx_import, reference
from accel.errors import MismatchError, UserError
from accel.graph import Graph
from accel.onnx_import.layout import Factor, Layout, axis_of
from accel.ops import Dense, Position, Rescale
from accel.ops.softmax.op import exp_table


def check(path: Path, samples: int = 8, seed: int = 0) -> Graph:
    """Import a file and compare every edge that has a tensor with qonnx; the graph."""
    imported = onnx_import.read(path)
    assert imported.is_exact
    graph = imported.graph
    x = np.random.default_rng(seed).normal(scale=3, size=(samples, *graph.input.shape)).astype(np.float32)
    found = onnx_import.execute(imported, x, keep=graph.tensors)
    expected = reference.trace(graph, reference.quantize(graph, x))
    assert graph.output in found
    for name, integers in found.items():
        np.testing.assert_array_equal(integers, expected[name], err_msg=name)
        assert integers.dtype == np.int64
    return graph


def kinds(graph: Graph) -> list[str]:
    return [node.op.kind for node in graph]


@st.composite
def encoders(draw: st.DrawFn) -> Encoder:
    heads = draw(st.integers(1, 3))
    return Encoder(
        batch=draw(st.sampled_from([1, 1, 3])),
        tokens=draw(st.integers(1, 5)),
        features=draw(st.integers(1, 4)),
        channels=heads * draw(st.integers(1, 4)),
        heads=heads,
        hidden=draw(st.integers(1, 7)),
        form=draw(st.sampled_from(["layer", "rms"])),
        gelu=draw(st.booleans()),
        causal=draw(st.booleans()),
        per_channel=draw(st.booleans()),
        merged=draw(st.booleans()),
    )


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(encoders(), st.integers(0, 1 << 20))
def test_encoders_of_any_shape_equal_qonnx_on_every_edge(tmp_path_factory, options: Encoder, seed: int) -> None:
    file, output = encoder(options, seed)
    graph = check(file.save(tmp_path_factory.mktemp("file"), output), samples=4, seed=seed)
    assert graph.output_tensor.shape == (1, options.classes)


def test_an_encoder_has_no_superfluous_nodes(tmp_path: Path) -> None:
    file, output = encoder(Encoder(per_channel=False))
    graph = check(file.save(tmp_path, output))
    front = (
        "dense position rescale norm dense rescale dense rescale dense rescale matmul rescale softmax matmul rescale"
    )
    back = "dense add rescale norm dense rescale dense add rescale norm pool dense"
    assert " ".join(kinds(graph)) == f"{front} {back}"
    assert graph.input.scale == 0.125
    assert (graph.input.lo, graph.input.hi) == (-128, 127)


def test_per_channel_accumulators_are_aligned_before_a_residual_add(tmp_path: Path) -> None:
    f = File((1, 3, 4))
    x = f.quant("in", 2.0**-4)
    y = f.dense(x, np.arange(16).reshape(4, 4) - 8, [[2.0**-3, 2.0**-4, 2.0**-5, 2.0**-3]])
    graph = check(f.save(tmp_path, f.quant(f.node("Add", x, y), 2.0**-3)))
    assert kinds(graph) == ["dense", "rescale", "add", "rescale"]
    align, add, _ = graph.nodes[1:]
    assert align.op.multiplier.tolist() == [4, 2, 1, 4]
    assert align.op.shift == 0
    assert add.op.multipliers.tolist() == [32, 1]
    assert add.scale == 2.0**-9


def test_per_channel_requantization_is_one_rescale(tmp_path: Path) -> None:
    f = File((1, 3, 4))
    y = f.dense(f.quant("in", 2.0**-4), np.arange(16).reshape(4, 4) - 8, [[2.0**-3, 2.0**-4, 2.0**-5, 2.0**-3]])
    graph = check(f.save(tmp_path, f.quant(y, 2.0**-3, bits=6)))
    assert kinds(graph) == ["dense", "rescale"]
    assert graph.tensors[graph.nodes[0].name].scale == (2.0**-7, 2.0**-8, 2.0**-9, 2.0**-7)
    assert graph.nodes[1].op.multiplier.tolist() == [4, 2, 1, 4]
    assert graph.nodes[1].op.shift == 6


def test_per_channel_activation_quantizers(tmp_path: Path) -> None:
    f = File((1, 3, 4))
    x = f.quant("in", [2.0**-4, 2.0**-3, 2.0**-5, 2.0**-4])
    y = f.quant(x, [[[2.0**-3, 2.0**-3, 2.0**-3, 2.0**-2]]], bits=5)
    graph = check(f.save(tmp_path, f.dense(y, np.eye(4), 0.5)))
    assert graph.input.scale == (2.0**-4, 2.0**-3, 2.0**-5, 2.0**-4)
    assert kinds(graph) == ["rescale", "rescale", "dense"]


def test_left_shifts_are_multipliers(tmp_path: Path) -> None:
    f = File()
    graph = check(f.save(tmp_path, f.quant(f.quant("in", 1.0), 2.0**-3, bits=6)))
    assert (graph.nodes[0].op.multiplier.tolist(), graph.nodes[0].op.shift) == ([8], 0)


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("ROUND", "half_even"),
        ("HALF_EVEN", "half_even"),
        ("half_up", "half_away"),
        ("FLOOR", "floor"),
        ("DOWN", "toward_zero"),
        ("CEIL", "ceil"),
        ("UP", "away"),
        ("HALF_DOWN", "half_toward_zero"),
    ],
)
@pytest.mark.parametrize("narrow", [0, 1])
@pytest.mark.parametrize("signed", [0, 1])
def test_quantizer_attributes(tmp_path: Path, mode: str, name: str, narrow: int, signed: int) -> None:
    f = File((1, 3, 4))
    weight = f.quant(f.const(np.linspace(-1, 1, 16).reshape(4, 4)), 0.125, 3, signed, narrow, mode=mode)
    y = f.node("MatMul", f.quant("in", 0.5), weight)
    graph = check(f.save(tmp_path, f.quant(y, 0.5, 5, signed, narrow, mode=mode)))
    assert graph.nodes[-1].op.rounding == name
    assert graph.output_tensor.hi == (15 if signed else 31 - narrow)


def test_zero_points_are_subtracted(tmp_path: Path) -> None:
    f = File()
    x = f.quant("in", 0.5, signed=0, zero=128)
    y = f.quant(f.dense(x, np.eye(4), 0.5), 1.0, bits=4, signed=0, zero=6)
    graph = check(f.save(tmp_path, y))
    assert (graph.input.lo, graph.input.hi) == (-128, 127)
    assert (graph.output_tensor.lo, graph.output_tensor.hi) == (-6, 9)


@pytest.mark.parametrize("mode", ["ROUND", "HALF_UP", "HALF_DOWN", "UP", "DOWN", "CEIL", "FLOOR"])
@pytest.mark.parametrize("zero", [-7, 4, 9])
@pytest.mark.parametrize("signed", [0, 1])
def test_ties_and_signs_around_a_zero_point(tmp_path: Path, mode: str, zero: int, signed: int) -> None:
    """x + zero is what is rounded: its ties go to even numbers, and its zero is the one to round toward."""
    f = File((1, 3, 4))
    x = f.quant("in", 0.25)
    check(f.save(tmp_path, f.quant(x, 1.0, bits=5, signed=signed, zero=zero, mode=mode)), samples=64)


def test_bipolar_weights(tmp_path: Path) -> None:
    f = File()
    weight = f.quant(f.const([[-0.3, 0.0], [0.2, -1], [1, 1], [0.4, 0.1]]), 0.25, bits=1)
    graph = check(f.save(tmp_path, f.node("MatMul", f.quant("in", 0.5), weight)))
    assert set(graph.nodes[0].op.weight.wide().flat) == {-1, 1}


def test_relu_is_the_lower_bound_of_the_next_quantizer(tmp_path: Path) -> None:
    f = File()
    y = f.node("Relu", f.dense(f.quant("in", 0.5), np.arange(16).reshape(4, 4) - 8, 0.5))
    graph = check(f.save(tmp_path, f.quant(f.node("Transpose", y, perm=[0, 1, 2]), 0.5, bits=4)))
    assert kinds(graph) == ["dense", "rescale"]
    assert (graph.nodes[1].op.lo, graph.nodes[1].op.hi) == (0, 7)


def test_a_relu_without_quantizer_is_a_rescale_of_its_own_and_only_one(tmp_path: Path) -> None:
    f = File()
    x = f.quant("in", 0.5)
    y = f.node("Relu", x)
    y = f.node("Relu", y)
    graph = check(f.save(tmp_path, f.node("Add", y, f.dense(y, np.eye(4), 0.5))))
    assert kinds(graph) == ["rescale", "dense", "add"]
    assert graph.nodes[0].name == "in/relu"


def test_quantizing_again_adds_nothing(tmp_path: Path) -> None:
    f = File()
    x = f.quant(f.quant(f.quant("in", 0.5, bits=6), 0.5), 0.5)
    acc = f.dense(x, np.eye(4), 0.5)
    y, z = f.quant(acc, 0.5), f.quant(acc, 0.5)
    dead = f.quant(acc, 0.25)
    f.node("Softmax", dead)
    graph = check(f.save(tmp_path, f.node("Add", y, z)))
    assert kinds(graph) == ["dense", "rescale", "add"]


def test_bias_joins_its_dense_only_when_nothing_else_reads_it(tmp_path: Path) -> None:
    f = File()
    x = f.quant("in", 0.5)
    acc = f.dense(x, np.eye(4), 0.5)
    biased = f.node("Add", f.const([0.25, -0.5, 1, 2]), acc)
    graph = check(f.save(tmp_path, f.node("Add", f.quant(biased, 0.5), f.quant(acc, 0.5))))
    assert kinds(graph) == ["dense", "position", "rescale", "rescale", "add"]
    shared = File()
    acc = shared.dense(shared.quant("in", 0.5), np.eye(4), 0.5)
    first = shared.node("Add", shared.node("Reshape", acc, shared.ints(1, 12)), shared.const(0.25))
    first = shared.node("Reshape", first, shared.ints(1, 3, 4))
    graph = check(shared.save(tmp_path, shared.node("Add", acc, first)))
    assert kinds(graph) == ["dense", "position", "add"]


def test_two_biases_and_a_subtraction_join(tmp_path: Path) -> None:
    f = File()
    y = f.dense(f.quant("in", 0.5), np.eye(4), 0.5, [1, 2, 3, 4], 0.25)
    y = f.node("Sub", y, f.const([0.25, 0, 0, 1.5]))
    y = f.node("Add", y, f.const(0.0))
    graph = check(f.save(tmp_path, y))
    (node,) = graph.nodes
    assert isinstance(node.op, Dense)
    assert node.op.bias.tolist() == [0, 2, 3, -2]
    assert node.name == "MatMul_2"


def test_positions_with_a_finer_scale_widen_the_sum(tmp_path: Path) -> None:
    f = File((1, 3, 4))
    table = f.quant(f.const(np.arange(12).reshape(1, 3, 4) / 16), 2.0**-4)
    graph = check(f.save(tmp_path, f.node("Add", f.quant("in", 0.5), table)))
    (node,) = graph.nodes
    assert isinstance(node.op, Position)
    assert (node.op.multiplier, node.scale) == (8, 2.0**-4)
    assert node.op.table.tolist() == np.arange(12).reshape(3, 4).tolist()


def test_gemm_and_matmul_with_constants_on_either_side(tmp_path: Path) -> None:
    weight = np.arange(8).reshape(4, 2) - 4
    for transposed in (0, 1):
        f = File((2, 4))
        w = f.weight(weight.T if transposed else weight, 0.5)
        graph = check(f.save(tmp_path, f.node("Gemm", f.quant("in", 0.5), w, f.const([0.25, 1]), transB=transposed)))
        assert graph.nodes[0].op.weight.tolist() == weight.T.tolist()
    f = File((1, 3, 4))
    x = f.node("Transpose", f.quant("in", 0.5), perm=[0, 2, 1])
    y = f.node("MatMul", f.node("Transpose", f.weight(weight, 0.5)), x)
    graph = check(f.save(tmp_path, f.node("Transpose", y, perm=[0, 2, 1])))
    assert graph.nodes[0].op.weight.tolist() == weight.T.tolist()


def test_weights_with_a_step_per_input_channel(tmp_path: Path) -> None:
    f = File()
    step = np.array([[1.0], [0.5], [0.25], [2.0]])
    y = f.node("MatMul", f.quant("in", 0.5), f.weight(np.arange(8).reshape(4, 2) - 4, step))
    graph = check(f.save(tmp_path, y))
    assert graph.nodes[0].scale == 0.125


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("op", ["ReduceSum", "ReduceMean"])
@pytest.mark.parametrize("axis", [1, -2])
def test_pooling(tmp_path: Path, op: str, keepdims: int, axis: int) -> None:
    f = File((2, 4, 3), opset=13 if op == "ReduceSum" else 18)
    y = f.node(op, f.quant("in", 0.5), f.ints(axis), keepdims=keepdims)
    y = f.node("Mul", y, f.const(0.25))
    graph = check(f.save(tmp_path, f.dense(y, np.eye(3), 0.5)))
    assert kinds(graph) == ["pool", "dense"]
    assert graph.output_tensor.scale == 2.0 ** (-4 if op == "ReduceSum" else -6)


def test_pooling_with_axes_as_an_attribute(tmp_path: Path) -> None:
    f = File((1, 4, 3), opset=13)
    assert kinds(check(f.save(tmp_path, f.node("ReduceMean", f.quant("in", 0.5), axes=[1])))) == ["pool"]


def test_scaling_by_powers_of_two_is_metadata(tmp_path: Path) -> None:
    f = File()
    y = f.node("Div", f.node("Mul", f.const(4.0), f.quant("in", 0.5)), f.const([2.0, 1.0, 0.5, 8.0]))
    graph = check(f.save(tmp_path, f.quant(y, 0.5)))
    assert kinds(graph) == ["rescale"]
    out = File()
    last = out.node("Mul", out.dense(out.quant("in", 0.5), np.eye(4), 0.5), out.const(0.125))
    graph = check(out.save(tmp_path, last))
    assert graph.output_tensor.scale == 2.0**-5


def test_traced_shape_arithmetic(tmp_path: Path) -> None:
    """What TorchScript writes for x.reshape(B, T, 2, -1) when the shapes are not folded."""
    f = File((2, 3, 4))
    x = f.quant("in", 0.5)
    parts = [
        f.node("Unsqueeze", f.node("Gather", f.node("Shape", x), f.const(i, dtype=np.int64)), f.ints(0)) for i in (0, 1)
    ]
    target = f.node("Concat", *parts, f.ints(2), f.ints(-1), axis=0)
    split = f.node("Reshape", x, f.node("Cast", target, to=7))
    turned = f.node("Transpose", f.node("Identity", split), perm=[0, 2, 1, 3])
    back = f.node("Transpose", f.node("Squeeze", f.node("Unsqueeze", turned, f.ints(0)), f.ints(0)), perm=[0, 2, 1, 3])
    y = f.node("Reshape", back, f.node("Shape", x))
    assert kinds(check(f.save(tmp_path, f.dense(y, np.eye(4), 0.5)))) == ["dense"]


def test_products_of_transposed_operands(tmp_path: Path) -> None:
    """values as (v^T p^T)^T, scores as q k^T with k transposed by another permutation."""
    f = File((1, 3, 4))
    x = f.quant("in", 0.5)
    scores = f.quant(f.node("MatMul", x, f.node("Transpose", x, perm=[0, 2, 1])), 0.5)
    p = f.node("IntSoftmax", scores, f.const(exp_table(0.5, 8, 256)), domain=ACCEL, in_scale=0.5, out_bits=8)
    turned = f.node("MatMul", f.node("Transpose", x, perm=[0, 2, 1]), f.node("Transpose", p, perm=[0, 2, 1]))
    graph = check(f.save(tmp_path, f.node("Transpose", turned, perm=[0, 2, 1])))
    assert kinds(graph) == ["matmul", "rescale", "softmax", "matmul"]
    assert [node.op.form for node in graph if node.op.kind == "matmul"] == ["scores", "values"]


@pytest.mark.parametrize(
    "shape", [(1, 4), (3, 4), (1, 1, 4), (2, 1, 3, 4), (1, 3, 1, 4), (2, 3, 1), (1, 1, 1)], ids=str
)
def test_input_shapes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    f = File(shape)
    graph = check(f.save(tmp_path, f.dense(f.quant("in", 0.5), np.ones((shape[-1], 2)), 0.5)))
    tokens = [size for size in shape[1:-1] if size > 1] or [1]
    assert graph.input.shape == (tokens[0], shape[-1])


def test_execute_splits_and_pads_batches(tmp_path: Path) -> None:
    file, output = encoder(Encoder(batch=3))
    path = file.save(tmp_path, output)
    graph = onnx_import.load(path)
    x = np.random.default_rng(1).normal(size=(7, *graph.input.shape))
    found = onnx_import.execute(path, x)
    assert list(found) == [graph.output]
    np.testing.assert_array_equal(found[graph.output], reference.run(graph, reference.quantize(graph, x.astype("f4"))))


def test_execute_refuses_wrong_shapes_and_numbers_between_the_steps(tmp_path: Path) -> None:
    f = File()
    path = f.save(tmp_path, f.dense(f.quant("in", 0.5), np.eye(4), 0.5))
    with pytest.raises(UserError, match=r"input shape is \(2, 4\), the model takes \(samples, 3, 4\)"):
        onnx_import.execute(path, np.zeros((2, 4)))
    imported = onnx_import.read(path)
    name = imported.graph.output
    origin = imported.origins[name]
    coarse = type(origin)(origin.tensor, origin.layout, origin.scale * 2)
    wrong = replace(imported, origins={name: coarse})
    with pytest.raises(MismatchError, match=rf"qonnx: layer '{name}' \[0, 0, 0\]: 0.5 steps of the layer's scale"):
        onnx_import.execute(wrong, np.full((1, 3, 4), 0.5))


def test_names_are_readable_and_unique(tmp_path: Path) -> None:
    f = File()
    x = f.quant("in", 0.5)
    for _ in range(3):
        y = f.node("MatMul", x, f.weight(np.eye(4), 0.5), name="/blocks.0/q/MatMul")
        x = f.quant(y, 0.5, name="/blocks.0/aq/act_quant/export_handler/Quant")
    graph = check(f.save(tmp_path, x))
    first = ["blocks.0/q/MatMul", "blocks.0/aq/Quant"]
    assert [node.name for node in graph] == first + [f"{name}_{i}" for i in (1, 2) for name in first]


# ---- layouts


@given(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=4), st.data())
def test_layouts_do_what_numpy_does(shape: list[int], data: st.DataObject) -> None:
    """Reshapes and transposes of a layout lead back to the same edge as numpy's on the numbers."""
    tokens, channels = 12, 8
    array = np.arange(2 * tokens * channels).reshape(2, tokens, channels)
    layout = Layout((axis_of("batch", 2), axis_of("token", tokens), axis_of("channel", channels)))
    edge, moved = layout.to_edge(array), array
    for _ in range(4):
        if data.draw(st.booleans()):
            perm = tuple(data.draw(st.permutations(range(moved.ndim))))
            moved, layout = moved.transpose(perm), layout.transposed(perm)
            continue
        target = [data.draw(st.sampled_from([1, 2, 3, 4, 6, 8, 12, 24])) for _ in range(3)]
        rest, remainder = divmod(array.size, int(np.prod(target)))
        if remainder:
            continue
        changed = layout.reshaped((*target, rest))
        if changed is not None:
            moved, layout = moved.reshape(*target, rest), changed
    assert layout.shape == moved.shape
    np.testing.assert_array_equal(layout.to_edge(moved), edge)
    np.testing.assert_array_equal(layout.from_edge(edge), moved)


def test_layout_splits_and_merges_heads() -> None:
    plain = Layout((axis_of("batch", 1), axis_of("token", 3), axis_of("channel", 8)))
    split = plain.reshaped((1, 3, 2, 4))
    assert split is not None
    assert split.axes == ((), (Factor("token", 3),), (Factor("channel", 2, 4),), (Factor("channel", 4),))
    assert split.reshaped((1, 3, 8)) == plain
    assert plain.reshaped((1, 4, 6)) is None
    assert plain.reshaped((1, 3, 9)) is None


# ---- qonnx's own tools on our domain


def test_qonnx_cleanup_and_command_line_style_execution(tmp_path: Path) -> None:
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.util.cleanup import cleanup_model

    file, output = encoder(Encoder(gelu=True))
    path = file.save(tmp_path, output)
    graph = check(path)
    model = cleanup_model(ModelWrapper(str(path)))
    clean = tmp_path / "clean.onnx"
    model.save(str(clean))
    cleaned = check(clean)
    assert sorted(kinds(cleaned)) == sorted(kinds(graph))
    x = np.random.default_rng(3).normal(size=(1, 4, 3)).astype(np.float32)
    out = execute_onnx(ModelWrapper(str(clean)), {"global_in": x})["global_out"]
    expected = reference.run(graph, reference.quantize(graph, x))
    np.testing.assert_array_equal(out / graph.output_tensor.scale, expected[:, 0])


@pytest.mark.parametrize("op", ["IntSoftmax", "IntExponential", "IntDivide", "IntNorm", "IntLookup"])
def test_our_domain_resolves_in_qonnx(op: str) -> None:
    from onnx import helper
    from qonnx.custom_op.registry import getCustomOp, is_custom_op

    assert is_custom_op(ACCEL, op)
    node = getCustomOp(helper.make_node(op, ["x", "c"], ["y"], domain=ACCEL, in_scale=0.5))
    assert type(node).__name__ == op
    assert node.get_nodeattr("in_scale") == 0.5
    assert node.verify_node() == []


def test_a_brevitas_export_equals_the_torch_module(tmp_path: Path) -> None:
    """The file as Brevitas writes it, not cleaned: weights are graph inputs, weights are transposed in the graph."""
    import torch
    from brevitas.export import export_qonnx
    from brevitas.nn import QuantIdentity, QuantLinear, QuantReLU
    from brevitas.quant.fixed_point import (
        Int8ActPerTensorFixedPoint,
        Int8WeightPerChannelFixedPoint,
        Uint8ActPerTensorFixedPoint,
    )
    from brevitas.quant.scaled_int import Int32Bias

    torch.manual_seed(0)
    weights = {"weight_quant": Int8WeightPerChannelFixedPoint, "weight_bit_width": 4, "bias_quant": Int32Bias}
    signed = {"act_quant": Int8ActPerTensorFixedPoint, "return_quant_tensor": True}
    module = torch.nn.Sequential(
        QuantIdentity(**signed),
        QuantLinear(6, 9, bias=True, **weights),
        QuantReLU(act_quant=Uint8ActPerTensorFixedPoint, return_quant_tensor=True),
        QuantLinear(9, 5, bias=True, **weights),
        QuantIdentity(**signed),
        QuantLinear(5, 3, bias=True, **weights),
    )
    x = torch.randn(16, 4, 6)
    module.train()(x)
    module.eval()
    with torch.no_grad():
        expected = module(x).numpy()
    path = tmp_path / "brevitas.onnx"
    export_qonnx(module, torch.randn(2, 4, 6), str(path), dynamo=False, opset_version=20)
    graph = check(path)
    assert kinds(graph) == ["dense", "rescale", "dense", "rescale", "dense"]
    integers = reference.run(graph, reference.quantize(graph, x.numpy()))
    np.testing.assert_array_equal(integers * np.asarray(graph.output_tensor.scale), expected)


def test_rescale_of_a_dense_that_is_read_twice_is_shared(tmp_path: Path) -> None:
    f = File()
    acc = f.dense(f.quant("in", 0.5), np.arange(16).reshape(4, 4) - 8, [[0.5, 0.25, 0.5, 0.5]])
    y = f.node("Add", f.node("Add", acc, f.quant("in", 0.5)), acc)
    graph = check(f.save(tmp_path, y))
    assert sum(isinstance(node.op, Rescale) for node in graph) == 1
