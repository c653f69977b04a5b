"""Random Llamas and GPT-2s: torch and compiled, whole and row by row, all have the same integers on every edge."""

from __future__ import annotations

from dataclasses import replace

import checkpoint_files
import language_graphs
import pytest

from accel.graph import Graph
from accel.ops.blockfloat.op import BlockFloat
from accel.ops.dense.groups import find
from accel.ops.dense.op import Dense
from accel.ops.exponential.op import Exponential
from accel.ops.lookup.op import Lookup

COUNT = 120


@pytest.mark.parametrize(
    ("seeds", "tokens"),
    [
        (range(6), 7),
        (range(6, 30), 9),
        (range(30, 60), 12),
        (range(60, 90), 5),
        (range(90, COUNT), 17),
    ],
)
def test_all_ways_give_the_same_integers(seeds: range, tokens: int) -> None:
    assert not language_graphs.wrong(seeds, tokens)


def test_stories_in_their_whole_context() -> None:
    graph, wrong = language_graphs.wrong_of(checkpoint_files.stories(), None)
    assert not wrong
    assert graph.output_tensor.tokens == 512


def test_smollm2_over_64_tokens() -> None:
    """Half a minute of one processor, and 5 GB."""
    graph, wrong = language_graphs.wrong_of(checkpoint_files.smollm(), 64)
    assert not wrong
    assert len(graph.nodes) > 1000


def test_a_row_that_is_taken_for_another_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attention looks at each token as if it were the first: in torch, row by row."""
    right = Exponential.evaluate_rows
    monkeypatch.setattr(
        Exponential, "evaluate_rows", lambda self, first, tokens, *inputs: right(self, 0, tokens, *inputs)
    )
    wrong = language_graphs.wrong(range(6), 7)
    assert [*wrong] == [*range(6)]
    assert all(way.startswith("row by row") for way in wrong.values()), wrong


def test_a_bit_that_compiled_code_loses_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BlockFloat, "compiled", lambda self, *inputs: ("", replace(self, bits=self.bits - 1)))
    wrong = language_graphs.wrong(range(6), 7)
    assert [*wrong] == [*range(6)]
    assert all(way == "compiled: layers.0.attention.norm.block" for way in wrong.values()), wrong


def test_all_that_language_models_have_is_drawn() -> None:
    """Biases, norms of queries, layers without positions, shared heads, every activation, factors of all groups."""
    graphs = [language_graphs.drawn(seed, 5) for first in range(0, 90, 6) for seed in (first, first + 1)]
    names = {node.name.removeprefix("layers.0.") for graph in graphs for node in graph}
    assert {"positions", "attention.norm.centred", "attention.q.rounded.norm", "attention.q.rounded.turned"} <= names
    assert "attention.q.rounded.turned.rounded.spread" in names
    assert "feedforward.hidden.rounded.spread" in names
    assert {f"feedforward.{activation}" for activation in ("silu", "gelu", "gelu_tanh", "relu")} <= names
    assert any("layers.0.attention.q.rounded.norm" in g.tensors and not _turned(g, 0) and _turned(g, 1) for g in graphs)
    dense = [node.op for graph in graphs for node in graph if isinstance(node.op, Dense)]
    found = {groups.form[:2] for op in dense if op.weight.shape[1] >= 16 and (groups := find(op.weight.values))}
    assert {(32, 4), (16, 4), (32, 8)} <= found
    assert any(isinstance(node.op, Dense) and node.op.bias.magnitude for graph in graphs[::2] for node in graph)
    assert {len(node.op.table) for graph in graphs for node in graph if isinstance(node.op, Lookup)} == {512, 1024}


def _turned(graph: Graph, layer: int) -> bool:
    return any(name.startswith(f"layers.{layer}.") and name.endswith(".turned") for name in graph.tensors)
