"""The norm of an embedding, computed in advance: one table row for every pair of an identifier and a position.

It saves the engine an instruction, and a table of all pairs is small where the vocabulary and the context are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accel.constants import Constant
from accel.engine.macros import Load, MacroGraph, Normalize
from accel.engine.matching.load import part
from accel.graph import Graph

LIMIT = 1 << 18
"""The most bits of such a table, unless the caller says otherwise."""


def folded(network: MacroGraph, limit: int = LIMIT) -> MacroGraph:
    """A network whose embedding is normalized in advance, if the table has at most `limit` bits, or the network itself.

    Only a norm that makes the residual stream can be folded: what any other one reads is needed later.
    """
    load, norm = network.macros[:2]
    if not isinstance(load, Load) or not isinstance(norm, Normalize) or not norm.in_place:
        return network
    if table_bits(network, norm.edge) > limit:
        return network
    both = Load(norm.edge, None, by_both=_by_both(network.graph, norm.edge))
    return replace(network, macros=(both, *network.macros[2:]))


def table_bits(network: MacroGraph, edge: str) -> int:
    """Bits of a table of all pairs for an edge."""
    return network.vocabulary * network.context * network.width * network.graph.tensors[edge].width


def _by_both(graph: Graph, edge: str) -> Constant:
    """Rows of an edge for every identifier at every position: (vocabulary, context, channels)."""
    from accel import reference

    identifiers = np.arange(graph.input.hi + 1).reshape(-1, 1, 1).repeat(graph.input.tokens, axis=1)
    return Constant(np.asarray(reference.run(part(graph, edge), identifiers)))
