"""Comparison of levels: equality on integers, and a difference that names level, layer, index and both values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accel import reference
from accel.errors import MismatchError
from accel.graph import Graph
from accel.verification.difference import Difference, difference, first_difference
from accel.verification.levels import Level, verify, verify_all


def inputs(graph: Graph, samples: int = 6) -> np.ndarray:
    spec = graph.input
    return np.random.default_rng(1).integers(spec.lo, spec.hi + 1, (samples, *spec.shape))


def faulty_trace(graph: Graph, x: np.ndarray, layer: str, sample: int) -> dict[str, np.ndarray]:
    """Every edge, one LSB off in one element of `layer` and in the output of that sample."""
    edges = {name: values.copy() for name, values in reference.trace(graph, x).items()}
    if sample < len(x):
        edges[layer][sample, 1, 1] += 1
        edges[graph.output][sample, 0, 0] -= 1
    return edges


def test_equal_arrays_have_no_difference() -> None:
    assert difference("rtl", "y", np.arange(8).reshape(2, 2, 2), np.arange(8, dtype=np.int32).reshape(2, 2, 2)) is None


def test_difference_names_everything() -> None:
    expected = np.zeros((4, 2, 3), np.int64)
    got = expected.copy()
    got[1, 0, 2], got[3, 1, 1] = 7, -1
    found = difference("csim", "y", expected, got)
    assert found == Difference("csim", "y", (1, 0, 2), 0, 7, 2, 4)
    assert str(found) == "csim: layer 'y' [1, 0, 2]: expected 0, got 7 (2 of 4 samples differ)"


def test_incomparable_values_are_refused() -> None:
    whole = np.zeros((2, 1, 1), np.int64)
    with pytest.raises(MismatchError, match=r"rtl: layer 'y': expected shape \(2, 1, 1\), got \(3, 1, 1\)"):
        difference("rtl", "y", whole, np.zeros((3, 1, 1), np.int64))
    with pytest.raises(MismatchError, match="got float64 values; levels are compared as integers"):
        difference("rtl", "y", whole, whole.astype(np.float64))


def test_first_difference_is_first_in_execution_order(tiny_graph: Graph) -> None:
    x = inputs(tiny_graph)
    expected = reference.trace(tiny_graph, x)
    got = dict(reversed(faulty_trace(tiny_graph, x, "hidden", 2).items()))
    found = first_difference(tiny_graph, "rtl", expected, got)
    assert found is not None
    assert (found.layer, found.index) == ("hidden", (2, 1, 1))
    del got["hidden"]
    later = first_difference(tiny_graph, "rtl", expected, got)
    assert later is not None
    assert later.layer == "y"


def test_verify_runs_a_faulty_level_again_and_names_the_layer(tiny_graph: Graph) -> None:
    x = inputs(tiny_graph)
    level = Level(
        "rtl",
        lambda x: faulty_trace(tiny_graph, x, "hidden", 4)["y"],
        lambda x: faulty_trace(tiny_graph, x, "hidden", 4),
    )
    outcome = verify(tiny_graph, level, x, reference.run(tiny_graph, x))
    assert (outcome.samples, outcome.mismatches) == (6, 1)
    assert outcome.difference is not None
    assert str(outcome.difference).startswith("rtl: layer 'hidden' [4, 1, 1]: expected ")
    assert outcome.difference.samples == 6


def test_a_level_without_trace_names_the_output(tiny_graph: Graph) -> None:
    x = inputs(tiny_graph)
    level = Level("board", lambda x: faulty_trace(tiny_graph, x, "hidden", 0)["y"], limit=2)
    outcome = verify(tiny_graph, level, x, reference.run(tiny_graph, x))
    assert (outcome.samples, outcome.mismatches) == (2, 1)
    assert outcome.difference is not None
    assert (outcome.difference.layer, outcome.difference.index) == ("y", (0, 0, 0))


def test_without_expectations_the_first_level_sets_them(tiny_graph: Graph) -> None:
    x = inputs(tiny_graph)
    file = Level("qonnx", lambda x: reference.run(tiny_graph, x), limit=2)
    wrong = Level("reference", lambda x: faulty_trace(tiny_graph, x, "hidden", 1)["y"])
    right = Level("rtl", lambda x: reference.run(tiny_graph, x))
    outcomes = list(verify_all(tiny_graph, [file, wrong, right], x))
    assert [(o.level, o.samples, o.mismatches) for o in outcomes] == [
        ("qonnx", 2, 0),
        ("reference", 6, 1),
        ("rtl", 6, 0),
    ]


def test_a_wrong_reference_is_located_by_the_file(tiny_graph: Graph) -> None:
    x = inputs(tiny_graph)
    first, *rest = tiny_graph.nodes
    bias = first.op.bias.wide() + np.eye(1, 5, 1, dtype=np.int64)[0] * 16  # type: ignore[attr-defined]
    planted = replace(tiny_graph, nodes=(replace(first, op=replace(first.op, bias=bias)), *rest))  # type: ignore[call-arg]
    file = Level("qonnx", lambda x: reference.run(tiny_graph, x), lambda x: reference.trace(tiny_graph, x), limit=2)
    wrong = Level("reference", lambda x: reference.run(planted, x), lambda x: reference.trace(planted, x))
    *_, outcome = verify_all(planted, [file, wrong], x)
    assert str(outcome.difference).startswith("reference: layer 'dense0' [0, ")
