"""A causal graph as macro operations of the decode engine: what every node is for it.

    macros = match(graph)

Nodes are visited in order. A norm, a matrix and a product of queries and keys each begin a macro operation, which takes
the nodes behind it as far as it goes. What no macro operation takes is refused.
"""

from __future__ import annotations

from dataclasses import replace

from accel.engine.macros import (
    Attend,
    Load,
    Macro,
    MacroGraph,
    Multiply,
    Normalize,
    ToKeys,
    ToQueries,
    ToResidual,
    ToValues,
    ToVector,
)
from accel.engine.matching.attention import attend
from accel.engine.matching.load import load
from accel.engine.matching.matrices import multiply
from accel.engine.matching.norms import norms
from accel.engine.matching.requirements import require
from accel.engine.matching.vectors import to_matrices
from accel.engine.matching.walk import Walk
from accel.errors import UserError
from accel.graph import Graph, Node
from accel.ops.add.op import Add
from accel.ops.blockfloat.op import BlockFloat
from accel.ops.dense.op import Dense
from accel.ops.matmul.op import MatMul

REMEDY = "only a vector that matrices alone read has an exponent, one per token: lower with the recipe E9"
CACHED: dict[type, str] = {ToQueries: "queries", ToKeys: "keys", ToValues: "values"}


def match(graph: Graph) -> MacroGraph:
    """The macro operations of a causal graph.

    Raises UserError, naming the graph, the node and what to change, where a node has no place on the engine.
    """
    from accel.reference import decoding

    decoding.rows(graph)
    walk = _entered(graph)
    matcher = _Matcher(walk)
    for node in walk.nodes.values():
        if node.name in matcher.norms or not walk.is_used(node):
            matcher.take(node)
    return matcher.result()


def _entered(graph: Graph) -> Walk:
    """A graph of one input, identifiers from 0 on, and one output."""
    why, ends = f"{graph.name} does not fit the engine", (len(graph.inputs), len(graph.outputs))
    if ends != (1, 1):
        raise UserError(
            f"{why}: it has {ends[0]} inputs and {ends[1]} outputs; the engine takes identifiers, one output"
        )
    if graph.input.channels != 1 or graph.input.lo != 0:
        raise UserError(f"{why}: input {graph.input_name!r} is not identifiers from 0 on, one per token")
    walk = Walk(graph)
    _require_static(walk)
    return walk


def _require_static(walk: Walk) -> None:
    """Raise UserError for an exponent that follows the token."""
    for node in walk.nodes.values():
        if isinstance(node.op, BlockFloat):
            raise walk.refusal(node.name, f"its exponents are 0 to {_most(node, walk)}; {REMEDY}")


def blocked(macro: Macro, walk: Walk) -> Macro:
    """A macro operation whose vector has an exponent, where a BlockFloat makes one of it.

    Raises UserError for an exponent of what is no vector for matrices, and for one where a bias is added.
    """
    if isinstance(macro, Multiply):
        if isinstance(macro.to, ToVector):
            macro = replace(macro, to=replace(macro.to, block=_block(macro.to.edge, walk)))
        elif node := walk.blocks.get(macro.to.edge):
            raise walk.refusal(node.name, f"its exponents are 0 to {_most(node, walk)}; {REMEDY}")
        if macro.source in walk.blocks and (macro.dense.bias.magnitude or _is_aligned(macro)):
            raise walk.refusal(macro.sums, "a bias or the residual stream is added to sums that have an exponent")
        return macro
    return macro if isinstance(macro, Load) else replace(macro, block=_block(macro.edge, walk))


def _is_aligned(macro: Multiply) -> bool:
    return isinstance(macro.to, ToResidual) and macro.to.aligned > 0


def _most(node: Node, walk: Walk) -> int:
    """The largest exponent of a BlockFloat."""
    assert isinstance(node.op, BlockFloat)
    return node.op.exponent(walk.tensor(node.inputs[0]))


def _block(edge: str, walk: Walk) -> BlockFloat | None:
    """The BlockFloat of a vector that has an exponent."""
    node = walk.blocks.get(edge)
    return node.op if node and isinstance(node.op, BlockFloat) else None


def copied(macro: Macro, edges: set[str]) -> Macro:
    """A macro operation that also makes a vector of the residual stream, where that is one of some edges."""
    if isinstance(macro, Multiply) and isinstance(macro.to, ToResidual) and macro.to.edge in edges:
        return replace(macro, to=replace(macro.to, copied=True))
    if isinstance(macro, Load | Normalize) and macro.edge in edges:
        return replace(macro, copied=True)
    return macro


class _Matcher:
    """Macro operations so far."""

    def __init__(self, walk: Walk) -> None:
        self.walk, self.norms = walk, norms(walk)
        walk.stream = self._first()
        self.macros: list[Macro] = [load(walk, walk.stream)]
        self.cached: dict[str, str] = {}

    def _first(self) -> str:
        """The first edge that is normalized, or that a matrix and a sum read. Raises UserError where there is none."""
        normalized = {norm.source for norm in self.norms.values()}
        for edge in self.walk.nodes:
            readers = self.walk.readers(edge)
            if edge in normalized or all(any(isinstance(one.op, kind) for one in readers) for kind in (Dense, Add)):
                return edge
        raise self.walk.refusal(
            self.walk.graph.input_name, "there is no residual stream, which is normalized or added to"
        )

    def take(self, node: Node) -> None:
        """Add the macro operation that begins with a node. Raises UserError where none does."""
        if node.name in self.norms:
            self.macros.append(self._normalized(node))
        elif isinstance(node.op, Dense):
            self.macros.append(self._multiplied(node))
        elif isinstance(node.op, MatMul):
            self.macros.append(attend(self.walk, node, self.cached))
        else:
            raise self.walk.refusal(node.name, "it belongs to no norm, matrix or attention of the engine")

    def _normalized(self, node: Node) -> Normalize:
        norm = self.norms[node.name]
        if norm.source != self.walk.stream:
            why = f"it normalizes {norm.source!r}; the only residual stream is {self.walk.stream!r} here"
            raise self.walk.refusal(node.name, why)
        if norm.in_place:
            self.walk.stream = node.name
        else:
            to_matrices(self.walk, node.name, Normalize)
        return norm

    def _multiplied(self, node: Node) -> Multiply:
        found = multiply(self.walk, node)
        if type(found.to) in CACHED:
            self.cached[found.to.edge] = CACHED[type(found.to)]
        return found

    def result(self) -> MacroGraph:
        """All of them, and the sizes that they agree on."""
        graph = self.walk.graph
        require(self.walk, self.macros)
        attention = next((macro for macro in self.macros if isinstance(macro, Attend)), None)
        if attention is None:
            raise self.walk.refusal(
                graph.input_name, "there is no attention; accel lower makes dataflow of such a graph"
            )
        size = self.walk.tensor(attention.queries).channels // attention.heads
        width = self.walk.tensor(self.walk.stream).channels
        macros = [copied(blocked(macro, self.walk), self.walk.copied) for macro in self.macros]
        sizes = width, graph.input.hi + 1, graph.input.tokens, attention.heads, attention.kv_heads, size
        return MacroGraph(graph, tuple(macros), *sizes)
