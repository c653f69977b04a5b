"""What the decode engine cannot run is refused in one line that names graph, node, reason and what to change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import engine_graphs
import gpt2s
import llamas
import numpy as np
import pytest

from accel.engine.match import match
from accel.errors import UserError
from accel.graph import Graph, Node
from accel.op import Op
from accel.ops import Add, Dense, Norm, Rescale, Softmax
from accel.tensor import Tensor
from models import languages
from models.llama.recipe import Format, IntegerRecipe, named

STATIC = engine_graphs.STATIC
GRAPH = next(
    graph
    for graph in map(engine_graphs.drawn, range(0, 99, 3))
    if {"1.norm1", "norm", "0.x1.add"} <= {*graph.tensors} and any(isinstance(n.op, Softmax) for n in graph)
)
SHARES = next(node.name for node in GRAPH if isinstance(node.op, Softmax))
"""Two layers in the way of Brevitas."""


def changed(name: str, change: Callable[[Node], Node]) -> Graph:
    """GRAPH with another node."""
    assert name in GRAPH.tensors, [*GRAPH.tensors]
    nodes = [change(node) if node.name == name else node for node in GRAPH]
    return Graph(GRAPH.name, GRAPH.inputs, nodes, GRAPH.outputs)


def with_op(name: str, change: Callable[[Op], Op]) -> Graph:
    """GRAPH with another operator."""
    return changed(name, lambda node: replace(node, op=change(node.op)))


def behind(name: str, op: Op) -> Graph:
    """GRAPH with an operator of one input behind an edge."""
    nodes: list[Node] = []
    for node in GRAPH:
        nodes.append(replace(node, inputs=tuple("extra" if edge == name else edge for edge in node.inputs)))
        if node.name == name:
            nodes.append(Node("extra", op, (name,)))
    return Graph(GRAPH.name, GRAPH.inputs, nodes, "extra" if name in GRAPH.outputs else GRAPH.outputs)


def language(made: object, recipe: IntegerRecipe, seed: int, **changes: object) -> Graph:
    """A Llama or GPT-2 of one layer."""
    configuration, weights, tokens = made.drawn(seed)  # type: ignore[attr-defined]
    configuration = replace(configuration, layers=1, **changes)
    if configuration.qk_norm:
        weights = llamas.weights(configuration, np.random.default_rng(seed))
    return languages.lower(configuration, weights, tokens, recipe, "language")


def clipped_mantissas() -> Graph:
    """A Llama in which something else than a matrix reads words with an exponent."""
    graph = language(llamas, replace(STATIC, hidden=Format(16, 8)), 1)
    name = "layers.0.feedforward.hidden.rounded.block"
    nodes: list[Node] = []
    for node in graph:
        nodes.append(replace(node, inputs=tuple("extra" if edge == name else edge for edge in node.inputs)))
        if node.name == name:
            nodes.append(Node("extra", Rescale([1], 0, "half_up", -99, 99), (name,)))
    return Graph(graph.name, graph.inputs, nodes, graph.outputs)


def two_outputs() -> Graph:
    return Graph(GRAPH.name, GRAPH.inputs, GRAPH.nodes, [*GRAPH.outputs, "norm"])


def numbers() -> Graph:
    node = Node("embedding", Dense(np.ones((4, 3)), np.zeros(4)), ("x",))
    return Graph("numbers", {"x": Tensor((2, 3), 0, 5)}, [node], "embedding")


def floored(op: Op) -> Op:
    assert isinstance(op, Rescale)
    return replace(op, rounding="floor")


CASES: dict[str, tuple[Callable[[], Graph], str, str]] = {
    "exponents": (lambda: language(llamas, named("B14"), 1), "attention.q.rounded.turned.rounded.block", "recipe E9"),
    "a clip behind exponents": (
        lambda: clipped_mantissas(),
        "layers.0.feedforward.hidden.rounded.block",
        "only a vector that matrices alone read has an exponent",
    ),
    "two roundings": (lambda: language(llamas, replace(STATIC, spared_bits=8), 1), "q.rounded", "spared_bits=0"),
    "norm of heads": (lambda: language(llamas, STATIC, 1, qk_norm=True), "q.rounded.norm", "not those of a head"),
    "wide activation": (
        lambda: language(gpt2s, replace(STATIC, gates=Format(16, 8), activation_bits=16), 4),
        "gelu_tanh.rounded",
        "lower the bits of `gates` in the recipe",
    ),
    "outputs": (two_outputs, "it has 1 inputs and 2 outputs", "one output"),
    "numbers": (numbers, "input 'x'", "identifiers from 0 on"),
    "no norm": (
        lambda: Graph("bare", GRAPH.inputs, [*GRAPH.nodes[:3]], GRAPH.nodes[2].name),
        "input 'x'",
        "there is no residual stream",
    ),
    "no vector": (
        lambda: changed("1.q", lambda node: replace(node, inputs=("0.norm1",))),
        "1.q",
        "this reads",
    ),
    "rounded logits": (lambda: behind("logits", Rescale([1], 3, "half_up", -99, 99)), "extra", "leave them whole"),
    "logits that are fewer": (
        lambda: with_op("logits", lambda op: Dense(op.weight[1:], op.bias[1:])),  # type: ignore[attr-defined]
        "logits",
        "the next token is one of both",
    ),
    "another rounding": (lambda: with_op("0.k8", floored), "0.k8", "half_up or half_even"),
    "rounded twice": (lambda: behind("0.k8", Rescale([1], 1, "half_up", -9, 9)), "extra", "rounds once"),
    "shares are rounded": (lambda: behind(SHARES, Rescale([1], 1, "half_up", 0, 99)), "extra", "weight values"),
    "beta": (
        lambda: with_op("0.norm1", lambda op: Norm("rms", 4, 20, 12, -99, 99, beta=np.array([3]))),
        "0.norm1",
        "fold it into the biases",
    ),
    "layers differ": (
        lambda: with_op("norm", lambda op: Norm("rms", 4, 20, 12, -99, 99)),
        "norm",
        "all layers of an engine share it",
    ),
    "factor": (lambda: with_op("0.x1.add", lambda op: Add([7, 1])), "0.x1.add", "no power of two"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_in_one_line(name: str) -> None:
    make, node, remedy = CASES[name]
    graph = make()
    with pytest.raises(UserError) as error:
        match(graph)
    text = str(error.value)
    assert text.startswith(f"{graph.name} does not fit the engine: ")
    assert "\n" not in text
    assert node in text
    assert remedy in text
