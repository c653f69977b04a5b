"""Language models in SystemVerilog: their operators beside each other, and a whole network."""

from __future__ import annotations

from pathlib import Path

import hls_graphs
import llamas
import numpy as np
import pytest
from contract import random_schedule

from accel import reference
from accel.dataflow.schedule import Schedule
from accel.graph import Graph
from hls import rtl
from hls.simulation import simulate, verilator
from models.llama import lower


def assert_exact(graph: Graph, x: np.ndarray, schedule: Schedule | None, folder: Path) -> None:
    """Clean under lint, the reference's integers with and without pauses, and the predicted cycles."""
    design = rtl.lower(graph, schedule)
    design.write(folder)
    verilator.lint(folder, design.sources, design.top)
    expected, free = reference.run(graph, x), simulate.run(design, x)
    predicted = design.predicted
    assert (free.latency, free.interval) == (predicted.latency, predicted.interval)
    np.testing.assert_array_equal(free.outputs, expected)
    np.testing.assert_array_equal(simulate.run(design, x, stall=0.3, seed=1).outputs, expected)


@pytest.mark.parametrize("seed", range(6))
def test_operators_of_language_models(seed: int, tmp_path: Path) -> None:
    graph = hls_graphs.language(seed)
    assert_exact(graph, hls_graphs.samples(graph, 16, seed), random_schedule(graph, seed), tmp_path)


def test_a_whole_network(tmp_path: Path) -> None:
    seed = 0
    configuration, weights, tokens = llamas.drawn(seed)
    x = np.random.default_rng(seed).integers(0, configuration.vocabulary, (4, tokens, 1))
    assert_exact(lower(configuration, weights, tokens), x, None, tmp_path)
