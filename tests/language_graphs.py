"""Random graphs of language models, and the judge of the four ways to evaluate them: all have the integers of torch.

Several networks of equal length are one graph, side by side, so that a compiler reads its headers once for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import gpt2s
import llamas
import numpy as np
import random_causal

from accel import reference
from accel.checkpoints import Configuration
from accel.graph import Graph
from accel.verbs import lm
from models import languages
from models.llama.recipe import RECIPES, IntegerRecipe

SAMPLES, ALIKE = 2, 3


def drawn(seed: int, tokens: int) -> Graph:
    """Llamas of even seeds and GPT-2s of odd ones: shapes, weights and formats, the same in every process.

    ALIKE neighbours of a family differ in nothing but their weights, and share most of their compiled code.
    """
    shared = np.random.default_rng([seed // (2 * ALIKE), seed % 2])
    configuration = gpt2s.configuration(shared) if seed % 2 else _extended(llamas.configuration(shared, 128), shared)
    recipe, group = _recipe(shared), int(shared.choice([32, 32, 16]))
    weights = llamas.weights(configuration, np.random.default_rng(seed), group)
    return languages.lower(configuration, weights, tokens, recipe, f"seed {seed}")


def _extended(c: Configuration, rng: np.random.Generator) -> Configuration:
    """Biases, activations and scales of other relatives of Llama, some of the time."""
    return replace(
        c, activation=str(rng.choice(["silu", "silu", "gelu_tanh", "relu"])), mlp_bias=bool(rng.random() < 0.3),
        out_bias=bool(rng.random() < 0.3), embedding_scale=float(rng.choice([1, 1, 3.5])),
    )  # fmt: skip


def _recipe(rng: np.random.Generator) -> IntegerRecipe:
    """One of the named recipes, with some of its widths exchanged; keys and values of 4 bits are turned."""
    bits = (int(rng.choice(choice)) for choice in ([8, 9, 10, 12], [0, 16, 32], [8, 12], [4, 6, 8], [0, 0, 64]))
    activation, group, query, key_value, hidden = bits
    names = [*RECIPES]
    return replace(
        RECIPES[names[rng.integers(len(names))]], activation_bits=activation, activation_group=group, query_bits=query,
        key_value_bits=key_value, key_value_hadamard=int(key_value == 4), hidden_hadamard=hidden,
    )  # fmt: skip


def joined(graphs: Sequence[Graph]) -> Graph:
    """Graphs side by side; names of the n-th begin with `n/`."""
    nodes = [
        replace(node, name=f"{n}/{node.name}", inputs=tuple(f"{n}/{name}" for name in node.inputs))
        for n, graph in enumerate(graphs)
        for node in graph
    ]
    inputs = {f"{n}/{name}": tensor for n, graph in enumerate(graphs) for name, tensor in graph.inputs.items()}
    outputs = [f"{n}/{name}" for n, graph in enumerate(graphs) for name in graph.outputs]
    return Graph("side by side", inputs, nodes, outputs)


def identifiers(graph: Graph, seed: int, samples: int = SAMPLES) -> dict[str, np.ndarray]:
    """Random ones for every input of a graph."""
    rng = np.random.default_rng(seed)
    return {name: rng.integers(t.lo, t.hi + 1, (samples, *t.shape)) for name, t in graph.inputs.items()}


def differences(graph: Graph, x: Mapping[str, np.ndarray], steps: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Ways and edges of which not all integers are those of torch on the whole sequence; `steps` tokens at a time."""
    expected = reference.trace(graph, x)
    whole = reference.trace(graph, x, device=reference.NATIVE)
    yield from (("compiled", name) for name in whole if not np.array_equal(whole[name], expected[name]))
    for device, way in (("cpu", "row by row"), (reference.NATIVE, "compiled, row by row")):
        found = random_causal.different_rows(graph, reference.decode(graph, device=device), x, steps, expected)
        yield from ((f"{way}, {rows}", name) for name, rows in found)


def wrong(seeds: Sequence[int], tokens: int) -> dict[int, str]:
    """Seeds whose networks differ, with the first way and edge."""
    graph = joined([drawn(seed, tokens) for seed in seeds])
    found: dict[int, str] = {}
    for way, name in differences(graph, identifiers(graph, seeds[0]), random_causal.steps(tokens, seeds[0])):
        number, _, edge = name.partition("/")
        found.setdefault(seeds[int(number)], f"{way}: {edge}")
    return found


def wrong_of(path: Path, tokens: int | None) -> tuple[Graph, list[tuple[str, str]]]:
    """The graph of a checkpoint in the default recipe, and `differences` on random tokens; None: its whole context."""
    model = lm.load(path)
    count = tokens or model.configuration.context
    graph = model.graph(count)
    return graph, [*differences(graph, identifiers(graph, 0, 1), random_causal.steps(count, 0))]
