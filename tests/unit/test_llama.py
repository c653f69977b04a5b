"""Language models of the Llama family: row by row == whole sequence on every edge, and close to float."""

from __future__ import annotations

from dataclasses import replace

import llamas
import numpy as np
import pytest
import random_causal

from accel import reference
from accel.errors import UserError
from accel.ops.exponential.op import Exponential
from models.llama.lowering import lower
from models.llama.recipe import B10, Format, IntegerRecipe

FEW, MANY = range(6), range(6, 100)


def ids(vocabulary: int, tokens: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, vocabulary, (3, tokens, 1))


def decoded_wrong(seed: int, device: str = "cpu") -> str:
    config, weights, tokens = llamas.drawn(seed)
    graph = lower(config, weights, tokens)
    x = ids(config.vocabulary, tokens, seed)
    return random_causal.difference(graph, reference.decode(graph, device=device), x, random_causal.steps(tokens, seed))


@pytest.mark.parametrize("seeds", [FEW, MANY])
def test_row_by_row_equals_the_whole_sequence_on_every_edge(seeds: range) -> None:
    wrong = {seed: found for seed in seeds if (found := decoded_wrong(seed))}
    assert not wrong


FINE = IntegerRecipe(
    activation_bits=16, query_bits=16, key_value_bits=16, residual=Format(25, 14), normed=Format(16, 11),
    gain_bits=16, attention=Format(16, 10), mixed=Format(18, 12), gates=Format(16, 10), hidden=Format(24, 14),
    rotary_bits=16, score_fraction=8, exponential_bits=20, sigmoid=Format(15, 10), sigmoid_bits=16,
    accumulator=Format(34, 0),
)  # fmt: skip


@pytest.mark.parametrize(("recipe", "most"), [(FINE, 2e-3), (B10, 0.05)])
def test_integers_are_close_to_float(recipe: IntegerRecipe, most: float) -> None:
    """Of the logits' spread: fine formats show that the graph is the model, and B10 loses what its widths say."""
    for seed in FEW:
        config, weights, tokens = llamas.drawn(seed)
        graph = lower(config, weights, tokens, recipe)
        x = ids(config.vocabulary, tokens, seed)
        found = reference.run(graph, x) * graph.tensors["logits"].scale
        exact = llamas.logits(config, weights, x[..., 0])
        assert (found - exact).std() < most * exact.std(), seed


@pytest.mark.parametrize("seeds", [range(1), range(1, 12)])
def test_compiled_row_by_row(seeds: range) -> None:
    assert not {seed: found for seed in seeds if (found := decoded_wrong(seed, "native"))}


def test_what_is_not_lowered_is_refused() -> None:
    config, weights, tokens = llamas.drawn(0)
    with pytest.raises(UserError, match="with no gate in its feed-forward cannot become a graph yet"):
        lower(replace(config, gated=False), weights, tokens)
    with pytest.raises(UserError, match="with a window of tokens cannot become a graph yet"):
        lower(replace(config, window=4), weights, tokens)
    with pytest.raises(UserError, match=r"weight 'norm' is nothing; the configuration says"):
        lower(config, {name: value for name, value in weights.items() if name != "norm"}, tokens)
    with pytest.raises(UserError, match=r"weight 'norm' is \(3,\); the configuration says"):
        lower(config, weights | {"norm": np.ones(3)}, tokens)


def test_rows_at_another_place_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison fails when the mask of attention takes every row for the first."""
    right = Exponential.evaluate_rows
    monkeypatch.setattr(
        Exponential, "evaluate_rows", lambda self, first, tokens, *inputs: right(self, 0, tokens, *inputs)
    )
    assert all(decoded_wrong(seed) for seed in range(3))
