"""Random language models of the Llama family, small ones."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch

from accel import reference
from accel.checkpoints import Configuration, RotaryPositions
from accel.checkpoints.configuration import shapes
from models import languages
from models.llama.matrices import Matrix
from models.llama.recipe import IntegerRecipe

Weights = dict[str, Matrix | np.ndarray]


def drawn(seed: int) -> tuple[Configuration, Weights, int]:
    """A configuration, weights, and a number of tokens, the same in every process."""
    rng = np.random.default_rng(seed)
    found = configuration(rng)
    return found, weights(found, rng), int(rng.integers(4, 13))


def configuration(rng: np.random.Generator, widest: int = 64) -> Configuration:
    """A Llama or a Qwen of up to `widest` channels, with heads that share keys, and positions of either layout."""
    kv_heads, group, head = int(rng.integers(1, 4)), int(rng.integers(1, 4)), int(rng.choice([4, 8, 16]))
    rope = RotaryPositions(10000.0, head, "halves" if rng.random() < 0.5 else "neighbours")
    found = Configuration(
        "llama", layers=int(rng.integers(1, 4)), width=32 * int(rng.integers(1, widest // 32 + 1)),
        heads=kv_heads * group, kv_heads=kv_heads, head_size=head, hidden=32 * int(rng.integers(1, 4)),
        vocabulary=int(rng.integers(5, 60)), context=64, eps=1e-5, rope=rope, tied=rng.random() < 0.7,
    )  # fmt: skip
    if rng.random() < 0.3:  # Qwen's
        rope = replace(rope, size=head // 2, skipped=frozenset({0}))
        found = replace(found, qk_norm=True, qkv_bias=True, rope=rope)
    return found


def weights(configuration: Configuration, rng: np.random.Generator, group: int = 32) -> Weights:
    """Random weights, some of them in groups with offsets as GGUF has them, some with a scale per row."""
    found: Weights = {}
    for name, shape in shapes(configuration).items():
        if name.endswith(".bias"):
            found[name] = rng.normal(0, 0.3, shape)
        elif len(shape) == 1:
            found[name] = rng.uniform(0.5, 1.5, shape) * rng.choice([1, 1, 1, -1], shape)
        elif name == "positions":
            found[name] = rng.normal(0, 0.5, shape)
        else:
            found[name] = _matrix(shape, rng, group, name == "embedding")
    return found


def _matrix(shape: tuple[int, ...], rng: np.random.Generator, group: int, ranked: bool) -> Matrix:
    group = math.gcd(shape[1], group)
    size, groups = 1.5 / np.sqrt(shape[1]), (shape[0], shape[1] // group)
    if ranked:
        q = rng.integers(-127, 128, (*groups, group))
        return Matrix.grouped(q, rng.uniform(1, 2, groups) / 127, np.zeros(groups))
    if group < 16 or rng.random() < 0.3:
        return Matrix.of(rng.normal(0, size, shape), 8)
    q, d = rng.integers(0, 16, (*groups, group)), rng.uniform(0.1, 0.4, groups) * size
    return Matrix.grouped(q, d, -7.5 * d * rng.uniform(0.8, 1.2, groups))


def ids(vocabulary: int, tokens: int, seed: int) -> np.ndarray:
    """Identifiers of three samples."""
    return np.random.default_rng(seed).integers(0, vocabulary, (3, tokens, 1))


def error(configuration: Configuration, weights: Weights, tokens: int, recipe: IntegerRecipe, seed: int) -> float:
    """How far integer logits are from those in float64, in units of the logits' spread."""
    graph = languages.lower(configuration, weights, tokens, recipe, "drawn")
    x = ids(configuration.vocabulary, tokens, seed)
    found = reference.run(graph, x) * graph.tensors["logits"].scale
    exact = logits(configuration, weights, x[..., 0], recipe.hidden_hadamard)
    return float((found - exact).std() / exact.std())


def logits(configuration: Configuration, weights: Weights, ids: np.ndarray, hidden_hadamard: int = 0) -> np.ndarray:
    """Logits of identifiers (samples, tokens) in float64, of weights in float32: what integers are measured by."""
    network = languages.of(configuration, weights, hidden_hadamard).double()
    with torch.no_grad():
        found: np.ndarray = network(torch.from_numpy(ids)).numpy()
    return found
