"""A causal graph while it is matched: nodes that change nothing are left out, those that have a place are marked."""

from __future__ import annotations

from accel.errors import UserError
from accel.graph import Graph, Node
from accel.op import Op
from accel.ops.blockfloat.op import BlockFloat
from accel.ops.dense.op import Dense
from accel.ops.rescale.op import Rescale
from accel.tensor import Tensor


class Walk:
    """Nodes of a graph by the edge that they make, their readers, and what is known of the way so far.

    A BlockFloat whose exponent is always 0 changes no integer: its readers read what it reads. So do those of one that
    gives all channels of an edge one exponent for matrices, and is all that reads the edge: `blocks` has it.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: dict[str, Node] = {}
        self.stream = ""
        """The edge that is the residual stream now."""
        self.vectors: dict[type, str] = {}
        """What makes a vector → the last one that it made, which matrices may read."""
        self.copied: set[str] = set()
        """Edges of the residual stream that matrices read."""
        self.blocks: dict[str, Node] = {}
        """Edge → the BlockFloat between it and its readers."""
        self._used: set[str] = set()
        self._same: dict[str, str] = {}
        for node in graph:
            if self._changes_nothing(node) or self._is_block(node):
                self._same[node.name] = self.same(node.inputs[0])
            else:
                self.nodes[node.name] = node
        self._readers: dict[str, list[Node]] = {name: [] for name in (*graph.inputs, *self.nodes)}
        for node in self.nodes.values():
            for name in dict.fromkeys(self.inputs(node)):
                self._readers[name].append(node)
        self.outputs = {self.same(name) for name in graph.outputs}

    def _changes_nothing(self, node: Node) -> bool:
        return isinstance(node.op, BlockFloat) and node.op.exponent(self.graph.tensors[node.inputs[0]]) == 0

    def _is_block(self, node: Node) -> bool:
        """Does a node give an edge one exponent per token? It is then entered in `blocks`."""
        source = self.same(node.inputs[0])
        if not isinstance(node.op, BlockFloat) or node.op.size(self.tensor(source)) != self.tensor(source).channels:
            return False
        if source in self.graph.outputs or self.graph.consumers[source] != (node,):
            return False
        if not all(isinstance(reader.op, Dense) for reader in self.graph.consumers[node.name]):
            return False
        self.blocks[source] = node
        return True

    def same(self, edge: str) -> str:
        """The edge whose integers another one has, or the edge itself."""
        return self._same.get(edge, edge)

    def inputs(self, node: Node) -> tuple[str, ...]:
        """Edges that a node reads."""
        return tuple(self.same(name) for name in node.inputs)

    def readers(self, edge: str) -> list[Node]:
        """Nodes that read an edge, each once."""
        return self._readers[edge]

    def tensor(self, edge: str) -> Tensor:
        return self.graph.tensors[edge]

    def only(self, edge: str) -> Node | None:
        """The only reader of an edge that is no output; None where there are more or none."""
        readers = self.readers(edge)
        return readers[0] if len(readers) == 1 and edge not in self.outputs else None

    def follow(self, edge: str, kind: type[Op], what: str) -> Node:
        """The only reader of an edge, which is of a kind. Raises UserError where it is not."""
        node = self.only(edge)
        if node is None:
            raise self.refusal(edge, f"{what} goes to one node; this goes to {self._told(edge)}")
        if not isinstance(node.op, kind):
            raise self.refusal(node.name, f"{what} goes to a {kind.__name__}; {edge!r} goes here")
        self.use(node)
        return node

    def _told(self, edge: str) -> str:
        readers = [repr(node.name) for node in self.readers(edge)]
        return " and ".join(readers + ["the output"] * (edge in self.outputs))

    def use(self, *nodes: Node) -> None:
        """Nodes that have a place."""
        self._used.update(node.name for node in nodes)

    def is_used(self, node: Node) -> bool:
        return node.name in self._used

    def refusal(self, edge: str, why: str) -> UserError:
        """The error for a node that has no place."""
        node = self.nodes.get(edge)
        kind = f"node {edge!r} ({node.op.kind})" if node else f"input {edge!r}"
        return UserError(f"{self.graph.name} does not fit the engine: {kind}: {why}")

    def is_identity(self, node: Node) -> bool:
        """Does a Rescale change no integer of its edge?"""
        op, x = node.op, self.tensor(node.inputs[0])
        return isinstance(op, Rescale) and is_clip(op) and op.lo <= x.lo and x.hi <= op.hi


def is_clip(op: Rescale) -> bool:
    """Does a Rescale round nothing?"""
    return op.is_shift and op.shift == 0


def is_exact(x: Tensor, op: Rescale) -> bool:
    """Does a Rescale only multiply an edge?"""
    ends = [end * factor for end in (x.lo, x.hi) for factor in (op.multiplier.lo, op.multiplier.hi)]
    return op.shift == 0 and op.lo <= min(ends) and max(ends) <= op.hi


def clipped(op: Rescale, by: Rescale) -> Rescale:
    """A Rescale, and another one behind it that only clips, as one."""
    lo, hi = (min(max(end, by.lo), by.hi) for end in (op.lo, op.hi))
    return Rescale(op.multiplier, op.shift, op.rounding, lo, hi)
