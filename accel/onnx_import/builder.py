"""The graph of a file while it grows: `accel.building`, where edges have layouts and are found again in the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from accel import building
from accel.errors import GraphError
from accel.graph import Graph, Node
from accel.numeric import INT64_EXACT
from accel.onnx_import import errors
from accel.onnx_import.layout import Layout
from accel.onnx_import.values import Edge, Uncertain
from accel.op import Op
from accel.ops.rescale.op import Rescale
from accel.scales import TooFar
from accel.spelling import printable
from accel.tensor import Tensor

#: Parts of Brevitas' node names that say nothing about the layer.
NOISE = {"", "act_quant", "export_handler", "activation_impl", "input_quant", "output_quant"}


@dataclass(frozen=True)
class Origin:
    """Where an edge's numbers appear in the file: ONNX tensor `tensor` = integer · scale, its axes as in `layout`.

    `quantized` says that a quantizer of the file made them: they are integers in the file too.
    """

    tensor: str
    layout: Layout
    scale: np.ndarray
    quantized: bool = False


class Builder:
    """Collects nodes; every method that returns an Edge has added what was needed for it."""

    def __init__(self, precision: int = 0, last: bool = True) -> None:
        self.core = building.Builder(precision)
        self.precision = precision  # bits that everything rounded between two quantizers has more
        self.last = last  # no try with more precision follows
        self.tensors, self.errors, self.approximate = self.core.tensors, self.core.errors, self.core.approximate
        self.origins: dict[str, Origin] = {}
        self.offsets: dict[str, tuple[Edge, Edge, float]] = {}  # edge → x and x + c for one number c, and c
        self.made: dict[tuple[object, ...], Edge] = {}  # what equal quantizers of a tensor give
        self.choices: dict[tuple[str, bytes], str] = {}  # channels of an edge that were chosen before
        self.turned: set[str] = set()  # edges whose tokens were channels in the edge before
        self.assumed: set[str] = set()  # edges that stand in for what is refused
        self.entered: dict[str, str] = {}  # input of the file → input of the graph
        self.hosts: dict[str, Tensor] = {}  # input of the graph → what the host's quantizer makes of its numbers

    def enter(self, name: str, tensor: Tensor, layout: Layout, origin: str, host: Tensor | None = None) -> Edge | None:
        """Declare what input `name` of the file is: what the host's quantizer delivers. None where it is another one.

        `tensor` has the scale that the file continues with, `host` that of the numbers which the file gets.
        """
        known = self.entered.get(name)
        if known is not None:
            same = (self.tensors[known], self.hosts[known]) == (tensor, host or tensor)
            return self.edge(known, layout) if same else None
        entered = self.core.input(tensor, _readable(name))
        self.entered[name], self.hosts[entered.name] = entered.name, host or tensor
        return self.quantized(Edge(entered.name, entered.scale, layout), origin)

    def add(
        self, hint: str, op: Op, inputs: tuple[Edge, ...], scale: np.ndarray, layout: Layout, origin: str | None
    ) -> Edge:
        """A node reading edges; `origin` is the ONNX tensor that holds its output, if one does.

        Raises GraphError when the operator refuses its inputs or needs more than 62 bits.
        """
        edge = Edge(self.core.add(op, *inputs, scale=scale, name=_readable(hint)).name, scale, layout)
        if origin:
            self.note(edge, origin)
        return edge

    def rescale(
        self, hint: str, op: Rescale, edge: Edge, scale: np.ndarray, layout: Layout, origin: str | None
    ) -> Edge:
        """Like `add`; the same Rescale of the same edge exists only once."""
        count = len(self.tensors)
        result = self.core.rescale(op, Edge(edge.name, edge.scale, layout), scale, _readable(hint))
        return self._noted(result, origin if len(self.tensors) > count else None)

    def requantize(
        self,
        hint: str,
        edge: Edge,
        scale: np.ndarray,
        limits: tuple[int, int] | None = None,
        rounding: str = "half_even",
        origin: str | None = None,
    ) -> Edge:
        """The edge at another scale, as `accel.building` makes it. A pending ReLU is carried out."""
        lo, hi = self.core.whole(edge, scale) if limits is None else limits
        lo, count = max(lo, min(0, hi)) if edge.relu else lo, len(self.tensors)
        plain = replace(edge, relu=False, rest=None)
        result = self.core.requantize(plain, scale, (lo, hi), rounding, _readable(hint))
        return self._noted(result, origin if len(self.tensors) > count else None)

    def off(self, edge: Edge, steps: float) -> Edge:
        """Say that the import has chosen the edge's integers, whose numbers are that many steps off."""
        return self.core.off(edge, steps)

    def alike(self, part: Edge, x: Edge) -> Edge:
        """Say that `part`, made by the operator that made x, is as far off."""
        if x.name in self.approximate:
            self.approximate.add(part.name)
        self.errors[part.name] = self.errors.get(x.name, 0.0)
        return part

    def error(self, edge: Edge, step: np.ndarray) -> float:
        """How far the edge's numbers are off at most, in steps of a quantizer: one, or one per channel."""
        return self.errors.get(edge.name, 0.0) * float(np.max(edge.scale / step))

    def own(self, edge: Edge) -> float:
        """Steps that an edge's operator adds to its error."""
        return self.core.own(edge)

    def require(self, steps: float) -> None:
        """Refuse an error in front of a quantizer that makes its integer more than one step off."""
        if steps <= errors.LIMIT:
            return
        if not self.last:
            raise errors.Imprecise
        raise Uncertain(
            f"what comes in is up to {steps:.2g} steps of it off: scales between two quantizers are too far apart",
            "quantize the operators in front of it, or its output to fewer bits",
        )

    def quantized(self, edge: Edge, origin: str) -> Edge:
        """Say that ONNX tensor `origin`, the output of a quantizer, holds the integers of `edge`."""
        if origin:
            self.origins[edge.name] = Origin(origin, edge.layout, edge.scale, True)
            self.core.given(edge)
        return edge

    def replace_op(self, edge: Edge, op: Op, origin: str) -> Edge:
        """Exchange the operator of a node that nothing reads yet; its output is now found in tensor `origin`."""
        self.core.replace_op(edge, op)
        return self._noted(edge, origin)

    def note(self, edge: Edge, tensor: str) -> None:
        """Edge `edge` is found in ONNX tensor `tensor`."""
        self.origins[edge.name] = Origin(tensor, edge.layout, edge.scale)

    def _noted(self, edge: Edge, origin: str | None) -> Edge:
        if origin:
            self.note(edge, origin)
        return edge

    def assume(self, hint: str, tensor: Tensor, layout: Layout) -> Edge:
        """An edge that no node makes, in place of what is refused; a graph with one is never finished."""
        entered = self.core.input(tensor, _readable(hint))
        self.assumed.add(entered.name)
        return Edge(entered.name, entered.scale, layout)

    def inputs_of(self, name: str) -> tuple[str, ...]:
        """The edges that the node behind an edge reads."""
        node = self.core.producer(name)
        return node.inputs if node else ()

    def producer(self, edge: Edge) -> Node | None:
        """The node behind an edge; None for an input of the graph."""
        return self.core.producer(edge.name)

    def edge(self, name: str, layout: Layout) -> Edge:
        """An edge of the graph by name, as its producer left it."""
        return Edge(name, np.asarray(self.tensors[name].scale), layout)

    def settled(self, edge: Edge) -> Edge:
        """The edge with a pending ReLU carried out."""
        if not edge.relu:
            return edge
        if self.tensors[edge.name].lo >= 0:
            return replace(edge, relu=False)
        op = Rescale(np.ones(1), 0, "floor", 0, max(0, self.tensors[edge.name].hi))
        return self.rescale(f"{edge.name}/relu", op, edge, edge.scale, edge.layout, None)

    def uniform(self, edge: Edge) -> Edge:
        """The edge settled and at one scale for all channels."""
        return self.core.uniform(self.settled(edge))

    def aligned(self, a: Edge, b: Edge) -> tuple[tuple[Edge, Edge], tuple[int, int], np.ndarray, bool]:
        """Two edges to be added, settled, what each is multiplied with, the sum's scale, and whether it is exact."""
        return self.core.aligned(self.settled(a), self.settled(b))

    def narrowed(self, edge: Edge, bits: int) -> Edge:
        """The edge settled, at one scale, and of at most `bits` bits: its whole range in coarser steps."""
        return self.core.narrowed(self.settled(edge), bits)

    def finish(self, name: str, inputs: Iterable[str], outputs: Mapping[str, Edge]) -> Graph:
        """The graph of everything that the outputs depend on, which are given by their ONNX tensors.

        `inputs` are those of the file in order; the graph has the ones that it reads.
        """
        if not self.hosts or any(output.name in self.hosts for output in outputs.values()):
            raise GraphError("nothing is computed from the quantized input")
        ends = {tensor: self.settled(output) for tensor, output in outputs.items()}
        if len({output.name for output in ends.values()}) < len(ends):
            raise GraphError("two outputs are the same numbers; export one of them")
        for tensor, output in ends.items():
            known = self.origins.get(output.name)
            quantized = known is not None and known.quantized
            self.origins[output.name] = Origin(tensor, output.layout, output.scale, quantized)
        graph = self.core.graph(list(ends.values()), name)
        needed = graph.tensors.keys()
        self.origins = {edge: origin for edge, origin in self.origins.items() if edge in needed}
        self.approximate &= needed
        self.turned &= needed
        entered = [self.entered[name] for name in inputs if name in self.entered]
        return replace(graph, inputs={edge: self.hosts[edge] for edge in entered if edge in needed})


def _readable(hint: str) -> str:
    """A name of the file without what exporters add to it."""
    return printable("/".join(part for part in hint.split("/") if part not in NOISE)) or "node"


def whole(values: np.ndarray) -> np.ndarray:
    """Reals that must be integers below 2^62 as int64, but for the error of a float32.

    Raises Refused, and GraphError for larger ones.
    """
    rounded = np.rint(values)
    if not np.isfinite(values).all() or not are_whole(values):
        raise Uncertain("scales do not divide each other", "quantize weights per tensor or per output channel")
    if (np.abs(rounded) >= INT64_EXACT).any():
        raise TooFar
    return rounded.astype(np.int64)


def are_whole(values: np.ndarray) -> bool:
    """True when all are integers, but for the error of a float32 number of steps."""
    return bool((np.abs(values - np.rint(values)) <= 2.0**-16 + 2.0**-22 * np.abs(values)).all())
