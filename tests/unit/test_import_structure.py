"""Slices, joins, contractions, patches and identifiers in files built by hand, compared with qonnx on every edge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx_checks import check, kinds, weights
from qonnx_files import ACCEL, File

from accel import onnx_import, reference
from accel.errors import UserError
from accel.onnx_import.layout import Layout, axis_of
from accel.ops.softmax.op import exp_table

# ---- Slice, Split, Gather


@pytest.mark.parametrize(
    ("start", "end", "step", "places"), [(1, 3, 1, [1, 2]), (-1, -9, -2, [3, 1]), (0, 99, 3, [0, 3])]
)
def test_slices_of_a_dense_are_its_rows(tmp_path: Path, start: int, end: int, step: int, places: list[int]) -> None:
    f = File((2, 3, 4))
    y = f.quant(f.dense(f.quant("in", 0.5), weights(4, 4), [[0.5, 0.25, 0.5, 0.125]]), 2.0)
    graph = check(f.save(tmp_path, f.node("Slice", y, f.ints(start), f.ints(end), f.ints(2), f.ints(step))))
    assert kinds(graph) == "dense rescale"
    assert graph.nodes[0].op.weight.tolist() == weights(4, 4).T[places].tolist()


def test_slices_of_anything_else_are_selected_by_a_dense(tmp_path: Path) -> None:
    f = File((1, 3, 4))
    x = f.quant("in", 0.5)
    low = f.node("Slice", x, f.ints(0), f.ints(2), f.ints(-1))
    y = f.node("Add", low, f.node("Gather", x, f.ints(3, 1), axis=2))
    assert kinds(check(f.save(tmp_path, y))) == "dense dense add"


@pytest.mark.parametrize(("index", "first"), [(0, 0), (-1, 2), ([1, 2], 1)])
def test_tokens_are_selected_by_a_window(tmp_path: Path, index: object, first: int) -> None:
    f = File((2, 3, 4))
    y = f.node("Gather", f.quant("in", 0.5), f.const(index, dtype=np.int64), axis=1)
    graph = check(f.save(tmp_path, f.dense(y, weights(4, 2), 0.5)))
    assert kinds(graph) == "window dense"
    assert graph.nodes[0].op.first == first


def test_a_relu_before_a_slice_waits_for_the_quantizer_behind_it(tmp_path: Path) -> None:
    f = File()
    y = f.node("Relu", f.dense(f.quant("in", 0.5), weights(4, 4), 0.5))
    y = f.node("Slice", f.node("Slice", y, f.ints(1), f.ints(3), f.ints(2)), f.ints(1), f.ints(2), f.ints(1))
    graph = check(f.save(tmp_path, f.quant(y, 2.0, signed=0)))
    assert kinds(graph) == "dense window rescale"
    assert graph.output_tensor.lo == 0


def test_a_slice_of_tokens_and_channels(tmp_path: Path) -> None:
    f = File((2, 3, 4))
    y = f.node("Slice", f.quant("in", 0.5), f.ints(1, 0, 0), f.ints(3, 3, 9), f.ints(1, 2, 0))
    graph = check(f.save(tmp_path, f.dense(y, weights(3, 2), 0.5)))
    assert kinds(graph) == "window dense dense"


def test_everything_sliced_is_nothing_done(tmp_path: Path) -> None:
    f = File()
    y = f.node("Slice", f.quant("in", 0.5), f.ints(0, 0, 0), f.ints(1 << 40, 99, 4))
    y = f.node("Split", y, f.ints(4), axis=-1)
    assert kinds(check(f.save(tmp_path, f.dense(y, weights(4, 2), 0.5)))) == "dense"


# ---- Concat


def test_constants_before_and_behind_the_tokens_are_one_window(tmp_path: Path) -> None:
    f = File((2, 3, 4))
    before = f.quant(f.const(np.full((2, 1, 4), 1.75)), 0.25)
    behind = f.quant(f.const(np.arange(16).reshape(1, 2, 8)[:, :, :4] / 2 * np.ones((2, 1, 1))), 0.5)
    graph = check(f.save(tmp_path, f.node("Concat", before, f.quant("in", 0.5), behind, axis=1)))
    assert kinds(graph) == "rescale window"
    assert graph.nodes[1].op.fill.tolist() == [[7] * 4] + [[0] * 4] * 3 + [[0, 2, 4, 6], [16, 18, 20, 22]]
    assert graph.output_tensor.scale == 0.25


def test_sequences_are_joined(tmp_path: Path) -> None:
    f = File((1, 3, 4))
    x = f.quant("in", 0.5)
    y = f.quant(f.dense(x, weights(4, 4), 0.5), 0.5, bits=6)
    graph = check(f.save(tmp_path, f.node("Concat", x, f.quant(f.const(np.ones((1, 1, 4))), 0.5), y, axis=-2)))
    assert kinds(graph) == "dense rescale window window add rescale"
    assert (graph.output_tensor.shape, graph.output_tensor.lo, graph.output_tensor.hi) == ((7, 4), -128, 127)


def test_channels_are_joined_with_each_other_and_with_constants(tmp_path: Path) -> None:
    f = File((1, 3, 4))
    x = f.quant("in", 0.5)
    y = f.quant(f.dense(x, weights(4, 2), 0.5), 0.25, bits=6)
    constant = f.quant(f.const(np.full((1, 3, 1), -20.0)), 0.5)
    graph = check(f.save(tmp_path, f.node("Concat", y, constant, x, axis=2)))
    assert graph.output_tensor.shape == (3, 7)
    assert (graph.output_tensor.lo, graph.output_tensor.hi) == (-256, 254)


@pytest.mark.parametrize("axis", [1, 2])
def test_heads_are_joined_on_a_new_axis(tmp_path: Path, axis: int) -> None:
    f = File((1, 3, 4))
    x = f.quant("in", 0.5)
    y = f.quant(f.dense(x, weights(4, 4), 0.5), 0.5)
    both = f.node("Concat", *(f.node("Unsqueeze", part, f.ints(axis)) for part in (x, y)), axis=axis)
    flat = f.node("Reshape", f.node("Transpose", both, perm=[0, 2, 1, 3]) if axis == 1 else both, f.ints(1, 3, 8))
    graph = check(f.save(tmp_path, f.dense(flat, weights(8, 5), 0.5)))
    assert graph.output_tensor.shape == (3, 5)


# ---- Einsum, MatMul with more axes, heads that share keys


def heads(f: File, x: str, count: int = 2) -> str:
    """(1, 3, 4) → (1, 3, heads, 4 / heads)."""
    return f.node("Reshape", x, f.ints(1, 3, count, -1))


@pytest.mark.parametrize(
    ("equation", "shape"),
    [("bti,io->bto", (4, 6)), ("bti,oi->bto", (6, 4)), ("...i,oi->...o", (6, 4)), ("abz,zc", (4, 6)),
     ("bti,hid->bhtd", (3, 4, 2)), ("bti,ihd->bthd", (4, 3, 2))],
)  # fmt: skip
def test_einsum_with_weights(tmp_path: Path, equation: str, shape: tuple[int, ...]) -> None:
    f = File((1, 3, 4))
    y = f.node("Einsum", f.quant("in", 0.5), f.weight(weights(*shape), 0.5), equation=equation)
    if "htd" in equation:
        y = f.node("Transpose", y, perm=[0, 2, 1, 3])
    y = f.node("Reshape", y, f.ints(1, 3, 6))
    graph = check(f.save(tmp_path, y))
    assert kinds(graph) == "dense"
    assert graph.nodes[0].op.weight.shape == (6, 4)


@pytest.mark.parametrize("shared", [False, True])
def test_weights_per_head_are_blocks(tmp_path: Path, shared: bool) -> None:
    f = File((1, 3, 4))
    weight = weights(2, 5) if shared else weights(2, 2, 5)
    equation = "bthd,de->bthe" if shared else "bthd,hde->bthe"
    y = f.node("Einsum", heads(f, f.quant("in", 0.5)), f.weight(weight, 0.5), equation=equation)
    graph = check(f.save(tmp_path, f.node("Reshape", y, f.ints(1, 3, 10))))
    expected = np.zeros((2, 5, 2, 2), dtype=int)
    for head in range(2):
        expected[head, :, head] = (weight if shared else weight[head]).T
    assert graph.nodes[0].op.weight.tolist() == expected.reshape(10, 4).tolist()


@pytest.mark.parametrize(
    ("scores", "values"),
    [("bthd,buhd->bhtu", "bhtu,buhd->bthd"), ("buhd,bthd->bhtu", "buhd,bhtu->bthd")],
)
def test_einsum_of_attention(tmp_path: Path, scores: str, values: str) -> None:
    f = File((1, 3, 4))
    q, k = (heads(f, f.quant(f.dense(f.quant("in", 0.5), weights(4, 4) + i, 0.5), 0.5)) for i in (0, -1))
    operands = (q, k) if scores.startswith("bt") else (k, q)
    s = f.quant(f.node("Einsum", *operands, equation=scores), 0.5)
    rom = f.const(exp_table(0.5, 8, 256))
    p = f.node("IntSoftmax", s, rom, domain=ACCEL, in_scale=0.5, out_bits=8)
    y = f.node("Einsum", *((p, k) if values.startswith("bhtu") else (k, p)), equation=values)
    graph = check(f.save(tmp_path, f.node("Reshape", y, f.ints(1, 3, 4))))
    assert [node.op.form for node in graph if node.op.kind == "matmul"] == ["scores", "values"]
    assert {node.op.heads for node in graph if node.op.kind == "matmul"} == {2}


def test_heads_that_share_keys(tmp_path: Path) -> None:
    f = File((1, 3, 4))
    x = f.quant("in", 0.5)
    q = f.node("Transpose", heads(f, x), perm=[0, 2, 1, 3])
    k = f.node("Unsqueeze", f.quant(f.dense(x, weights(4, 2), 0.5), 0.5), f.ints(1))
    k = f.node("Expand", k, f.ints(1, 2, 3, 2))
    y = f.node("MatMul", q, f.node("Transpose", k, perm=[0, 1, 3, 2]))
    graph = check(f.save(tmp_path, f.node("Reshape", f.node("Transpose", y, perm=[0, 2, 1, 3]), f.ints(1, 3, 6))))
    assert graph.nodes[0].op.weight.shape == (2, 4)
    assert (graph.nodes[-1].op.heads, graph.nodes[-1].op.kv_heads) == (2, 1)


def expanded(f: File, k: str) -> str:
    k = f.node("Expand", f.node("Unsqueeze", k, f.ints(2)), f.ints(1, 2, 2, 3, 2))
    return f.node("Reshape", k, f.ints(1, 4, 3, 2))


SHARED = {
    "index_select": lambda f, k: f.node("Gather", k, f.ints(0, 0, 1, 1), axis=1),
    "expand": expanded,
    "repeat_interleave": lambda f, k: f.node(
        "Reshape", f.node("Tile", f.node("Unsqueeze", k, f.ints(2)), f.ints(1, 1, 2, 1, 1)), f.ints(1, 4, 3, 2)
    ),
    "scaled": lambda f, k: f.node("Mul", expanded(f, k), f.const(np.array(0.5))),
    "quantized behind": lambda f, k: f.quant(expanded(f, k), 1.0, bits=6),
}


@pytest.mark.parametrize("form", SHARED)
def test_keys_that_are_repeated_for_the_heads_that_share_them(tmp_path: Path, form: str) -> None:
    f = File((1, 3, 4))
    x = f.quant("in", 0.5)
    q, k = (f.quant(f.dense(x, weights(4, 4 * n), 0.5), 0.5) for n in (2, 1))
    q, k = (f.node("Transpose", heads(f, edge, n), perm=[0, 2, 1, 3]) for edge, n in ((q, 4), (k, 2)))
    y = f.node("MatMul", q, f.node("Transpose", SHARED[form](f, k), perm=[0, 1, 3, 2]))
    graph = check(f.save(tmp_path, f.node("Reshape", f.node("Transpose", y, perm=[0, 2, 1, 3]), f.ints(1, 3, 12))))
    assert kinds(graph).split().count("dense") == 2
    assert (graph.nodes[-1].op.heads, graph.nodes[-1].op.kv_heads) == (4, 2)


def test_groups_of_heads_on_an_axis_of_their_own(tmp_path: Path) -> None:
    """Nothing repeats the keys: the product broadcasts them."""
    f = File((1, 3, 4))
    x = f.quant("in", 0.5)
    q, k = (f.quant(f.dense(x, weights(4, 4 * n), 0.5), 0.5) for n in (2, 1))
    q = f.node("Transpose", f.node("Reshape", q, f.ints(1, 3, 2, 2, 2)), perm=[0, 2, 3, 1, 4])
    k = f.node("Unsqueeze", f.node("Transpose", heads(f, k), perm=[0, 2, 3, 1]), f.ints(2))
    y = f.node("Transpose", f.node("MatMul", q, k), perm=[0, 3, 1, 2, 4])
    graph = check(f.save(tmp_path, f.node("Reshape", y, f.ints(1, 3, 12))))
    assert (graph.nodes[-1].op.heads, graph.nodes[-1].op.kv_heads) == (4, 2)


@pytest.mark.parametrize("order", [(0, 1, 0, 1), (1, 1, 0, 0)])
def test_keys_that_are_shared_in_another_order(tmp_path: Path, order: tuple[int, ...]) -> None:
    """Heads that share one but are no neighbours get it repeatedly; of others the rows are exchanged."""
    f = File((1, 3, 4))
    x = f.quant("in", 0.5)
    q, k = (f.quant(f.dense(x, weights(4, 4 * n) + n, 0.5), 0.5) for n in (2, 1))
    q, k = (f.node("Transpose", heads(f, edge, n), perm=[0, 2, 1, 3]) for edge, n in ((q, 4), (k, 2)))
    k = f.node("Gather", k, f.ints(*order), axis=1)
    y = f.node("MatMul", q, f.node("Transpose", k, perm=[0, 1, 3, 2]))
    graph = check(f.save(tmp_path, f.node("Reshape", f.node("Transpose", y, perm=[0, 2, 1, 3]), f.ints(1, 3, 12))))
    assert graph.nodes[-1].op.kv_heads == (2 if order[0] == order[1] else 4)


def test_repeated_heads_that_something_else_reads(tmp_path: Path) -> None:
    f = File((1, 3, 4))
    k = f.node(
        "Gather", heads(f, f.quant(f.dense(f.quant("in", 0.5), weights(4, 4), 0.5), 0.5)), f.ints(0, 0, 1, 1), axis=2
    )
    graph = check(f.save(tmp_path, f.dense(f.node("Reshape", k, f.ints(1, 3, 8)), weights(8, 5), 0.5)))
    assert graph.output_tensor.shape == (3, 5)


# ---- inputs


@pytest.mark.parametrize(
    ("shape", "tokens"), [((5, 4), 5), ((5, 1, 4), 5), ((5, 3, 4), 5), ((1, 4, 5), 5), ((3, 4, 5), 5)], ids=str
)
def test_what_an_axis_is_follows_from_what_is_done_with_it(tmp_path: Path, shape: tuple[int, ...], tokens: int) -> None:
    """Unbatched; (tokens, batch, channels) as torch's attention wants it; (batch, channels, tokens) of convolutions."""
    f = File(shape)
    x = f.quant("in", 0.5)
    if shape[-1] != 4:
        x = f.node("Transpose", x, perm=[0, 2, 1])
    elif len(shape) == 3:
        x = f.node("Transpose", x, perm=[1, 0, 2])
    keys = f.node("Transpose", x, perm=[1, 0] if len(shape) == 2 else [0, 2, 1])
    graph = check(f.save(tmp_path, f.node("MatMul", x, keys)), samples=7)
    assert graph.input.shape == (tokens, 4)
    assert kinds(graph) == "matmul"


def test_samples_in_the_files_own_shape(tmp_path: Path) -> None:
    f = File((5, 2, 4))
    x = f.node("Transpose", f.quant("in", 0.5), perm=[1, 0, 2])
    path = f.save(tmp_path, f.node("MatMul", x, f.node("Transpose", x, perm=[0, 2, 1])))
    imported = onnx_import.read(path)
    own = np.random.default_rng(0).normal(size=(5, 7, 4)).astype(np.float32)
    np.testing.assert_array_equal(imported.samples(own), own.swapaxes(0, 1))
    np.testing.assert_array_equal(imported.samples(own[:, :5].swapaxes(0, 1)[:3]), own[:, :3].swapaxes(0, 1))
    found = onnx_import.execute(imported, own)[imported.graph.output]
    integers = reference.quantize(imported.graph, imported.samples(own))
    np.testing.assert_array_equal(found, reference.run(imported.graph, integers))
    with pytest.raises(UserError, match=r"takes \(samples, 5, 4\) or \(5, samples, 4\) with at least one sample"):
        imported.samples(own[:4])


@pytest.mark.parametrize("said", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("shape", "kernel"), [((1, 3, 6, 4), (3, 2)), ((2, 1, 4, 4), (4, 4)), ((1, 2, 6), (2,)), ((1, 4, 5), (1,))], ids=str
)
def test_convolutions_that_cut_patches(
    tmp_path: Path, shape: tuple[int, ...], kernel: tuple[int, ...], bias: bool, said: bool
) -> None:
    """The kernel is that of the weights, whether or not `kernel_shape` says it."""
    f = File(shape)
    constants = [f.weight(weights(5, shape[1], *kernel), 0.5)]
    constants += [f.quant(f.const(np.arange(5.0)), 0.25, 32)] if bias else []
    y = f.node("Conv", f.quant("in", 0.5), *constants, strides=kernel, **({"kernel_shape": kernel} if said else {}))
    y = f.node("Transpose", f.node("Reshape", y, f.ints(shape[0], 5, -1)), perm=[0, 2, 1])
    graph = check(f.save(tmp_path, y))
    patches = int(np.prod(shape[2:])) // int(np.prod(kernel))
    assert kinds(graph) == "dense"
    assert graph.input.shape == (patches, shape[1] * int(np.prod(kernel)))
    assert graph.output_tensor.shape == (patches, 5)


def test_global_average_pooling(tmp_path: Path) -> None:
    f = File((1, 3, 4, 4))
    y = f.node("Conv", f.quant("in", 0.5), f.weight(weights(5, 3, 2, 2), 0.5), kernel_shape=[2, 2], strides=[2, 2])
    graph = check(f.save(tmp_path, f.node("Flatten", f.node("GlobalAveragePool", y))))
    assert kinds(graph) == "dense pool"


def test_the_mean_of_any_number_of_tokens_is_a_scale(tmp_path: Path) -> None:
    f = File((1, 3, 4))
    graph = onnx_import.load(f.save(tmp_path, f.node("ReduceMean", f.quant("in", 0.5), axes=[1])))
    assert kinds(graph) == "pool"
    assert graph.output_tensor.scale == 0.5 / 3


@pytest.mark.parametrize("shape", [(2, 5), (5,)], ids=str)
def test_identifiers_select_rows(tmp_path: Path, shape: tuple[int, ...]) -> None:
    f = File(shape)
    f.inputs = [helper.make_tensor_value_info("in", TensorProto.INT64, shape)]
    table = f.weight(weights(6, 4), [[0.5, 0.25, 0.5, 0.5]])
    y = f.node("Gather", table, f.node("Cast", "in", to=6))
    graph = check(f.save(tmp_path, f.dense(y, weights(4, 3), 0.5)))
    assert kinds(graph) == "embedding rescale dense"
    assert (graph.input.shape, graph.input.hi, graph.input.scale) == ((5, 1), 5, 1)


# ---- constants


def test_weights_in_nodes_and_shared_by_layers(tmp_path: Path) -> None:
    f = File((1, 3, 4))
    value = helper.make_tensor("w", TensorProto.FLOAT, (4, 4), weights(4, 4).reshape(-1) * 0.5)
    weight = f.quant(f.node("Constant", value=value), 0.5, 4)
    x = f.quant(f.node("MatMul", f.quant("in", 0.5), weight), 0.5)
    graph = check(f.save(tmp_path, f.node("MatMul", x, f.node("Transpose", weight, perm=[1, 0]))))
    assert graph.nodes[2].op.weight.tolist() == graph.nodes[0].op.weight.wide().T.tolist()


def test_a_class_token_expanded_as_torch_writes_it(tmp_path: Path) -> None:
    """cls.expand(batch, -1, -1): the shape is computed with ConstantOfShape, Mul, Equal and Where."""
    f = File((2, 3, 4))
    x, token = f.quant("in", 0.5), f.quant(f.const(np.ones((1, 1, 4))), 0.5)
    wanted = f.node("Concat", f.node("Gather", f.node("Shape", x), f.ints(0)), f.ints(-1, -1), axis=0)
    value = helper.make_tensor("one", TensorProto.INT64, (1,), [1])
    ones = f.node("ConstantOfShape", f.node("Shape", wanted), value=value)
    unknown = f.node("Equal", wanted, f.node("Mul", ones, f.const(-1, dtype=np.int64)))
    many = f.node("Expand", token, f.node("Where", unknown, ones, wanted))
    graph = check(f.save(tmp_path, f.node("Concat", many, x, axis=1)))
    assert kinds(graph) == "window"


# ---- QCDQ


@pytest.mark.parametrize("opset", [13, 18])
def test_a_quantizer_in_two_nodes(tmp_path: Path, opset: int) -> None:
    f = File((1, 3, 4), opset)
    zero, point = f.const(0, dtype=np.int8), f.const(131, dtype=np.uint8)
    half, fine = f.const(0.5), f.const([0.5, 0.25, 0.5, 0.125, 1.0])
    x = f.node("DequantizeLinear", f.node("QuantizeLinear", "in", half, point), half, point)
    weight = f.node(
        "Clip", f.const(weights(4, 5) * 3, dtype=np.int8), f.const(-7, dtype=np.int8), f.const(7, dtype=np.int8)
    )
    zeros = f.const(np.zeros(5), dtype=np.int8)
    y = f.node("MatMul", x, f.node("DequantizeLinear", weight, fine, zeros, axis=1))
    bounds = f.const(-8, dtype=np.int8), f.const(7, dtype=np.int8)
    y = f.node("DequantizeLinear", f.node("Clip", f.node("QuantizeLinear", y, half, zero), *bounds), half, zero)
    graph = check(f.save(tmp_path, y))
    assert kinds(graph) == "dense rescale"
    assert (graph.input.lo, graph.input.hi) == (-131, 124)
    assert (graph.output_tensor.lo, graph.output_tensor.hi) == (-8, 7)


# ---- what stays impossible


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda f, x: f.node("Slice", x, f.ints(0), f.ints(2), f.ints(7)), "axis 7 does not exist"),
        (lambda f, x: f.node("Slice", x, f.ints(0, 1), f.ints(2)), "starts, ends, axes and steps do not fit together"),
        (lambda f, x: f.node("Slice", x, f.ints(2), f.ints(1), f.ints(1)), "selects nothing"),
        (lambda f, x: f.node("Slice", x, x, f.ints(1)), "its starts is not known at export"),
        (lambda f, x: f.node("Split", x, f.ints(1, 1), axis=2), r"cannot split 4 into \[1, 1\]"),
        (lambda f, x: f.node("Concat", x, f.ints(1), axis=0), "joins tensors of different rank"),
        (
            lambda f, x: f.node("Concat", x, f.node("Transpose", x, perm=[0, 2, 1]), axis=1),
            "joins samples, or tokens with channels",
        ),
        (lambda f, x: f.node("Expand", x, f.ints(2, 2, 3, 4)), r"repeats .* to \(2, 2, 3, 4\); repeat heads only"),
        (lambda f, x: f.node("Tile", x, f.ints(1, 2, 1)), r"repeats \(1, 3, 4\) \[1, 2, 1\] times"),
        (lambda f, x: f.node("Einsum", x, equation="bti->bt"), "sums or repeats an axis"),
        (lambda f, x: f.node("Einsum", x, x, equation="bti,bti->bti"), "is no product of attention"),
        (lambda f, x: f.node("Einsum", x, x, equation="bti,i"), "does not fit 3 axes"),
        (lambda f, x: f.node("Einsum", x, x, equation="bti->bt"), "does not have 2 operands"),
        (lambda f, x: f.node("Conv", x, f.weight(weights(2, 3, 3), 1), strides=[1]), "makes 2 columns of 4"),
        (lambda f, x: f.node("Conv", x, f.weight(weights(2, 3, 1), 1), pads=[1, 1]), "makes 6 columns of 4"),
        (lambda f, x: f.node("Clip", x, f.const(0), f.const(6)), "the output is a float island: no quantizer"),
        (
            lambda f, x: f.node("DequantizeLinear", x, f.const(0.5), f.const(0, dtype=np.int8)),
            "dequantizes what no QuantizeLinear has made; export QuantizeLinear, Clip and DequantizeLinear one after",
        ),
        (
            lambda f, x: f.node(
                "DequantizeLinear",
                f.node("QuantizeLinear", x, f.const(0.5), f.const(0, dtype=np.int8)),
                f.const(0.25), f.const(0, dtype=np.int8),
            ),
            "its scale or zero point is not its QuantizeLinear's",
        ),
        (
            lambda f, x: f.node("Add", x, f.node("ConstantOfShape", f.ints(1 << 20, 1 << 20))),
            "makes a constant of more than 67108864 elements",
        ),
    ],
)  # fmt: skip
def test_refusals(tmp_path: Path, build: Callable[[File, str], str], match: str) -> None:
    f = File((1, 3, 4))
    f.save(tmp_path, build(f, f.quant("in", 0.5)))
    with pytest.raises(UserError, match=match):
        onnx_import.read(tmp_path / "model.onnx")


def test_layouts_go_back_to_the_files_shape() -> None:
    layout = Layout((axis_of("channel", 2, 6), (*axis_of("token", 4), *axis_of("channel", 3)), axis_of("batch", 5)))
    array = np.random.default_rng(0).integers(0, 99, layout.shape)
    np.testing.assert_array_equal(layout.from_edge(layout.to_edge(array)), array)
    assert Layout((axis_of("channel", 2, 9), axis_of("channel", 3, 1))).packed("channel").factors[0].stride == 3
