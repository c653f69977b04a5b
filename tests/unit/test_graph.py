"""The grammar of the integer graph, by the text of its errors."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

from accel.constants import Constant
from accel.errors import GraphError, UserError
from accel.graph import Graph, Node
from accel.ops import (
    OPERATORS,
    Add,
    Dense,
    Embedding,
    Exponential,
    Lookup,
    MatMul,
    Norm,
    Pool,
    Position,
    Rescale,
    Softmax,
    Window,
    operator,
)
from accel.ops.softmax.op import exp_table
from accel.tensor import Tensor

X = Tensor((3, 4), -8, 7)
HALVE = Rescale([1], 1, "half_even", -8, 7)


def graph(*nodes: Node, output: str = "y", tensor: Tensor = X) -> Graph:
    return Graph("test", {"x": tensor}, nodes, output)


def refused(match: str, *nodes: Node, **options: Any) -> None:
    with pytest.raises(GraphError, match=match):
        graph(*nodes, **options)


def test_a_hash_stays_in_its_process() -> None:
    """Strings have other hashes in every process, so a pickled graph has none."""
    g = graph(Node("y", HALVE, ("x",)))
    assert hash(g) == hash((g.name, *g.inputs.items(), g.nodes, *g.outputs))
    again = pickle.loads(pickle.dumps(g))
    assert "_hash" in vars(g)
    assert "_hash" not in vars(again)
    assert list(again.tensors) == list(g.tensors)


def test_what_a_valid_graph_knows() -> None:
    g = graph(Node("a", HALVE, ("x",)), Node("y", Add([1, 2]), ("a", "x"), 0.5))
    assert list(g.tensors) == ["x", "a", "y"]
    assert (g.tensors["y"].lo, g.tensors["y"].hi, g.tensors["y"].width) == (-20, 18, 6)
    assert g.output_tensor.scale == 0.5
    assert [n.name for n in g.consumers["x"]] == ["a", "y"]
    assert g.ends(g.nodes[1]) == ((g.tensors["a"], X), g.tensors["y"])
    assert graph(Node("y", Dense(np.ones((5, 4)), np.zeros(5)), ("x",))).macs == 3 * 4 * 5
    assert issubclass(GraphError, UserError)


def test_a_node_that_reads_an_edge_twice_counts_twice() -> None:
    assert len(graph(Node("y", Add([1, 1]), ("x", "x"))).consumers["x"]) == 2


def test_grammar() -> None:
    a = Node("a", HALVE, ("x",))
    refused(r"node 'y': input 'z' is produced by no earlier node", Node("y", HALVE, ("z",)))
    refused(r"node 'y': input 'a' is produced by no earlier node", Node("y", HALVE, ("a",)), a)
    refused(r"node 'x': the name is already taken; names must be unique", Node("x", HALVE, ("x",)))
    refused(r"node 'a': the name is already taken", a, a, output="a")
    refused(r"output 'q' is produced by no node", a, output="q")
    refused(r"edge 'a' is used by no node and is not the output", a, Node("y", HALVE, ("x",)))
    refused(r"node 'y' \(add\): takes 2 inputs, got 1", Node("y", Add([1, 1]), ("x",)))
    refused(r"node 'y' \(dense\): takes 5 channels, got 4", Node("y", Dense(np.ones((2, 5)), np.zeros(2)), ("x",)))


def test_tensors() -> None:
    for shape in ((3,), (3, 4, 5), (0, 4), (3, -1)):
        with pytest.raises(GraphError, match=r"a tensor is \(tokens, channels\), both at least 1"):
            Tensor(shape, 0, 1)  # type: ignore[arg-type]
    with pytest.raises(GraphError, match=r"empty range 3\.\.2"):
        Tensor((1, 1), 3, 2)
    with pytest.raises(GraphError, match="3 scales for 4 channels"):
        Tensor((2, 4), 0, 1, (1.0, 1.0, 1.0))
    for scale in (0.0, -1.0, float("nan"), float("inf"), (1.0, 0.0, 1.0, 1.0)):
        with pytest.raises(GraphError, match="scales are finite and above 0"):
            Tensor((2, 4), 0, 1, scale)
    assert (Tensor((1, 1), 0, 255).width, Tensor((1, 1), -1, 0).width, Tensor((1, 1), 0, 0).width) == (8, 1, 1)


def test_graphs_and_operators_are_frozen() -> None:
    g = graph(Node("y", HALVE, ("x",)))
    with pytest.raises(FrozenInstanceError):
        g.outputs = {}  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        HALVE.multiplier.wide()[0] = 3


def test_constants_are_integers() -> None:
    for bad in ([0.5], [float("nan")], [float("inf")], [1 << 70], ["1"], [1e300]):
        with pytest.raises(GraphError, match="constants"):
            Constant(bad)
    assert Constant([2.0, -1.0]).tolist() == [2, -1]
    assert Constant([True]).wide().dtype == np.int64


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Rescale([0], 1, "floor", 0, 1), "multipliers are at least 1; got"),
        (lambda: Rescale([1], -1, "floor", 0, 1), r"shift is 0\.\.60; got -1"),
        (lambda: Rescale([1], 61, "floor", 0, 1), r"shift is 0\.\.60; got 61"),
        (lambda: Rescale([1], 1, "nearest", 0, 1), "rounding is one of half_even, half_up, .*; got 'nearest'"),
        (lambda: Rescale([1], 1, "floor", 2, 1), r"empty range 2\.\.1"),
        (lambda: Add([1, 0]), "two multipliers of at least 1 are needed"),
        (lambda: Add([1]), "two multipliers of at least 1 are needed"),
        (lambda: Dense(np.ones((2, 3)), np.zeros(3)), r"weight \(2, 3\) and bias \(3,\) must be"),
        (lambda: Dense(np.ones((2, 0)), np.zeros(2)), "both sizes at least 1"),
        (lambda: Dense([[1 << 40]], [0]), "at most 32 bits"),
        (lambda: MatMul(0, "scores"), "heads is at least 1; got 0"),
        (lambda: MatMul(1, "other"), "form is 'scores' or 'values'; got 'other'"),
        (lambda: Lookup(np.zeros(65537), 0), r"a table has 1\.\.65536 entries; .*: rescale first"),
        (lambda: Window(0, np.zeros((0, 4))), r"fill is \(tokens, channels\), both at least 1; got \(0, 4\)"),
        (lambda: Embedding(np.zeros(4)), r"a table is \(identifiers, channels\), both at least 1; got \(4,\)"),
        (lambda: Softmax(4, 21, [4095, 0]), r"out_bits is 1\.\.20; got 21"),
        (lambda: Softmax(4, 8, [100, 0]), r"rom must start with 2\^12 - 1, or a larger power; got \[100\]"),
        (lambda: Softmax(4, 8, [4095, 1, 2]), "must not increase"),
        (lambda: Norm("group", 8, 30, 10, 0, 1), "form is 'layer', 'rms' or 'l2'; got 'group'"),
        (lambda: Norm("rms", 0, 30, 10, 0, 1), "needs guard >= 1"),
        (lambda: Norm("rms", 8, 1 << 40, 10, 0, 1), "at most 62"),
        (lambda: Norm("rms", 8, 30, 1 << 40, 0, 1), "at most 62"),
        (lambda: Position([1, 2], 1), r"needs a \(tokens, channels\) table"),
        (lambda: Position([[1]], 0), "a multiplier of at least 1"),
    ],
)
def test_attributes_that_contradict_themselves(make: Any, match: str) -> None:
    with pytest.raises(GraphError, match=match):
        make()


@pytest.mark.parametrize(
    ("op", "inputs", "match"),
    [
        (Rescale([1, 1], 1, "floor", 0, 1), (X,), "2 multipliers for 4 channels"),
        (Add([1, 1]), (X, Tensor((3, 5), 0, 1)), r"shapes differ: \(3, 4\) and \(3, 5\)"),
        (MatMul(3, "scores"), (X, X), "4 channels do not split into 3 heads"),
        (MatMul(2, "scores"), (X, Tensor((3, 6), 0, 1)), "first input has 4 channels, expected 6"),
        (MatMul(2, "values"), (X, Tensor((3, 4), 0, 1)), "first input has 4 channels, expected 6"),
        (Lookup([1, 2], 0), (X,), r"input range -8\.\.7 leaves the table's 0\.\.1"),
        (Softmax(3, 8, exp_table(1 / 4, 8, 99)), (X,), "4 channels are not whole rows of 3"),
        (Softmax(2, 8, exp_table(1 / 4, 8, 99), 1), (X,), "leaves a row without a key"),
        (Softmax(0, 8, exp_table(1 / 4, 8, 99), 0), (X,), "channels are not whole rows of 0"),
        (Exponential(0, exp_table(1 / 4, 8, 99), 0), (X,), "channels are not whole rows of 0"),
        (Softmax(2, 8, [4095, 4000]), (X,), "rom ends at 4000 after 2 entries; it must reach 0"),
        (Norm("layer", 8, 30, 10, 0, 1, gamma=(1, 2, 3)), (X,), "3 gamma for rows of 4 channels"),
        (Norm("layer", 30, 36, 2, 0, 1), (Tensor((1, 4), -8, 7),), "at most 62 fit: lower the guard bits"),
        (Window(4, [[1, 2, 3, 4]]), (X,), r"tokens 4\.\.4 lie apart from a sequence of 3"),
        (Window(-2, [[1, 2, 3, 4]]), (X,), r"tokens -2\.\.-2 lie apart from a sequence of 3"),
        (Window(0, [[1, 2]]), (X,), "fill has 2 channels, input has 4"),
        (Embedding([[1, 2]]), (X,), "takes identifiers of one channel, got 4"),
        (Embedding([[1, 2]]), (Tensor((3, 1), 0, 1),), r"input range 0\.\.1 leaves the table's 0\.\.0"),
        (Position([[1, 2]]), (X,), r"table is \(1, 2\), input is \(3, 4\)"),
    ],
)
def test_inputs_that_an_operator_refuses(op: Any, inputs: tuple[Tensor, ...], match: str) -> None:
    with pytest.raises(GraphError, match=match):
        op.infer(*inputs)


def test_norm_lowers_its_guard_bits_until_everything_fits() -> None:
    assert Norm.of(Tensor((1, 32), -128, 127), "layer", 5, 8).guard == 8
    assert Norm.of(Tensor((1, 512), -(1 << 15), 1 << 15), "layer", 5, 8).guard < 8
    with pytest.raises(GraphError, match="do not fit 62-bit arithmetic at any guard"):
        Norm.of(Tensor((1, 512), 0, 1 << 24), "layer", 5, 8)


def test_the_table_of_operators() -> None:
    assert operator("pool") is Pool
    assert [operator(kind).__name__ for kind in OPERATORS] == list(OPERATORS.values())
    with pytest.raises(KeyError):
        operator("convolution")
    import accel.ops

    with pytest.raises(AttributeError, match=r"accel.ops has no operator 'Convolution'; there are Dense, MatMul"):
        _ = accel.ops.Convolution
