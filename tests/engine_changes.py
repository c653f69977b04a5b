"""Graphs for the decode engine with a change in one place."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from accel.constants import Constant
from accel.errors import GraphError
from accel.graph import Graph, Node
from accel.op import Op
from accel.ops import Rescale


def changed(graph: Graph, rng: np.random.Generator) -> Graph | None:
    """The graph with another operator or input in one place, still a valid one; None where that is no graph."""
    nodes, place = list(graph.nodes), int(rng.integers(len(graph.nodes)))
    node, change = nodes[place], rng.integers(3)
    if change == 0:
        nodes[place] = replace(node, op=_other(node.op, rng))
    elif change == 1:
        edges = [*graph.inputs, *(one.name for one in nodes[:place])]
        inputs = [str(rng.choice(edges)) if rng.random() < 0.6 else name for name in node.inputs]
        nodes[place] = replace(node, inputs=tuple(inputs))
    else:
        extra = Node("extra", _between(rng), (node.name,))
        nodes[place + 1 :] = [extra, *(_reading(one, node.name, "extra", rng) for one in nodes[place + 1 :])]
    try:
        return Graph(graph.name, graph.inputs, nodes, graph.outputs)
    except GraphError:
        return None


def _other(op: Op, rng: np.random.Generator) -> Op:
    """An operator with one field that differs."""
    names = [one.name for one in fields(op)]
    if not names:
        return op
    field = str(rng.choice(names))
    value = getattr(op, field)
    if isinstance(value, Constant):
        value = value.wide() + rng.integers(-1, 2, value.shape)
    elif isinstance(value, int):
        value = int(rng.choice([value - 1, value + 1, -(-value // 2)]))
    try:
        return replace(op, **{field: value})
    except GraphError:
        return op


def _between(rng: np.random.Generator) -> Op:
    """An operator that changes some integers, or none."""
    return Rescale([1], int(rng.integers(2)), "half_up", int(rng.choice([-9, -(1 << 40)])), 1 << 40)


def _reading(node: Node, edge: str, other: str, rng: np.random.Generator) -> Node:
    """A node that may read another edge in place of one."""
    return replace(node, inputs=tuple(other if name == edge and rng.random() < 0.9 else name for name in node.inputs))
