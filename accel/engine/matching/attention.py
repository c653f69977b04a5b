"""Attention: scores, shares and values of one layer."""

from __future__ import annotations

from accel.engine.macros import Attend
from accel.engine.matching.norms import ones
from accel.engine.matching.rounding import rounded
from accel.engine.matching.vectors import to_matrices
from accel.engine.matching.walk import Walk
from accel.graph import Node
from accel.ops.dense.op import Dense
from accel.ops.divide.op import Divide
from accel.ops.exponential.op import Exponential
from accel.ops.matmul.op import MatMul
from accel.ops.rescale.op import Rescale
from accel.ops.softmax.op import Softmax


def attend(walk: Walk, node: Node, cached: dict[str, str]) -> Attend:
    """Attention from its product of queries and keys; `cached` says which edges are queries, keys and values."""
    product = node.op
    assert isinstance(product, MatMul)
    walk.use(node)
    queries, keys = walk.inputs(node)
    if product.form != "scores" or cached.get(queries) != "queries" or cached.get(keys) != "keys":
        raise walk.refusal(node.name, "attention begins with queries times keys, each a matrix' rounded sums")
    score_edge, scores = rounded(walk, node.name)
    if len(scores.multiplier) > 1:
        raise walk.refusal(score_edge, "scores of keys have multipliers of their own; the engine has one for all")
    shares = _shares(walk, score_edge)
    by = _product(walk, shares.name, product)
    values = walk.inputs(by)[1]
    if cached.get(values) != "values":
        raise walk.refusal(by.name, f"{values!r} is no matrix' rounded sums, which the engine keeps as values")
    edge, last = _weighted(walk, shares, by, product)
    rescale, divide = (last, None) if isinstance(last, Rescale) else (None, last)
    assert isinstance(shares.op, Softmax | Exponential)
    edges = score_edge, shares.name, by.name
    vector = to_matrices(walk, edge, Attend)
    heads = product.heads, product.kv_heads
    return Attend(queries, keys, values, vector, *heads, scores, shares.op, rescale, divide, edges)


def _shares(walk: Walk, scores: str) -> Node:
    """The causal Softmax or Exponential of scores."""
    node = walk.only(scores)
    if node is None or not isinstance(node.op, Softmax | Exponential):
        raise walk.refusal(node.name if node else scores, "rounded scores go to a causal Softmax or Exponential alone")
    if not node.op.causal or node.op.row != walk.graph.input.tokens:
        raise walk.refusal(node.name, "it is not causal over all tokens of the graph")
    walk.use(node)
    return node


def _product(walk: Walk, shares: str, scores: MatMul) -> Node:
    """The product of shares and values."""
    for node in walk.readers(shares):
        if isinstance(node.op, MatMul) and walk.inputs(node)[0] == shares:
            if (node.op.heads, node.op.kv_heads) != (scores.heads, scores.kv_heads):
                raise walk.refusal(node.name, "its heads are not those of the scores")
            walk.use(node)
            return node
    first = walk.readers(shares)
    raise walk.refusal(first[0].name if first else shares, "shares of attention weight values, and nothing else")


def _weighted(walk: Walk, shares: Node, by: Node, product: MatMul) -> tuple[str, Rescale | Divide]:
    """The edge of what attention returns, and its rounding: of a Softmax a Rescale, of an Exponential a Divide."""
    if isinstance(shares.op, Softmax):
        if walk.only(shares.name) is None:
            raise walk.refusal(shares.name, "shares of attention are read by more than the product with values")
        return rounded(walk, by.name)
    divide = walk.follow(by.name, Divide, "values that are weighted with exponentials")
    sums = walk.nodes.get(walk.inputs(divide)[1])
    rest = [node for node in walk.readers(shares.name) if node is not by]
    if sums is None or rest != [sums] or not _sums_keys(sums, product.heads):
        raise walk.refusal(divide.name, "it divides by something else than the sum of each head's exponentials")
    walk.use(sums)
    assert isinstance(divide.op, Divide)
    return divide.name, divide.op


def _sums_keys(node: Node, heads: int) -> bool:
    """Is a node the sum of every head's keys?"""
    if not isinstance(node.op, Dense) or node.op.bias.magnitude:
        return False
    rows, size = node.op.weight.shape
    return rows == heads and bool((node.op.weight.wide() == ones(size, heads)).all())
