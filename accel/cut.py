"""A part of a graph as a graph of its own: what one layer does, from the edges before it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from accel.errors import GraphError
from accel.graph import Graph, Node
from accel.ops.dense.op import Dense
from accel.ops.rescale.op import Rescale
from accel.tensor import Tensor


def cut(graph: Graph, outputs: str | Collection[str], ends: Collection[str]) -> Graph:
    """The nodes that compute `outputs` from edges in `ends`, as a graph whose inputs are those of them that are read.

    Edges and nodes keep their names. Raises GraphError when an output is no node's, or when an input of the graph is
    reached and is not in `ends`.
    """
    wanted = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    makers = {node.name: node for node in graph}
    for output in wanted:
        if output not in makers:
            raise GraphError(f"edge {output!r} is the input of the graph: no operator computes it")
    needed, read, pending = set(wanted), set[str](), [(name, end) for end in wanted for name in makers[end].inputs]
    while pending:
        name, output = pending.pop()
        if name in needed:
            continue
        if name in ends:
            read.add(name)
        elif name not in makers:
            raise GraphError(f"edge {output!r} depends on {name!r}, which is not among the inputs of the part")
        else:
            needed.add(name)
            pending += [(source, output) for source in makers[name].inputs]
    inputs = {name: tensor for name, tensor in graph.tensors.items() if name in read}
    return Graph(graph.name, inputs, [node for node in graph if node.name in needed], wanted)


def side_by_side(graph: Graph) -> Graph:
    """The graph with one input, which has the channels of all, for hardware that has one stream of data in.

    A matrix of zeros and ones takes each input apart again. Raises GraphError when they have different numbers of
    tokens.
    """
    if len(graph.inputs) == 1:
        return graph
    tokens = {tensor.tokens for tensor in graph.inputs.values()}
    if len(tokens) > 1:
        raise GraphError(f"its inputs have {' and '.join(map(str, sorted(tokens)))} tokens; they cannot enter together")
    channels = [tensor.channels for tensor in graph.inputs.values()]
    lo, hi = min(tensor.lo for tensor in graph.inputs.values()), max(tensor.hi for tensor in graph.inputs.values())
    rows = np.split(np.eye(sum(channels), dtype=np.int64), np.cumsum(channels)[:-1])
    taken = set(graph.tensors)
    source, nodes = _free("joined", taken), list[Node]()
    for (name, tensor), select in zip(graph.inputs.items(), rows, strict=True):
        chosen = _free(f"{name}/chosen", taken)
        nodes.append(Node(chosen, Dense(select, np.zeros(len(select))), (source,)))
        nodes.append(Node(name, Rescale(np.ones(1), 0, "floor", tensor.lo, tensor.hi), (chosen,), tensor.scale))
    joined = Tensor((tokens.pop(), sum(channels)), lo, hi)
    return Graph(graph.name, {source: joined}, (*nodes, *graph.nodes), graph.outputs)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
