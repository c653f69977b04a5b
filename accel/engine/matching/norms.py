"""Norms of the residual stream, with the mean that may be subtracted in front of one."""

from __future__ import annotations

import numpy as np

from accel.engine.macros import Mean, Normalize
from accel.engine.matching.walk import Walk
from accel.graph import Node
from accel.ops.add.op import Add
from accel.ops.dense.op import Dense
from accel.ops.norm.op import Norm
from accel.ops.rescale.op import Rescale


def norms(walk: Walk) -> dict[str, Normalize]:
    """Node → macro operation, for every norm; nodes of means are marked. Raises UserError for norms of heads."""
    return {node.name: _normalize(walk, node) for node in walk.nodes.values() if isinstance(node.op, Norm)}


def _normalize(walk: Walk, node: Node) -> Normalize:
    (source,), op = walk.inputs(node), node.op
    assert isinstance(op, Norm)
    if op.row and op.row != walk.tensor(source).channels:
        raise walk.refusal(node.name, "the engine normalizes all channels of a token, not those of a head")
    walk.use(node)
    mean = _mean(walk, source)
    if mean:
        return Normalize(mean[0], node.name, op, mean[1], in_place=_is_stream(walk, node.name))
    return Normalize(source, node.name, op, in_place=_is_stream(walk, node.name))


def _is_stream(walk: Walk, edge: str) -> bool:
    """Is an edge normalized again, or added to?"""
    return any(isinstance(node.op, Norm | Add) or sums_all(node) for node in walk.readers(edge))


def sums_all(node: Node) -> bool:
    """Is a node the sum of all channels, as in front of a mean?"""
    return isinstance(node.op, Dense) and node.op.weight.shape[0] == 1 and _is_only(node.op, 1)


def _is_only(op: Dense, weight: int) -> bool:
    return op.bias.magnitude == 0 and op.weight.lo == op.weight.hi == weight


def _mean(walk: Walk, edge: str) -> tuple[str, Mean] | None:
    """The edge from which a mean was subtracted, and that mean, where an edge is such a difference."""
    add = walk.nodes.get(edge)
    if add is None or not isinstance(add.op, Add) or list(add.op.multipliers) != [1, 1]:
        return None
    for x, other in (walk.inputs(add), walk.inputs(add)[::-1]):
        nodes = _back(walk, other, 3)
        if len(nodes) == 3 and walk.inputs(nodes[2]) == (x,) and _are_mean(*nodes):
            walk.use(add, *nodes)
            rescale = nodes[1].op
            assert isinstance(rescale, Rescale)
            return x, Mean(rescale)
    return None


def _back(walk: Walk, edge: str, count: int) -> list[Node]:
    """The last nodes of a chain, the one that makes the edge first; every other one is read once."""
    found: list[Node] = []
    while len(found) < count and edge in walk.nodes and len(walk.nodes[edge].inputs) == 1 and walk.only(edge):
        found.append(walk.nodes[edge])
        edge = walk.inputs(found[-1])[0]
    return found


def _are_mean(everywhere: Node, rounded: Node, total: Node) -> bool:
    """A sum over channels, its rounding, and its negative for every channel."""
    spreads = isinstance(everywhere.op, Dense) and everywhere.op.weight.shape[1] == 1 and _is_only(everywhere.op, -1)
    return spreads and isinstance(rounded.op, Rescale) and sums_all(total)


def ones(size: int, rows: int) -> np.ndarray:
    """The matrix that sums as many neighbouring inputs for every row."""
    return np.repeat(np.eye(rows, dtype=np.int64), size // rows, axis=1)
