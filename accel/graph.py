"""The integer graph: the contract between training and every implementation.

Every edge carries integers of a declared range; its scale is metadata. A node has one output, and
the edge is called by the node's name. Construction checks the grammar: a `Graph` that exists is valid.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from accel.errors import GraphError
from accel.numeric import INT64_EXACT, carrier, usable
from accel.op import Op
from accel.tensor import Scale, Tensor

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Node:
    """An operator instance. `name` also names its output edge; `scale` is that edge's metadata."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    scale: Scale = 1.0


@dataclass(frozen=True, init=False)
class Graph:
    """Nodes in execution order, with named inputs and outputs in an order.

    `outputs` are names of edges, or the name of the only one. Raises GraphError, naming the node, when an edge is
    missing, a name is used twice, an output is used by no node, or an operator refuses its inputs.
    """

    name: str
    inputs: Mapping[str, Tensor]
    nodes: tuple[Node, ...]
    outputs: Mapping[str, Tensor]
    tensors: dict[str, Tensor] = field(init=False, compare=False, repr=False)

    def __init__(
        self, name: str, inputs: Mapping[str, Tensor], nodes: Iterable[Node], outputs: str | Iterable[str]
    ) -> None:
        ends = (outputs,) if isinstance(outputs, str) else tuple(outputs)
        values = {"name": name, "inputs": dict(inputs), "nodes": tuple(nodes)}
        for key, value in values.items():
            object.__setattr__(self, key, value)
        object.__setattr__(self, "tensors", self._infer(ends))
        object.__setattr__(self, "outputs", {end: self.tensors[end] for end in ends})

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.name, *self.inputs.items(), self.nodes, *self.outputs))

    def __getstate__(self) -> dict[str, Any]:
        """Leave the hash out of a pickle: strings have other ones in every process."""
        return {key: value for key, value in self.__dict__.items() if key != "_hash"}

    def _infer(self, outputs: tuple[str, ...]) -> dict[str, Tensor]:
        if not self.inputs or not outputs:
            raise GraphError(f"graph {self.name!r}: there is at least one input and one output")
        for name, tensor in self.inputs.items():
            if tensor.magnitude >= INT64_EXACT:
                raise GraphError(f"input {name!r} needs {tensor.width} bits; at most 62 are exact")
        tensors = dict(self.inputs)
        for node in self.nodes:
            if node.name in tensors:
                raise GraphError(f"node {node.name!r}: the name is already taken; names must be unique")
            missing = [name for name in node.inputs if name not in tensors]
            if missing:
                raise GraphError(f"node {node.name!r}: input {missing[0]!r} is produced by no earlier node")
            tensors[node.name] = self._output_of(node, tensors)
        missing = [name for name in outputs if name not in tensors]
        if missing:
            raise GraphError(f"output {missing[0]!r} is produced by no node")
        used = {name for node in self.nodes for name in node.inputs} | set(outputs)
        dangling = [name for name in tensors if name not in used]
        if dangling:
            raise GraphError(f"edge {dangling[0]!r} is used by no node and is not the output")
        return tensors

    @staticmethod
    def _output_of(node: Node, tensors: dict[str, Tensor]) -> Tensor:
        if len(node.inputs) != node.op.arity:
            raise GraphError(
                f"node {node.name!r} ({node.op.kind}): takes {node.op.arity} inputs, got {len(node.inputs)}"
            )
        try:
            out = node.op.infer(*(tensors[name] for name in node.inputs))
            return replace(out, scale=node.scale)
        except GraphError as error:
            raise GraphError(f"node {node.name!r} ({node.op.kind}): {error}") from None

    @cached_property
    def carriers(self) -> dict[str, torch.dtype]:
        """Per node, the cheapest torch dtype that is exact for every value in it: inputs, intermediates and output."""
        found = {}
        for node in self.nodes:
            inputs, _ = self.ends(node)
            found[node.name] = usable(node.op.narrow(*inputs)) or carrier(self.peak(node))
        return found

    def peak(self, node: Node) -> int:
        """Bound on every value in a node: inputs, intermediates and output."""
        inputs, output = self.ends(node)
        return max(node.op.peak(*inputs), output.magnitude, *(t.magnitude for t in inputs))

    @cached_property
    def consumers(self) -> dict[str, tuple[Node, ...]]:
        """Per edge, the nodes that read it, in execution order (a node that reads it twice counts twice)."""
        found: dict[str, list[Node]] = {name: [] for name in self.tensors}
        for node in self.nodes:
            for name in node.inputs:
                found[name].append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    def ends(self, node: Node) -> tuple[tuple[Tensor, ...], Tensor]:
        """Input tensors and output tensor of a node."""
        return tuple(self.tensors[name] for name in node.inputs), self.tensors[node.name]

    @property
    def input_name(self) -> str:
        """Name of the only input. Raises GraphError where there are several, as all four of these do."""
        return self._only("inputs", self.inputs)

    @property
    def input(self) -> Tensor:
        """The only input."""
        return self.inputs[self.input_name]

    @property
    def output(self) -> str:
        """Name of the only output."""
        return self._only("outputs", self.outputs)

    @property
    def output_tensor(self) -> Tensor:
        """The only output."""
        return self.outputs[self.output]

    def _only(self, what: str, ends: Mapping[str, Tensor]) -> str:
        if len(ends) > 1:
            join = "accel.cut.side_by_side(graph) joins inputs, and " if what == "inputs" else ""
            raise GraphError(
                f"graph {self.name!r} has {len(ends)} {what} ({', '.join(map(repr, ends))}) where one is possible: "
                f"export the part that has one; in Python, {join}accel.cut.cut(graph, …) cuts a part out"
            )
        return next(iter(ends))

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one sample in Dense and MatMul nodes."""
        return sum(node.op.macs(*self.ends(node)) for node in self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)
