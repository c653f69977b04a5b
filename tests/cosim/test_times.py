"""Products outside of the matrix units in RTL, in hard multipliers and in look-up tables: the same integers."""

import numpy as np
import pytest
from contract import values
from encoders import samples

from accel import reference
from accel.dataflow.schedule import Schedule, folds_of
from accel.graph import Graph, Node
from accel.ops import Add, Mul, Position, Rescale, Rotary
from accel.tensor import Tensor
from hls import rtl
from hls.simulation import simulate, verilator

X = Tensor((3, 4), -100, 127)
RNG = np.random.default_rng(0)
TABLES = RNG.integers(-200, 300, (3, 4)), RNG.integers(-90, 90, (3, 2))


def every_product() -> Graph:
    """A rotation, a product with a table, sums, a product of two edges, constants small and beyond
    adder graphs, factors beyond 32 bits."""
    nodes = (
        Node("turned", Rotary(TABLES[1], TABLES[1][::-1]), ("x",)),
        Node("gated", Rotary(TABLES[0], 0 * TABLES[0]), ("x",)),
        Node("sum", Add(np.array([23, 345])), ("turned", "gated")),
        Node("scaled", Rescale([40_000_003], 36, "half_even", -512, 511), ("sum",)),
        Node("placed", Position(TABLES[0], 87), ("scaled",)),
        Node("small", Rescale([77], 14, "half_even", -300, 200), ("placed",)),
        Node("product", Mul(), ("small", "gated")),
        Node("wide", Position(TABLES[0], 5 << 32), ("x",)),
        Node("y", Add(np.array([1 << 33, 3])), ("product", "wide")),
    )
    return Graph("products", {"x": X}, nodes, "y")


def narrow_products(lo: int, hi: int) -> Graph:
    """Operands of one bit among them: results with fewer bits than a signed operand has."""
    ones = np.eye(2, dtype=int)
    nodes = (
        Node("bit", Rescale([1], 0, "floor", 0, 1), ("x",)),
        Node("negative", Rescale([1], 0, "floor", -1, 0), ("x",)),
        Node("left", Mul(), ("x", "bit")),
        Node("right", Mul(), ("negative", "x")),
        Node("gated", Rotary(ones, 0 * ones), ("x",)),
        Node("turned", Rotary(-ones, ones[::-1]), ("x",)),
        Node("placed", Position(ones - 1, 3), ("bit",)),
        Node("a", Add(np.array([1, 1])), ("left", "right")),
        Node("b", Add(np.array([3, 1])), ("gated", "turned")),
        Node("c", Add(np.array([5, 7])), ("a", "placed")),
        Node("y", Add(np.array([1, 3])), ("b", "c")),
    )
    return Graph("narrow", {"x": Tensor((2, 2), lo, hi)}, nodes, "y")


def folded(graph: Graph, style: str) -> Schedule:
    """Two lanes, and the style wherever there is a choice."""
    folds = {}
    for node in graph:
        for fold in folds_of(graph, node):
            if getattr(fold, "lanes", 2) == 2 and (node.name not in folds or fold.multiply == style):
                folds[node.name] = fold
    return Schedule(folds)


@pytest.mark.parametrize("style", ["dsp", "lut"])
def test_products_of_both_kinds_are_exact(style, tmp_path):
    graph = every_product()
    design = rtl.lower(graph, folded(graph, style))
    x = np.concatenate([samples(graph, 20), values(X, 3, 0)])
    traced, expected = simulate.run(design, x, trace=True), reference.trace(graph, x)
    assert [edge for edge in expected if not np.array_equal(traced.edges[edge], expected[edge])] == []
    assert (traced.latency, traced.interval) == (design.predicted.latency, design.predicted.interval)
    design.write(tmp_path)
    verilator.lint(tmp_path, design.sources, design.top)


@pytest.mark.parametrize("style", ["dsp", "lut"])
@pytest.mark.parametrize(("lo", "hi"), [(0, 1), (-1, 0), (0, 255)])
def test_narrow_products(lo, hi, style, tmp_path):
    graph = narrow_products(lo, hi)
    design = rtl.lower(graph, folded(graph, style))
    design.write(tmp_path)
    verilator.lint(tmp_path, design.sources, design.top)
    if (lo, hi) == (0, 1):
        x = samples(graph, 8)
        assert np.array_equal(simulate.run(design, x).outputs, reference.run(graph, x))
