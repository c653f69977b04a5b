"""Language models of the GPT-2 family: close to float, refusals, text, and what integers cost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gpt2s
import llamas
import numpy as np
import pytest
import trained_gpt2

from accel import reference
from accel.errors import UserError
from accel.verbs import lm
from models.gpt2 import lower
from models.llama.recipe import B10, Format, IntegerRecipe

FEW = range(6)
FINE = replace(
    B10, activation_bits=16, query_bits=16, key_value_bits=16, residual=Format(25, 14), normed=Format(16, 11),
    gain_bits=16, attention=Format(16, 10), mixed=Format(18, 12), gates=Format(16, 10), exponential_bits=20,
    gelu=Format(15, 10), sigmoid_bits=16, scores=Format(20, 8),
)  # fmt: skip


def ids(vocabulary: int, tokens: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, vocabulary, (3, tokens, 1))


@pytest.mark.parametrize(("recipe", "most"), [(FINE, 0.002), (B10, 0.03)])
def test_integers_are_close_to_float(recipe: IntegerRecipe, most: float) -> None:
    """Of the logits' spread: fine formats show that the graph is the model, and B10 loses what its widths say."""
    for seed in FEW:
        config, weights, tokens = gpt2s.drawn(seed)
        graph = lower(config, weights, tokens, recipe)
        x = ids(config.vocabulary, tokens, seed)
        found = reference.run(graph, x) * graph.tensors["logits"].scale
        exact = llamas.logits(config, weights, x[..., 0])
        assert (found - exact).std() < most * exact.std(), seed


def test_what_is_not_lowered_is_refused() -> None:
    config, weights, _ = gpt2s.drawn(0)
    with pytest.raises(UserError, match="65 tokens: the model has 64 positions"):
        lower(config, weights, 65)
    with pytest.raises(UserError, match=r"a llama is no GPT-2; models\.llama lowers it"):
        lower(*llamas.drawn(0))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a GPT-2 of two layers that read some English."""
    folder = tmp_path_factory.mktemp("gpt2")
    trained_gpt2.save(folder, width=32, layers=2, steps=40)
    return folder


def test_integers_cost_little_of_what_was_learned(trained: Path) -> None:
    """A hundredth of a nat per byte; the network itself is nearly two nats better than chance."""
    found = lm.load(trained).perplexity(trained_gpt2.text()[1], 1000, window=64)
    assert found.nats_float < 3.8 < np.log(256)
    assert abs(found.cost) < 0.01
    assert found.kl < 0.01


def test_it_writes_text_before_and_after_it_was_saved(trained: Path, tmp_path: Path) -> None:
    model = lm.load(trained, device="cpu")
    model.save(tmp_path / "model.accel")
    again = lm.load(tmp_path / "model.accel", device="cpu")
    written = model.generate("the ", 8)
    assert written.identifiers == again.generate("the ", 8).identifiers
    assert written.text == again.tokenizer.decode(written.identifiers)
    with pytest.raises(UserError, match="a context of 65 tokens: the model has 2 to 64"):
        lm.load(trained, context=65)
