"""Graphs of several inputs and outputs: in torch, compiled, cut, joined, and refused in words by what takes one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from accel import reference
from accel.arrays import single
from accel.cut import cut, side_by_side
from accel.errors import GraphError, UserError
from accel.graph import Graph, Node
from accel.model import Model
from accel.ops import Add, Dense, Mul, Rescale
from accel.tensor import Tensor
from accel.verification.comparison import compare_levels
from accel.verification.levels import Level, verify_all

RNG = np.random.default_rng(0)
A, B = Tensor((3, 4), -8, 7, 0.5), Tensor((3, 4), 0, 15)


@pytest.fixture
def graph() -> Graph:
    """y = (W a + b) / 2, m = y · a: two inputs, and two outputs of which one is computed from the other."""
    nodes = (
        Node("w", Dense(RNG.integers(-8, 8, (4, 4)), RNG.integers(-9, 9, 4)), ("a",)),
        Node("sum", Add([1, 3]), ("w", "b")),
        Node("y", Rescale([1], 1, "half_even", -64, 63), ("sum",), 0.25),
        Node("m", Mul(), ("y", "a")),
    )
    return Graph("ends", {"a": A, "b": B}, nodes, ("m", "y"))


def samples(graph: Graph, count: int = 7) -> dict[str, np.ndarray]:
    return {
        name: RNG.integers(spec.lo, spec.hi + 1, (count, *spec.shape)) for name, spec in reversed(graph.inputs.items())
    }


def test_ends_have_an_order_and_tensors(graph: Graph) -> None:
    assert (list(graph.inputs.items()), list(graph.outputs)) == ([("a", A), ("b", B)], ["m", "y"])
    assert graph.outputs["y"] == graph.tensors["y"]
    assert graph == Graph("ends", {"a": A, "b": B}, graph.nodes, ["m", "y"])
    assert hash(graph) == hash(Graph("ends", {"a": A, "b": B}, list(graph.nodes), ["m", "y"]))
    assert graph != Graph("ends", {"a": A, "b": B}, graph.nodes, "m")


def test_one_output_where_one_is_expected(graph: Graph) -> None:
    with pytest.raises(UserError, match="got 2 arrays, 'm', 'y'; one is expected here"):
        single(reference.run(graph, samples(graph)))


@pytest.mark.parametrize("device", ["cpu", "native"])
def test_integers_by_name(graph: Graph, device: str) -> None:
    x = samples(graph)
    found = reference.run(graph, x, device=device)
    op: Any = graph.nodes[0].op
    total = x["a"] @ op.weight.wide().T + op.bias + 3 * x["b"]
    y = np.clip(np.rint(total / 2), -64, 63).astype(np.int64)
    assert list(found) == ["m", "y"]
    np.testing.assert_array_equal(found["y"], y)
    np.testing.assert_array_equal(found["m"], y * x["a"])
    edges = reference.trace(graph, x, device=device)
    assert set(edges) == set(graph.tensors)
    np.testing.assert_array_equal(edges["b"], x["b"])


def test_a_model_predicts_by_name(graph: Graph) -> None:
    model, x = Model.of(graph, None), samples(graph)
    real = {"a": x["a"] * 0.5, "b": x["b"] * 1.0}
    found = model.predict(real)
    np.testing.assert_array_equal(found["y"], reference.run(graph, x)["y"] * 0.25)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda x: x["a"], "got one array, expected a dict with one for each of 'a', 'b'"),
        (lambda x: {"a": x["a"]}, "got arrays 'a', expected 'a', 'b'"),
        (lambda x: {**x, "c": x["a"]}, "got arrays .*'c', expected 'a', 'b'"),
        (lambda x: {**x, "a": x["a"][1:]}, "all arrays need the same number of samples; got 6 of 'a', 7 of 'b'"),
        (lambda x: {**x, "b": x["b"] - 16}, "input values .* leave the declared range"),
        (lambda x: {**x, "b": [[1], [2, 3]]}, "'b' cannot become an array .*; give an array of numbers"),
        (lambda x: {**x, "b": torch.ones(6, 3, 4, requires_grad=True)}, "'b' cannot become an array"),
        (lambda x: {**x, "b": x["b"] * 1j}, "'b' is an array of complex128; give one of real numbers"),
        (lambda x: {**x, "b": x["b"].astype(str)}, "'b' is an array of <U.*; give one of real numbers"),
        (lambda x: {**x, "b": np.int64(3)}, "all arrays need the same number of samples"),
    ],
)
def test_samples_that_do_not_fit(graph: Graph, change: Any, match: str) -> None:
    with pytest.raises(UserError, match=match):
        reference.run(graph, change(samples(graph)))


def test_what_takes_one_refuses_several(graph: Graph) -> None:
    text = (
        r"graph 'ends' has 2 inputs \('a', 'b'\) where one is possible: export the part that has one; in Python, "
        r"accel.cut.side_by_side\(graph\) joins inputs, and accel.cut.cut\(graph, …\) cuts a part out"
    )
    for attribute in ("input", "input_name"):
        with pytest.raises(GraphError, match=text):
            getattr(graph, attribute)
    for attribute in ("output", "output_tensor"):
        with pytest.raises(GraphError, match=r"graph 'ends' has 2 outputs \('m', 'y'\) where one is possible: export"):
            getattr(graph, attribute)


def test_an_hls_project_takes_graphs_of_one_input_and_output(graph: Graph, tmp_path: Any) -> None:
    from hls.projects.project import write

    with pytest.raises(GraphError, match="where one is possible"):
        write(graph, tmp_path / "hls")
    assert not (tmp_path / "hls").exists()
    write(side_by_side(cut(graph, "y", ("a", "b"))), tmp_path / "hls")


def test_parts_have_the_inputs_that_they_read(graph: Graph) -> None:
    x = samples(graph)
    edges = reference.trace(graph, x)
    part = cut(graph, ("m", "sum"), ("w", "b", "a"))
    assert (list(part.inputs), list(part.outputs)) == (["a", "b", "w"], ["m", "sum"])
    found = reference.run(part, {name: edges[name] for name in part.inputs})
    np.testing.assert_array_equal(found["m"], edges["m"])
    np.testing.assert_array_equal(found["sum"], edges["sum"])
    assert list(cut(graph, ("y", "m"), ("a", "b", "y")).inputs) == ["a", "b"]  # an output is computed, not read


def test_joined_inputs_are_the_same_integers(graph: Graph) -> None:
    part, x = cut(graph, "y", ("a", "b")), samples(graph)
    joined = side_by_side(part)
    assert joined.input.shape == (3, 8)
    both = np.concatenate([x[name] for name in part.inputs], axis=2)
    np.testing.assert_array_equal(reference.run(joined, both), reference.run(part, x))
    assert side_by_side(joined) is joined
    other = Graph("tokens", {"a": A, "b": Tensor((2, 4), 0, 1)}, (), ("a", "b"))
    with pytest.raises(GraphError, match="its inputs have 2 and 3 tokens; they cannot enter together"):
        side_by_side(other)


def test_levels_are_compared_by_name(graph: Graph) -> None:
    """A level that is wrong in one output is found, with the layer that is wrong first."""
    x = samples(graph)

    def wrong(given: Any) -> dict[str, np.ndarray]:
        edges = reference.trace(graph, given)
        edges["y"][2, 1, 3] += 1
        return {**edges, "m": edges["y"] * given["a"]}

    right = Level("reference", lambda given: reference.run(graph, given), lambda given: reference.trace(graph, given))
    faulty = Level("faulty", lambda given: {name: wrong(given)[name] for name in graph.outputs}, wrong, limit=5)
    good, bad = verify_all(graph, [right, faulty], x)
    assert (good.mismatches, good.samples, bad.mismatches, bad.samples) == (0, 7, 1, 5)
    assert bad.difference
    assert (bad.difference.layer, bad.difference.index) == ("y", (2, 1, 3))
    found = compare_levels(graph, [right, replace(faulty, trace=None)], x)
    assert [(one.level, one.layer) for one in found.first] == [("faulty", "y")]
