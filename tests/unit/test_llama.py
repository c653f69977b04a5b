"""Language models of the Llama family: close to float, and refusals; test_language_graphs.py compares all ways."""

from __future__ import annotations

import re
from dataclasses import replace

import llamas
import numpy as np
import pytest

from accel import reference
from accel.blocks import Blocks
from accel.constants import Constant
from accel.errors import UserError
from accel.ops.rescale.op import Rescale
from models.llama.lowering import lower
from models.llama.matrices import Matrix
from models.llama.recipe import B10, B14, W8A8, Format, IntegerRecipe, named

FEW = range(6)


FINE = IntegerRecipe(
    activation_bits=16, query_bits=16, key_value_bits=16, residual=Format(25, 14), normed=Format(16, 11),
    gain_bits=16, attention=Format(16, 10), mixed=Format(18, 12), gates=Format(16, 10), hidden=Format(24, 14),
    rotary_bits=16, scores=Format(20, 8), exponential_bits=20, sigmoid=Format(15, 10), sigmoid_bits=16,
)  # fmt: skip


@pytest.mark.parametrize(
    ("recipe", "most"),
    [
        (FINE, 2e-3),
        (replace(FINE, key_value_hadamard=1), 2e-3),
        (replace(FINE, hidden_hadamard=64), 2e-3),
        (B14, 0.035),
        (B10, 0.05),
    ],
)
def test_integers_are_close_to_float(recipe: IntegerRecipe, most: float) -> None:
    """Of the logits' spread. Fine formats show that the graph is the model; the others lose what their widths say."""
    for seed in FEW:
        config, weights, tokens = llamas.drawn(seed)
        assert llamas.error(config, weights, tokens, recipe, seed) < most, seed


@pytest.mark.parametrize("factor", [1, 1 << 12])
def test_sums_of_a_matrix_keep_their_whole_range(factor: int) -> None:
    """A recipe declares what saturates, and sums are nothing that it declares, whatever the weights are."""
    config, weights, tokens = llamas.drawn(0)
    wide = dict(weights)
    for name, weight in weights.items():
        if isinstance(weight, Matrix) and name.startswith("layers."):
            wide[name] = replace(weight, values=Constant(weight.values.wide() * factor))
    graph = lower(config, wide, tokens, FINE)
    sums = [node for node in graph if node.name.endswith(".sums") and isinstance(node.op, Rescale)]
    assert sums
    for node in sums:
        assert isinstance(node.op, Rescale)
        exact = graph.tensors[node.inputs[0]]
        assert node.op.lo <= exact.lo >> node.op.shift
        assert node.op.hi >= -(-exact.hi >> node.op.shift)


def test_factors_of_groups_have_all_bits_in_every_row() -> None:
    """Rows of a head are a hundred times as large as others: one power of two would leave those few bits."""
    rng = np.random.default_rng(0)
    q, d = rng.integers(-127, 128, (50, 4, 32)), rng.uniform(0.5, 1, (50, 4)) * np.geomspace(1, 100, 50)[:, None]
    exact = (q * d[..., None]).reshape(50, -1)
    error = np.abs(Matrix.grouped(q, d, np.zeros_like(d)).real - exact).max(1)
    assert (error < 127 * d.max(1) / 255).all()


def test_offsets_make_up_for_the_rounding_of_factors() -> None:
    """The mean of a group is as exact as its offset is, half a step, not half a step times the mean of q."""
    rng = np.random.default_rng(0)
    q, d = rng.integers(0, 16, (50, 4, 32)), rng.uniform(0.1, 1, (50, 4))
    m = -7.5 * d * rng.uniform(0.6, 0.9, d.shape)
    found = Matrix.grouped(q, d, m)
    error = (found.real.reshape(q.shape) - (q * d[..., None] + m[..., None])).mean(2)
    assert (np.abs(error) <= 0.501 * found.multiplier[:, None] * 2.0**-found.shift).all()


def test_a_packed_embedding_has_the_words_of_its_real_numbers() -> None:
    for seed in FEW:
        config, weights, tokens = llamas.drawn(seed)
        embedding = weights["embedding"]
        if not isinstance(embedding, Matrix) or not isinstance(embedding.values, Blocks):
            continue
        graph = lower(config, weights, tokens)
        x = llamas.ids(config.vocabulary, tokens, seed)
        words = np.floor(embedding.real * 2.0**B14.residual.fraction + 0.5)
        found = reference.trace(graph, x)["embedding.rounded"]
        np.testing.assert_array_equal(found, words[x[..., 0]])
        return
    pytest.fail("no seed has a packed embedding")


def test_words_of_8_bits_are_static_int8() -> None:
    """With formats of 8 bits, every matrix of a layer reads words of one fixed step: nothing is left to round."""
    config, weights, tokens = llamas.drawn(0)
    graph = lower(config, weights, tokens, named("STATIC8"))
    found = reference.trace(graph, llamas.ids(config.vocabulary, tokens, 0))
    matrices = [node for node in graph if isinstance(weights.get(node.name), Matrix) and node.name != "embedding"]
    behind = {node.name: node.inputs for node in graph}
    assert len(matrices) == 7 * config.layers
    for node in matrices:
        (words,) = behind[node.inputs[0]]
        assert (graph.tensors[words].lo, graph.tensors[words].hi) == (-128, 127)
        assert np.array_equal(found[words], found[node.inputs[0]])


def test_recipes_by_name() -> None:
    assert named("b14") == B14
    assert named("W8A8: key_value_bits=9, sigmoid=11/6") == replace(W8A8, key_value_bits=9, sigmoid=Format(11, 6))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("C", "unknown recipe 'C'; there are B14, B10, A, W8A8, W4A8"),
        ("B14:bits=9", "recipe: 'bits=9' is no field=value; fields are weight_bits, weight_group, "),
        ("B14:query_bits", "recipe: 'query_bits' is no field=value"),
        ("B14:query_bits=many", "recipe: query_bits is a whole number; got 'many'"),
        ("B14:query_bits=1", "recipe: query_bits must be 0, or 2 to 16; got 1"),
        ("B14:query_bits=40", "recipe: query_bits must be 0, or 2 to 16; got 40"),
        ("B14:weight_bits=1", "recipe: weight_bits must be 0, or 2 to 8; got 1"),
        ("B14:hidden_hadamard=48", "recipe: hidden_hadamard is a power of two, such as 64; got 48"),
        (
            "W8A8:weight_symmetric=1",
            "recipe: weight_symmetric is of weights in groups; give weight_bits and weight_group",
        ),
        ("B14:normed=16", "recipe: normed is bits/fraction, such as 16/9; got '16'"),
        ("B14:normed=40/9", "recipe: bits of normed must be 8 to 24; got 40"),
        ("B14:normed=16/99", "recipe: fraction of normed must be -8 to 24; got 99"),
    ],
)
def test_a_recipe_that_is_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(UserError, match=re.escape(why)):
        named(text)


def test_a_recipe_takes_formats_and_numbers_alone() -> None:
    with pytest.raises(UserError, match=r"normed is a format, bits and fraction, such as Format\(16, 9\); got 9"):
        IntegerRecipe(normed=9)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"query_bits must be 0, or 2 to 16; got 9\.5"):
        IntegerRecipe(query_bits=9.5)  # type: ignore[arg-type]


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
