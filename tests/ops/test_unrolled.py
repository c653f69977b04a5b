"""Unrolled units: Dense as an adder graph, pipelined division and root, and blocks of them at a token per cycle."""

from pathlib import Path

import numpy as np
import pytest
from contract import graph_around, values
from encoders import Shape, encoder

from accel import reference
from accel.dataflow import folding
from accel.dataflow.folding import fold_for
from accel.graph import Graph, Node
from accel.ops import Dense, Norm, Softmax
from accel.ops.dense import unrolled
from accel.ops.softmax.op import exp_table
from accel.tensor import Tensor
from hls import rtl
from hls.simulation import simulate, verilator


def weights(bits_: int, rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Random weights, the corners of the range among them."""
    top = 1 << bits_ - 1
    found = np.random.default_rng(seed).integers(-top, top, (rows, columns))
    found.flat[0], found.flat[-1] = -top, top - 1
    return found


def graph_of(weight: np.ndarray, lo: int, hi: int, bias: np.ndarray | None = None, tokens: int = 3) -> Graph:
    rows, columns = weight.shape
    bias = np.zeros(rows, int) if bias is None else bias
    return Graph("unrolled", {"x": Tensor((tokens, columns), lo, hi)}, (Node("y", Dense(weight, bias), ("x",)),), "y")


def mixed(seed: int) -> np.ndarray:
    """Rows of int2, int4 and int8, of zeros, of one weight, the same row with other signs; two unused columns."""
    found = np.concatenate([weights(width, 3, 7, seed) for width in (2, 4, 8)] + [np.zeros((6, 7), int)])
    found[9], found[10], found[11] = -found[3], 2 * found[3], -(np.arange(7) != 2).astype(int)
    found[12, 1], found[13, 6] = 4, -1
    found[:, [0, 4]] = 0
    return found


OFFSETS = np.array([0, 1, -1, 0, 300, -4000, 0, 64, 0, 0, 0, 0, -7, 0, 11])

CASES = {
    "signed": (graph_of(mixed(1), -128, 127, OFFSETS), 1),
    "unsigned": (graph_of(mixed(2), 0, 15, OFFSETS), 2),
    "lopsided": (graph_of(mixed(3), -85, 5), 3),
    "below_zero": (graph_of(mixed(4), -9, -3, OFFSETS), 1),
    "always_zero": (graph_of(mixed(5), 0, 0, OFFSETS), 2),
    "always_five": (graph_of(mixed(6), 5, 5), 1),
    "wide": (graph_of(weights(24, 3, 4), -(1 << 19), 3, np.array([1 << 40, -1, 0])), 2),
    "constant": (graph_of(np.zeros((3, 2), int), -8, 7, np.array([-1, 0, 5])), 1),
    "column": (graph_of(weights(5, 7, 1), -16, 15, np.arange(7)), 2),
    "one": (graph_of(np.array([[1]]), 0, 1, tokens=1), 3),
}


def check(graph: Graph, levels: int, interval: int, folder: Path) -> None:
    """Exact with and without stalls, every beat on its cycle, as fast as it must be, and clean under lint."""
    design = rtl.lower(graph, folding.unrolled(graph, steps=levels))
    x = values(graph.input, 40, 1)
    expected = reference.run(graph, x)
    free = simulate.run(design, x)
    assert np.array_equal(free.outputs, expected)
    assert (free.latency, free.interval) == (design.predicted.latency, design.predicted.interval)
    assert free.interval == interval
    times = design.structure.prediction.beats
    assert tuple(free.beats[: len(times)]) == times
    assert np.array_equal(simulate.run(design, x, stall=0.4, seed=2).outputs, expected)
    design.write(folder)
    verilator.lint(folder, design.sources, design.top)


@pytest.mark.parametrize("name", CASES)
def test_exact_on_time_and_clean(name, tmp_path):
    graph, levels = CASES[name]
    check(graph, levels, graph.input.tokens, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_random_matrices(seed, tmp_path):
    rng = np.random.default_rng(seed)
    rows, columns, width = (int(v) for v in rng.integers(1, (40, 40, 13)))
    lo, hi = sorted(rng.integers(-300, 300, 2).tolist())
    bias = rng.integers(-(1 << 16), 1 << 16, rows) * rng.integers(0, 2, rows)
    check(graph_of(weights(width, rows, columns, seed), lo, hi, bias), int(rng.integers(1, 4)), 3, tmp_path)


def circuit_of(graph: Graph, levels: int = 2) -> unrolled.Circuit:
    op = graph.nodes[0].op
    return unrolled.Circuit(unrolled.solve(op.weight.wide(), op.bias.wide(), graph.input), graph.input, levels)


@pytest.mark.parametrize("name", CASES)
def test_ranges_are_reached(name):
    """Every value takes both ends of its range on some input, so no width is larger than it must be."""
    graph, _ = CASES[name]
    circuit, x = circuit_of(graph), graph.input
    for value, row in zip(circuit.values, circuit.graph.coefficients(), strict=True):
        corners = np.where(row[:-1] > 0, x.lo, x.hi), np.where(row[:-1] > 0, x.hi, x.lo)
        assert [int(row[:-1] @ corner + row[-1]) for corner in corners] == [value.lo, value.hi]


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_stage_has_at_most_its_adders_in_a_row(levels):
    circuit = circuit_of(CASES["signed"][0], levels)
    rows = [0] * circuit.graph.inputs
    for value, adder in zip(circuit.values[len(rows) :], circuit.graph.adders, strict=True):
        rows.append(1 + max(rows[v] * (circuit.values[v].born == value.born) for v, _ in adder.operands))
    assert max(rows) == levels


def test_the_text_is_the_same_twice_and_names_its_content():
    graph, levels = CASES["unsigned"]
    op = graph.nodes[0].op
    output = graph.output_tensor
    first = unrolled.unit(op, graph.input, output, levels).module
    unrolled._module.cache_clear()
    again = unrolled.unit(op, graph.input, output, levels).module
    assert (first.name, first.source) == (again.name, again.source)
    other = unrolled.unit(Dense(op.weight, op.bias.wide() + 1), graph.input, output, levels).module
    assert other.name != first.name
    assert f"module {first.name} (" in first.source


def test_a_solver_that_is_wrong_is_found_out(monkeypatch):
    import da4ml.cmvm

    from accel.errors import AccelError

    solve = da4ml.cmvm.solve
    monkeypatch.setattr(da4ml.cmvm, "solve", lambda kernel, **options: solve(kernel + 1, **options))
    with pytest.raises(AccelError, match="is not the matrix"):
        circuit_of(CASES["signed"][0])


def test_the_solver_picks_it_only_when_asked():
    graph = graph_of(weights(4, 4, 4), -8, 7)
    assert all(not fold.unrolled for fold in fold_for(graph, graph.input.tokens).folds.values())


def test_what_the_solver_cannot_do_is_not_offered():
    for weight in (weights(26, 2, 2), np.ones((129, 128), int)):
        assert unrolled.folds(Dense(weight, np.zeros(len(weight), int))) == []


# ---- division and root, and whole blocks


def row_graph(kind: str) -> Graph:
    """One Norm or Softmax whose input takes extreme values: equal elements, one that stands out, the whole range."""
    x = Tensor((5, 6), -128, 127)
    operators = {
        "layer": Norm.of(x, "layer", 5, 8),
        "rms": Norm.of(x, "rms", 4, 7),
        "softmax": Softmax(3, 8, exp_table(1 / 16, 8, 256)),
    }
    return graph_around(operators[kind], (x,), 1)


@pytest.mark.parametrize(
    ("kind", "levels", "rows"), [("layer", 1, 5), ("rms", 2, 5), ("softmax", 1, 5), ("softmax", 2, 5)]
)
def test_pipelined_division_and_root(kind, levels, rows, tmp_path):
    check(row_graph(kind), levels, rows, tmp_path)


@pytest.mark.parametrize("heads", [1, 2])
def test_an_encoder_takes_a_token_per_cycle(heads, tmp_path):
    graph = encoder(
        Shape(tokens=4, features=5, channels=6, heads=heads, hidden=9, form=("rms", "layer")[heads - 1]), seed=3
    )
    check(graph, heads, 4, tmp_path)
