"""Activations that multiply: x · table(x), alone or with the rows of another matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel.engine.macros import Gate, Multiply, ToVector
from accel.engine.matching.rounding import ROUNDINGS, rounded
from accel.engine.matching.vectors import to_matrices, vector
from accel.engine.matching.walk import Walk
from accel.engine.rounding import rescale as rescaled
from accel.graph import Node
from accel.ops.dense.op import Dense
from accel.ops.lookup.op import Lookup
from accel.ops.mul.op import Mul
from accel.ops.rescale.op import Rescale

FOLDED_BITS = 12
"""x · table(x) becomes a table itself where x has at most as many bits."""


@dataclass(frozen=True)
class _Half:
    """A matrix with rounded sums, and the activation behind them if there is one; `edge` is what comes of it."""

    node: Node
    edge: str
    rescale: Rescale
    gate: Gate | None


def gated(walk: Walk, node: Node, source: str, edge: str, rescale: Rescale) -> Multiply:
    """A matrix whose rounded sums are multiplied. Raises UserError, naming the node, for anything but an activation."""
    half = _half(walk, node, edge, rescale)
    product = walk.only(half.edge)
    if product is None or not isinstance(product.op, Mul):
        return _alone(walk, half, source, edge)
    first, second = (name for name in walk.inputs(product))
    partner = _matrix_behind(walk, product, second if first == half.edge else first)
    walk.use(product, partner)
    if vector(walk, partner) != source:
        raise walk.refusal(partner.name, f"it is multiplied with {node.name!r} and reads another vector than it")
    halves = half, _half(walk, partner, *rounded(walk, partner.name))
    if {one.edge for one in halves} != {first, second} or all(one.gate for one in halves):
        raise walk.refusal(product.name, "it is no product of an activation and another matrix' rounded sums")
    gate, up = sorted(halves, key=lambda one: (one.gate is None, one.edge != first))
    hidden_edge, hidden = rounded(walk, product.name)
    to = ToVector(to_matrices(walk, hidden_edge, ToVector), up.rescale)
    opens = gate.gate or _open(gate.rescale)
    return Multiply(source, up.node.name, _dense(up), to, (_dense(gate), opens), hidden)


def _dense(half: _Half) -> Dense:
    assert isinstance(half.node.op, Dense)
    return half.node.op


def _half(walk: Walk, node: Node, edge: str, rescale: Rescale) -> _Half:
    """A matrix up to the product with another one."""
    product = next((n for n in walk.readers(edge) if isinstance(n.op, Mul) and _path(walk, n, edge)), None)
    if product is None:
        return _Half(node, edge, rescale, None)
    path = _path(walk, product, edge)
    walk.use(product, *path)
    x = walk.tensor(edge)
    narrowed = path[0].op if len(path) == 2 else Rescale([1], 0, rescale.rounding, x.lo, x.hi)
    opened_edge, opened = rounded(walk, product.name)
    lookup = path[-1].op
    assert isinstance(narrowed, Rescale)
    assert isinstance(lookup, Lookup)
    return _Half(node, opened_edge, rescale, Gate(rescale, narrowed, lookup, opened))


def _path(walk: Walk, product: Node, edge: str) -> list[Node]:
    """The nodes between an edge and the table of it that it is multiplied with; none where it is no such product."""
    others = [name for name in walk.inputs(product) if name != edge]
    lookup = walk.nodes.get(others[0]) if others else None
    if lookup is None or not isinstance(lookup.op, Lookup):
        return []
    (x,) = walk.inputs(lookup)
    if x == edge:
        return [lookup]
    narrowed = walk.nodes.get(x)
    if narrowed and isinstance(narrowed.op, Rescale) and walk.inputs(narrowed) == (edge,) and walk.only(x):
        return [narrowed, lookup]
    return []


def _matrix_behind(walk: Walk, product: Node, edge: str) -> Node:
    """The matrix that an operand of a product comes from."""
    node = walk.nodes.get(edge)
    while node and not isinstance(node.op, Dense):
        node = walk.nodes.get(walk.inputs(node)[0])
    if node is None or walk.is_used(node):
        raise walk.refusal(product.name, f"{edge!r} is no rounded sum of a matrix of its own, which a gate opens")
    return node


def _open(rescale: Rescale) -> Gate:
    """A gate that is its rounded sum itself, such as a ReLU."""
    always = Rescale([1], 0, rescale.rounding, 0, 0)
    return Gate(rescale, always, Lookup([1], 0), Rescale([1], 0, rescale.rounding, rescale.lo, rescale.hi))


def _alone(walk: Walk, half: _Half, source: str, edge: str) -> Multiply:
    """x · table(x) as one table."""
    x, gate = walk.tensor(edge), half.gate
    if gate is None:
        raise walk.refusal(walk.readers(edge)[0].name, f"it multiplies {edge!r} with no table of it and no matrix")
    if x.width > FOLDED_BITS:
        why = f"a table of {x.width} bits, at most {FOLDED_BITS} fit: lower the bits of `gates` in the recipe"
        raise walk.refusal(half.edge, why)
    for op in (gate.narrowed, gate.opened):
        if op.rounding not in ROUNDINGS or len(op.multiplier) > 1:
            raise walk.refusal(half.edge, f"it rounds {op.rounding!r} or by channel; a table rounds {ROUNDINGS[0]}")
    values = np.arange(x.lo, x.hi + 1)
    opening = gate.lookup.table.wide()[rescaled(gate.narrowed, values) - gate.lookup.base]
    lookup = Lookup(rescaled(gate.opened, values * opening), x.lo)
    to = ToVector(to_matrices(walk, half.edge, ToVector), half.rescale, lookup)
    return Multiply(source, half.node.name, _dense(half), to)
