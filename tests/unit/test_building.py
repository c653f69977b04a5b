"""A graph by hand: names, ranges, scales that meet; and what everybody's integers say about the real numbers."""

from __future__ import annotations

import re
import textwrap

import numpy as np
import pytest

from accel import building, reference
from accel.building import Builder, Edge
from accel.errors import GraphError
from accel.graph import Graph
from accel.ops import Add, Dense, Mul, Pool, Rescale
from accel.tensor import Tensor

RNG = np.random.default_rng(5)
X = Tensor((2, 3), -100, 100, 0.25)


def real(graph: Graph, x: np.ndarray) -> np.ndarray:
    return reference.run(graph, x) * np.asarray(graph.output_tensor.scale)


def inputs(graph: Graph) -> np.ndarray:
    return RNG.integers(graph.input.lo, graph.input.hi + 1, (50, *graph.input.shape))


def test_the_example_of_the_page() -> None:
    """Its lines run, and give what float arithmetic does, but for the rounding of the hidden layer."""
    lines = re.search(r"(?ms)^    build = .+?^$", building.__doc__)
    weight, bias = RNG.integers(-7, 8, (5, 3)), RNG.integers(-9, 10, 5)
    names = {"Builder": Builder, "Tensor": Tensor, "weight": weight, "bias": bias}
    names |= {"Dense": Dense, "Pool": Pool}
    exec(textwrap.dedent(lines[0]), names)
    graph = names["graph"]
    x = inputs(graph)
    wide = (x @ weight.T + bias) * (0.25 * 0.125)
    hidden = np.clip(np.rint(wide / 0.5), 0, 15)
    expected = (x * 0.25 + (hidden @ weight + bias[:3]) * (0.5 * 0.125)).sum(1, keepdims=True)
    assert graph.name == "mlp"
    np.testing.assert_array_equal(real(graph, x), expected)
    assert len(lines[0].splitlines()) <= 10


def test_names_are_unique_and_ranges_follow() -> None:
    build = Builder()
    x = build.input(X)
    first, second, third = (build.add(Add([1, 1]), x, x, name=name) for name in ("sum", "sum", ""))
    assert [edge.name for edge in (x, first, second, third)] == ["x", "sum", "sum_1", "add_2"]
    assert build.tensor(second) == Tensor((2, 3), -200, 200)
    assert build.producer("sum").inputs == ("x", "x")
    assert build.producer("x") is None


def test_only_what_the_output_needs_stays() -> None:
    build = Builder()
    x = build.input(X)
    build.add(Pool(), x)
    graph = build.graph(build.add(Mul(), x, x, scale=0.0625), "square")
    assert [node.name for node in graph] == ["mul_1"]
    with pytest.raises(GraphError, match="nothing is computed from the input"):
        build.graph(x)


@pytest.mark.parametrize("scale", [0.5, 0.125, 0.3, (0.5, 1.0, 0.25), (0.3, 0.7, 0.21)])
def test_requantized_numbers_are_as_far_off_as_it_says(scale: float | tuple[float, ...]) -> None:
    build = Builder()
    edge = build.requantize(build.input(X), scale, (-60, 50))
    graph = build.graph(edge)
    x = inputs(graph)
    wanted = np.clip(x * 0.25 / np.asarray(scale), -60, 50)
    off = np.abs(reference.run(graph, x) - wanted).max()
    assert off <= build.errors[edge.name] <= 0.51
    assert (edge.name in build.approximate) == (0.3 in np.atleast_1d(scale))
    assert build.requantize(Edge("x", np.asarray(0.25)), scale, (-60, 50)).name == edge.name  # there is one already


@pytest.mark.parametrize("other", [0.25, 1.0, 0.3, (0.5, 1.0, 0.25), (0.3, 0.7, 0.21)])
def test_sums_of_any_scales(other: float | tuple[float, ...]) -> None:
    """Exact where one grid holds both; else as far off as the builder says."""
    build = Builder()
    x = build.input(X)
    weight = np.diag([3, -5, 7])
    y = build.add(Dense(weight, [1, 2, 3]), x, scale=other)
    total = build.sum(x, y)
    graph = build.graph(total)
    samples = inputs(graph)
    wanted = samples * 0.25 + (samples @ weight.T + [1, 2, 3]) * np.asarray(other)
    off = np.abs(real(graph, samples) - wanted).max() / float(np.max(total.scale))
    assert off <= build.errors[total.name] + 1e-9
    assert (total.name in build.approximate) == (off > 1e-9)


def test_channels_of_several_scales_become_one() -> None:
    build = Builder()
    x = build.add(Dense(np.eye(3), [0, 0, 0]), build.input(X), scale=(0.5, 1.0, 0.25))
    one = build.uniform(x)
    assert one.scale == 0.25
    assert not build.errors[one.name]
    assert build.tensor(build.narrowed(x, 4)).width == 4
    assert build.uniform(one) is one


def test_what_cannot_be_built_is_refused() -> None:
    build = Builder()
    x = build.input(X)
    with pytest.raises(GraphError, match="scales are too far apart: calibrate the quantizers again"):
        build.requantize(x, 1e-30)
    with pytest.raises(GraphError, match="takes 4 channels, got 3"):
        build.add(Dense(np.ones((2, 4)), np.zeros(2)), x)
    with pytest.raises(GraphError, match="an intermediate value needs more than 62 bits"):
        build.add(Rescale([1 << 57], 0, "floor", 0, 1), x)
    with pytest.raises(GraphError, match=r"its output \(1073741825, 1\) has more than 1073741824 elements"):
        build.add(Add([1, 1]), *[build.input(Tensor(((1 << 30) + 1, 1), 0, 1))] * 2)


def test_several_inputs_and_outputs() -> None:
    """Inputs that nothing reads are left out; the order is that of the calls."""
    build = Builder()
    x, y, _ = (build.input(X, name) for name in ("x", "y", "unused"))
    total = build.sum(x, y)
    graph = build.graph([build.add(Pool(), total, scale=total.scale, name="pool"), total])
    assert (list(graph.inputs), list(graph.outputs)) == (["x", "y"], ["pool", total.name])
    samples = {name: RNG.integers(-100, 101, (5, 2, 3)) for name in "xy"}
    found = reference.run(graph, samples)
    np.testing.assert_array_equal(found[total.name], samples["x"] + samples["y"])
    np.testing.assert_array_equal(found["pool"], found[total.name].sum(1, keepdims=True))
