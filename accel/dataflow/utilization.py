"""Count of attention's products: a causal mask hides some keys, whose products are not needed."""

from __future__ import annotations

from collections.abc import Iterator

from accel.graph import Graph, Node
from accel.ops.matmul.op import MatMul
from accel.ops.softmax.op import Softmax


def useful_macs(graph: Graph) -> int:
    """Multiply-accumulates of one sample without those whose key the query may not see.

    Of T queries the i-th sees all but T − 1 − i keys, so a causal MatMul has T (T − 1) / 2 masked pairs, of all heads.
    """
    masked = 0
    for node in _masked(graph):
        (queries, keys), output = graph.ends(node)
        per_pair = node.op.macs((queries, keys), output) // (queries.tokens * keys.tokens)
        masked += queries.tokens * (queries.tokens - 1) // 2 * per_pair
    return graph.macs - masked


def _masked(graph: Graph) -> Iterator[Node]:
    """The MatMuls in front of and behind every causal Softmax, with element-wise operators between."""
    nodes = {node.name: node for node in graph}
    for node in graph:
        if not isinstance(node.op, Softmax) or not node.op.causal:
            continue
        before = node
        while len(before.inputs) == 1 and before.inputs[0] in nodes:
            before = nodes[before.inputs[0]]
        if isinstance(before.op, MatMul):
            yield before
        after = node
        while len(graph.consumers[after.name]) == 1 and len(after.inputs) == 1:
            (after,) = graph.consumers[after.name]
        if isinstance(after.op, MatMul):
            yield after
