"""Language models in SystemVerilog: their operators beside each other, and whole networks with every recipe."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import hls_graphs
import llamas
import numpy as np
import pytest
from contract import random_schedule

from accel import reference
from accel.checkpoints import Checkpoint, Configuration, RotaryPositions, Weight
from accel.checkpoints.configuration import shapes
from accel.checkpoints.mapped import MappedFile
from accel.dataflow.schedule import Schedule, is_stage, unit_folds_of
from accel.graph import Graph
from hls import rtl
from hls.simulation import simulate, verilator
from models.llama import lower
from models.llama.recipe import RECIPES, IntegerRecipe
from models.llama.weights import integer_weights


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


WIDTHS = {"B10": (40, 72), "A": (48, 80), "W8A8": (24, 32), "W4A8": (32, 96)}
"""Channels and hidden channels: 1, 8, 16 or 32 of them have an exponent or a factor in common."""


def network(recipe: IntegerRecipe, width: int, hidden: int, tokens: int) -> Graph:
    """A layer with real weights; two queries read each of the keys."""
    rng = np.random.default_rng(width)
    c = Configuration(
        "llama", layers=1, width=width, heads=4, kv_heads=2, head_size=6, hidden=hidden, vocabulary=19, context=64,
        eps=1e-5, rope=RotaryPositions(10000.0, 6, "halves"), tied=True, qk_norm=width == 48,
    )  # fmt: skip
    weights, file = {}, MappedFile(Path(__file__))  # any file: the weights are drawn
    for name, shape in shapes(c).items():
        values = rng.normal(0, 1.5 / np.sqrt(shape[-1]), shape) if len(shape) > 1 else rng.uniform(0.5, 1.5, shape)
        weights[name] = Weight(file, name, "F32", shape, values.astype("<f4"))
    checkpoint = Checkpoint(Path("drawn"), c, weights, cast("type", None))
    return lower(c, integer_weights(checkpoint, recipe), tokens, recipe)


def small_folds(graph: Graph, seed: int) -> Schedule:
    """At most four products or elements in a cycle: what simulates fast."""
    rng, folds = np.random.default_rng(seed), {}
    for node in graph:
        if not is_stage(node):
            options = [fold for fold in unit_folds_of(graph, node) if fold.parallel <= 4 and not fold.unrolled]
            folds[node.name] = options[rng.integers(len(options))]
    return Schedule(folds)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe(name: str, tmp_path: Path) -> None:
    """With small drawn folds: the lanes of units that follow each other need not divide each other."""
    graph = network(RECIPES[name], *WIDTHS.get(name, (40, 48)), tokens=5)
    x = np.random.default_rng(0).integers(0, 19, (4, 5, 1))
    assert_exact(graph, x, small_folds(graph, len(name)), tmp_path)
