"""A part of a graph as a graph of its own: what one layer does, from the edges before it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from accel.errors import GraphError
from accel.graph import Graph, Node
from accel.ops.dense.op import Dense
from accel.ops.rescale.op import Rescale
from accel.tensor import Tensor


def cut(graph: Graph, output: str, ends: Collection[str]) -> tuple[Graph, tuple[str, ...]]:
    """The nodes that compute edge `output` from edges in `ends`, and which of these they read, in order.

    Edges and nodes keep their names. A graph has one input: several edges enter side by side in its channels, and are
    taken apart by a matrix of zeros and ones each. Raises GraphError when `output` is no node's, when the input of the
    graph is reached and is not in `ends`, or when the edges that are read have different numbers of tokens.
    """
    makers = {node.name: node for node in graph}
    if output not in makers:
        raise GraphError(f"edge {output!r} is the input of the graph: no operator computes it")
    needed, read, pending = {output}, set[str](), list(makers[output].inputs)
    while pending:
        name = pending.pop()
        if name in ends:
            read.add(name)
        elif name not in makers:
            raise GraphError(f"edge {output!r} depends on {name!r}, which is not among the inputs of the part")
        elif name not in needed:
            needed.add(name)
            pending += makers[name].inputs
    order = tuple(name for name in graph.tensors if name in read)
    nodes = tuple(node for node in graph if node.name in needed)
    if len(order) == 1:
        return Graph(graph.name, order[0], graph.tensors[order[0]], nodes, output), order
    joined, apart = _side_by_side({name: graph.tensors[name] for name in order}, set(graph.tensors))
    return Graph(graph.name, apart[0].inputs[0], joined, (*apart, *nodes), output), order


def _side_by_side(tensors: dict[str, Tensor], taken: set[str]) -> tuple[Tensor, list[Node]]:
    """One tensor with the channels of all, and nodes that take it apart again, each in its own range."""
    tokens = {tensor.tokens for tensor in tensors.values()}
    if len(tokens) > 1:
        raise GraphError(f"its inputs have {' and '.join(map(str, sorted(tokens)))} tokens; they cannot enter together")
    channels = [tensor.channels for tensor in tensors.values()]
    lo, hi = min(tensor.lo for tensor in tensors.values()), max(tensor.hi for tensor in tensors.values())
    rows = np.split(np.eye(sum(channels), dtype=np.int64), np.cumsum(channels)[:-1])
    source, nodes = _free("joined", taken), []
    for (name, tensor), select in zip(tensors.items(), rows, strict=True):
        chosen = _free(f"{name}/chosen", taken)
        nodes.append(Node(chosen, Dense(select, np.zeros(len(select))), (source,)))
        nodes.append(Node(name, Rescale(np.ones(1), 0, "floor", tensor.lo, tensor.hi), (chosen,), tensor.scale))
    return Tensor((tokens.pop(), sum(channels)), lo, hi), nodes


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
