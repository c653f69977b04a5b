"""Macro operations of the decode engine: they mean what the graph says, edge by edge."""

from __future__ import annotations

from dataclasses import replace

import engine_graphs
import numpy as np
import pytest
import torch
from engine_changes import changed
from macro_reference import Sequence

import accel
import models
from accel import reference
from accel.engine.folding import folded
from accel.engine.macros import Attend, Load, MacroGraph, Multiply, Normalize, ToResidual
from accel.engine.match import match
from accel.errors import UserError
from accel.graph import Graph
from models import presets
from models.quantization import quantize


def first_difference(macros: MacroGraph, seed: int = 0) -> str:
    """The first edge and token whose integers are not the reference's; nothing where all are."""
    graph = macros.graph
    x = np.random.default_rng(seed).integers(0, graph.input.hi + 1, (1, *graph.input.shape))
    expected, sequence = reference.trace(graph, x), Sequence(macros)
    for token, identifier in enumerate(x.reshape(-1)):
        for name, row in sequence.step(int(identifier)).items():
            if name != "chosen" and not np.array_equal(row, _row(expected[name][0, token], row)):
                return f"{name} of token {token}"
        assert sequence.edges["chosen"] == expected[graph.output][0, token].argmax()
    return ""


def _row(row: np.ndarray, like: np.ndarray) -> np.ndarray:
    """A token's row of an edge; of scores and shares, the columns of keys that are known."""
    return row.reshape(len(like), -1)[:, : like.shape[1]] if like.ndim == 2 else row


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """A language model of random weights that Brevitas calibrated, imported from its file."""
    torch.manual_seed(0)
    config = replace(
        presets.GPT, layers=2, tokens=16, vocabulary=30, classes=30, channels=32, heads=2, kv_heads=1, hidden=64,
        quantized=False,
    )  # fmt: skip
    network = quantize(models.Encoder(config), torch.randint(0, 30, (64, 16)))
    return accel.load(models.export(network, tmp_path_factory.mktemp("trained") / "text.onnx"))


def test_a_network_of_brevitas(trained: Graph) -> None:
    macros = match(trained)
    kinds = [type(macro) for macro in macros.macros]
    layer = [Normalize, *[Multiply] * 3, Attend, Multiply, Normalize, *[Multiply] * 2]
    assert kinds == [Load, *layer, *layer, Normalize, Multiply]
    assert (macros.width, macros.vocabulary, macros.context) == (32, 30, 16)
    assert (macros.heads, macros.kv_heads, macros.head_size) == (2, 1, 16)
    to = [macro.to for macro in macros.macros if isinstance(macro, Multiply)]
    assert all(one.aligned for one in to if isinstance(one, ToResidual))
    assert not first_difference(macros)


@pytest.mark.parametrize("seed", range(120))
def test_macro_operations_mean_what_the_graph_says(seed: int) -> None:
    assert not first_difference(match(engine_graphs.drawn(seed)), seed)


@pytest.mark.parametrize("seed", [0, 3, 6, 9])
def test_a_norm_of_the_embedding_is_folded_into_its_table(seed: int) -> None:
    macros = match(engine_graphs.drawn(seed))
    norm, made = macros.macros[1], folded(macros, 1 << 40)
    assert isinstance(norm, Normalize)
    assert (made is macros) is not norm.in_place
    if norm.in_place:
        assert len(made.macros) == len(macros.macros) - 1
        assert made.macros[0].edge == norm.edge  # type: ignore[union-attr]
        assert not first_difference(made)
        bits = macros.vocabulary * macros.context * macros.width * 8
        assert folded(macros, bits) is not macros
        assert folded(macros, bits - 1) is macros


@pytest.mark.parametrize("seed", range(24))
def test_what_is_matched_is_right_and_all_else_refused(seed: int) -> None:
    """Graphs with a fault in one place: a step, a factor, an edge, another rounding."""
    rng, graph = np.random.default_rng(seed), engine_graphs.drawn(seed)
    matched = 0
    for number in range(12):
        if (other := changed(graph, rng)) is None:
            continue
        try:
            macros = match(other)
        except UserError:
            continue
        matched += 1
        assert not first_difference(macros), f"change {number}"
    assert matched
