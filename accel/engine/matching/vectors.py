"""Vectors: what matrices read, and what only matrices read."""

from __future__ import annotations

from accel.engine.matching.walk import Walk
from accel.graph import Node
from accel.ops.dense.op import Dense


def vector(walk: Walk, node: Node) -> str:
    """The vector that a matrix reads. Raises UserError where it reads anything else."""
    (source,) = walk.inputs(node)
    if source == walk.stream:
        walk.copied.add(source)
    elif source not in walk.vectors.values():
        why = f"a matrix reads the last vector of its kind, which a norm or a rounding made; this reads {source!r}"
        raise walk.refusal(node.name, why)
    return source


def to_matrices(walk: Walk, edge: str, kind: type) -> str:
    """A vector, which only matrices read, made by a kind of macro operation. Raises UserError on other readers."""
    for node in walk.readers(edge):
        if not isinstance(node.op, Dense):
            raise walk.refusal(node.name, f"it reads {edge!r}, a vector that the engine keeps for matrices alone")
    if edge in walk.outputs:
        raise walk.refusal(edge, "it is an output; the engine gives logits alone")
    walk.vectors[kind] = edge
    return edge
