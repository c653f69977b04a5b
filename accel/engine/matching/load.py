"""The embedding: everything of the graph that depends on the identifier and the position alone."""

from __future__ import annotations

import numpy as np

from accel.constants import Constant
from accel.engine.macros import Load
from accel.engine.matching.walk import Walk
from accel.graph import Graph, Node
from accel.ops.embedding.op import Embedding
from accel.ops.position.op import Position
from accel.ops.rescale.op import Rescale
from accel.ops.rotary.op import Rotary


def load(walk: Walk, stream: str) -> Load:
    """The residual stream of a new token, as a sum of two tables. Raises UserError, naming the node, for anything else.

    `stream` is the first edge that is normalized.
    """
    front = before(walk.graph, stream)
    walk.use(*front)
    if kept := [node for node in front if node.op.keeps]:
        raise walk.refusal(kept[0].name, "attention comes before anything is normalized: put a norm before it")
    placed = _placed(front)
    rescale, edge = None, stream
    if edge in placed and isinstance(op := walk.nodes[edge].op, Rescale):
        rescale, edge = op, walk.inputs(walk.nodes[edge])[0]
    if edge not in placed:
        return Load(stream, by_token(walk.graph, edge))
    op = walk.nodes[edge].op
    source = walk.inputs(walk.nodes[edge])[0]
    if not isinstance(op, Position) or source in placed:
        raise walk.refusal(edge, "an embedding is a table of identifiers plus one of positions, rounded once")
    table = by_token(walk.graph, source)
    return Load(stream, Constant(table.wide() * op.multiplier), op.table, rescale=rescale)


def part(graph: Graph, edge: str) -> Graph:
    """A graph up to one of its edges."""
    return Graph(graph.name, graph.inputs, before(graph, edge), edge)


def before(graph: Graph, edge: str) -> tuple[Node, ...]:
    """The nodes that an edge depends on, and its own."""
    needed = {edge}
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
    return tuple(node for node in graph if node.name in needed)


def _placed(front: tuple[Node, ...]) -> set[str]:
    """Edges that depend on the position."""
    found: set[str] = set()
    for node in front:
        if isinstance(node.op, Position | Rotary) or found.intersection(node.inputs):
            found.add(node.name)
    return found


def by_token(graph: Graph, edge: str) -> Constant:
    """The rows of an edge that depends on the identifier alone: (vocabulary, channels)."""
    tokens, vocabulary = graph.input.tokens, graph.input.hi + 1
    (*_, last) = before(graph, edge)
    if isinstance(last.op, Embedding):
        return Constant(last.op.reachable(graph.input))
    from accel import reference

    identifiers = np.arange(-(-vocabulary // tokens) * tokens).clip(max=vocabulary - 1)
    rows = reference.run(part(graph, edge), identifiers.reshape(-1, tokens, 1))
    return Constant(np.asarray(rows).reshape(-1, graph.tensors[edge].channels)[:vocabulary])
