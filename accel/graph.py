"""The integer graph: the contract between training and every implementation.

Every edge carries integers of a declared range; its scale is metadata. A node has one output, and
the edge is called by the node's name. Construction checks the grammar: a `Graph` that exists is valid.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isfinite, prod
from typing import TYPE_CHECKING

import numpy as np

from accel.errors import GraphError
from accel.numeric import INT64_EXACT, bits, carrier
from accel.op import Op
from accel.view import View

if TYPE_CHECKING:
    import torch

Scale = float | tuple[float, ...]


@dataclass(frozen=True)
class Tensor:
    """One edge: `shape` is (tokens, channels) without the sample axis, values lie in lo..hi.

    `scale` and `offset` (one number each, or one per channel) turn integers into real values, integer · scale + offset;
    nothing computes with them. Only a graph's input has an offset: what a file subtracts before its first quantizer.
    """

    shape: tuple[int, int]
    lo: int
    hi: int
    scale: Scale = 1.0
    offset: Scale = 0.0

    def __post_init__(self) -> None:
        if len(self.shape) != 2 or min(self.shape) < 1:
            raise GraphError(f"a tensor is (tokens, channels), both at least 1; got {self.shape}")
        if self.lo > self.hi:
            raise GraphError(f"empty range {self.lo}..{self.hi}")
        scales, offsets = (each if isinstance(each, tuple) else (each,) for each in (self.scale, self.offset))
        for name, numbers in (("scales", scales), ("offsets", offsets)):
            if len(numbers) not in (1, self.channels):
                raise GraphError(f"{len(numbers)} {name} for {self.channels} channels")
        if not all(isfinite(scale) and scale > 0 for scale in scales):
            raise GraphError(f"scales are finite and above 0; got {min(scales)}")
        if not all(map(isfinite, offsets)):
            raise GraphError("offsets are finite")

    @property
    def tokens(self) -> int:
        return self.shape[0]

    @property
    def channels(self) -> int:
        return self.shape[1]

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.tokens * self.channels

    @property
    def width(self) -> int:
        """Bits of one element."""
        return bits(self.lo, self.hi)[0]

    @property
    def signed(self) -> bool:
        return self.lo < 0

    @property
    def magnitude(self) -> int:
        """Largest absolute value."""
        return max(abs(self.lo), abs(self.hi))


@dataclass(frozen=True)
class Node:
    """An operator instance. `name` also names its output edge; `scale` is that edge's metadata."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    scale: Scale = 1.0


@dataclass(frozen=True)
class Graph:
    """Nodes in execution order, with one input and one output.

    `view`, if known, holds the shapes that input and output have in the file. Raises GraphError, naming the node, when
    an edge is missing, a name is used twice, an output is used by no node, or an operator refuses its inputs.
    """

    name: str
    input_name: str
    input: Tensor
    nodes: tuple[Node, ...]
    output: str
    view: View | None = field(default=None, compare=False)
    tensors: dict[str, Tensor] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", self._infer())
        if self.view and (self.view.edge != self.input.shape or prod(self.view.result) != self.output_tensor.size):
            raise GraphError(
                f"graph {self.name!r}: its view has input {self.view.edge} and result {self.view.result}, the graph "
                f"{self.input.shape} and {self.output_tensor.shape}: it is another graph's; use view=None here"
            )

    def _infer(self) -> dict[str, Tensor]:
        if self.input.magnitude >= INT64_EXACT:
            raise GraphError(f"input {self.input_name!r} needs {self.input.width} bits; at most 62 are exact")
        tensors = {self.input_name: self.input}
        for node in self.nodes:
            if node.name in tensors:
                raise GraphError(f"node {node.name!r}: the name is already taken; names must be unique")
            missing = [name for name in node.inputs if name not in tensors]
            if missing:
                raise GraphError(f"node {node.name!r}: input {missing[0]!r} is produced by no earlier node")
            tensors[node.name] = self._output_of(node, tensors)
        if self.output not in tensors:
            raise GraphError(f"output {self.output!r} is produced by no node")
        used = {name for node in self.nodes for name in node.inputs} | {self.output}
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

    def samples(self, x: np.ndarray) -> np.ndarray:
        """Samples, shaped as the file takes them or (samples, tokens, channels), as (samples, tokens, channels).

        Raises UserError on any other shape. A graph that was not made from a file takes only the latter.
        """
        return self.view.samples(np.asarray(x)) if self.view else np.asarray(x)

    def predict(self, x: np.ndarray, *, device: str = "cpu") -> np.ndarray:
        """Real samples, shaped as the file takes them → real results (samples, …) as the file has them, float64.

        Inputs are quantized as the model does, identifiers are taken as they are; every integer in between is the
        graph's. `device` as in `accel.reference.run`. Raises UserError on unfit samples.
        """
        from accel import reference

        return reference.predict(self, x, device=device)

    @cached_property
    def carriers(self) -> dict[str, torch.dtype]:
        """Per node, the cheapest torch dtype that is exact for every value in it: inputs, intermediates and output."""
        found = {}
        for node in self.nodes:
            inputs, _ = self.ends(node)
            found[node.name] = node.op.narrow(*inputs) or carrier(self.peak(node))
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
    def output_tensor(self) -> Tensor:
        return self.tensors[self.output]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one sample in Dense and MatMul nodes."""
        return sum(node.op.macs(*self.ends(node)) for node in self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)
