"""The integer graph while it grows: unique names, ranges as they are known, alignment of scales."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from accel.errors import GraphError
from accel.graph import Graph, Node, Scale, Tensor
from accel.numeric import INT64_EXACT
from accel.onnx_import import scales
from accel.onnx_import.layout import Layout
from accel.onnx_import.source import MAX_ELEMENTS
from accel.onnx_import.values import Edge, Uncertain, printable
from accel.op import Op
from accel.ops.rescale.op import Rescale

#: Parts of Brevitas' node names that say nothing about the layer.
NOISE = {"", "act_quant", "export_handler", "activation_impl", "input_quant", "output_quant"}
#: Bits of an edge that gets one scale instead of one per channel which do not divide each other.
UNIFORM_BITS = 16


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

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.origins: dict[str, Origin] = {}
        self.approximate: set[str] = set()  # edges whose integers are chosen, not given, by the file
        self.offsets: dict[str, tuple[Edge, Edge, float]] = {}  # edge → x and x + c for one number c, and c
        self.made: dict[tuple[object, ...], Edge] = {}  # what equal quantizers of a tensor give
        self.choices: dict[tuple[str, bytes], str] = {}  # channels of an edge that were chosen before
        self.assumed: set[str] = set()  # edges that stand in for what is refused
        self._nodes: dict[str, Node] = {}
        self._rescales: dict[tuple[object, ...], str] = {}
        self._counts: Counter[str] = Counter()
        self.input_name: str | None = None
        self.host: Tensor | None = None

    def set_input(self, hint: str, tensor: Tensor, layout: Layout, origin: str, host: Tensor | None = None) -> Edge:
        """Declare the graph's input: what the host's quantizer delivers.

        `tensor` has the scale that the file continues with, `host` that of the numbers which the file gets.
        """
        name = self._unique(hint)
        self.input_name, self.host = name, host or tensor
        self.tensors[name] = tensor
        return self.quantized(Edge(name, np.asarray(tensor.scale), layout), origin)

    def add(
        self, hint: str, op: Op, inputs: tuple[Edge, ...], scale: np.ndarray, layout: Layout, origin: str | None
    ) -> Edge:
        """A node reading edges; `origin` is the ONNX tensor that holds its output, if one does.

        Raises GraphError when the operator refuses its inputs or needs more than 62 bits.
        """
        name = self._unique(hint)
        self._set(Node(name, op, tuple(edge.name for edge in inputs), as_scale(scale)))
        if origin:
            self.origins[name] = Origin(origin, layout, scale)
        return Edge(name, scale, layout)

    def rescale(
        self, hint: str, op: Rescale, edge: Edge, scale: np.ndarray, layout: Layout, origin: str | None
    ) -> Edge:
        """Like `add`; the same Rescale of the same edge exists only once."""
        key = (edge.name, op.multiplier.tobytes(), op.shift, op.rounding, op.lo, op.hi)
        if key in self._rescales:
            return Edge(self._rescales[key], scale, layout)
        result = self.add(hint, op, (edge,), scale, layout, origin)
        self._rescales[key] = result.name
        return result

    def requantize(
        self,
        hint: str,
        edge: Edge,
        scale: np.ndarray,
        limits: tuple[int, int],
        rounding: str = "half_even",
        origin: str | None = None,
    ) -> Edge:
        """The edge at another scale: an exact shift where the scales' ratio is a power of two, else a multiplier.

        `limits` are the lowest and highest integer. A pending ReLU is carried out.
        """
        lo, hi = max(limits[0], min(0, limits[1])) if edge.relu else limits[0], limits[1]
        ratio = common(np.asarray(edge.scale / scale))
        exact = scales.are_powers_of_two(ratio)
        if exact:
            multiplier, shift = scales.power_of_two_factors(ratio)
        else:
            multiplier, shift = scales.factors(ratio, self.tensors[edge.name].magnitude, max(abs(lo), abs(hi)))
        result = self.rescale(hint, Rescale(multiplier, shift, rounding, lo, hi), edge, scale, edge.layout, origin)
        if not exact:
            self.approximate.add(result.name)
        return result

    def quantized(self, edge: Edge, origin: str) -> Edge:
        """Say that ONNX tensor `origin`, the output of a quantizer, holds the integers of `edge`."""
        if origin:
            self.origins[edge.name] = Origin(origin, edge.layout, edge.scale, True)
        return edge

    def replace_op(self, edge: Edge, op: Op, origin: str, exact: bool = True) -> Edge:
        """Exchange the operator of a node that nothing reads yet; its output is now found in tensor `origin`."""
        if not exact:
            self.approximate.add(edge.name)
        self._set(replace(self._nodes[edge.name], op=op, scale=as_scale(edge.scale)))
        self.origins[edge.name] = Origin(origin, edge.layout, edge.scale)
        return edge

    def note(self, edge: Edge, tensor: str) -> None:
        """Edge `edge` is found in ONNX tensor `tensor`."""
        self.origins[edge.name] = Origin(tensor, edge.layout, edge.scale)

    def assume(self, hint: str, tensor: Tensor, layout: Layout) -> Edge:
        """An edge that no node makes, in place of what is refused; a graph with one is never finished."""
        name = self._unique(hint)
        self.tensors[name] = tensor
        self.assumed.add(name)
        return Edge(name, np.asarray(tensor.scale), layout)

    def inputs_of(self, name: str) -> tuple[str, ...]:
        """The edges that the node behind an edge reads."""
        return self._nodes[name].inputs if name in self._nodes else ()

    def producer(self, edge: Edge) -> Node | None:
        """The node behind an edge; None for the graph's input."""
        return self._nodes.get(edge.name)

    def edge(self, name: str, layout: Layout) -> Edge:
        """An edge of the graph by name, as its producer left it."""
        return Edge(name, np.asarray(self.tensors[name].scale), layout)

    def _set(self, node: Node) -> None:
        inputs = tuple(self.tensors[name] for name in node.inputs)
        if any(t.magnitude >= INT64_EXACT for t in inputs) or node.op.peak(*inputs) >= INT64_EXACT:
            raise GraphError("an intermediate value needs more than 62 bits")
        out = node.op.infer(*inputs)
        if out.tokens * out.channels > MAX_ELEMENTS:
            raise GraphError(f"its output {out.shape} has more than {MAX_ELEMENTS} elements")
        self.tensors[node.name] = replace(out, scale=node.scale)
        self._nodes[node.name] = node

    def _unique(self, hint: str) -> str:
        parts = [part for part in hint.split("/") if part not in NOISE]
        base = printable("/".join(parts)) or "node"
        name = base
        while name in self.tensors:
            self._counts[base] += 1
            name = f"{base}_{self._counts[base]}"
        return name

    def settled(self, edge: Edge) -> Edge:
        """The edge with a pending ReLU carried out."""
        if not edge.relu:
            return edge
        if self.tensors[edge.name].lo >= 0:
            return replace(edge, relu=False)
        op = Rescale(np.ones(1), 0, "floor", 0, max(0, self.tensors[edge.name].hi))
        return self.rescale(f"{edge.name}/relu", op, edge, edge.scale, edge.layout, None)

    def uniform(self, edge: Edge) -> Edge:
        """The edge settled and at one scale for all channels.

        The finest one, so that nothing is rounded, when it divides the others; else a step that makes at least
        UNIFORM_BITS of them.
        """
        edge = self.settled(edge)
        if edge.scale.ndim == 0:
            return edge
        tensor, fine = self.tensors[edge.name], np.asarray(edge.scale.min())
        steps = edge.scale / fine
        if (steps != np.rint(steps)).any():
            fine = fine * 2.0 ** -max(0, UNIFORM_BITS - tensor.width)
            steps = edge.scale / fine
        least, most = int(steps.min()), int(np.ceil(steps.max()))
        limits = min(least * tensor.lo, most * tensor.lo), max(least * tensor.hi, most * tensor.hi)
        if max(map(abs, limits)) >= INT64_EXACT:
            raise scales.TOO_FAR
        return self.requantize(f"{edge.name}/align", edge, fine, limits)

    def narrowed(self, edge: Edge, bits: int) -> Edge:
        """The edge settled, at one scale, and of at most `bits` bits: its whole range in coarser steps."""
        edge = self.uniform(edge)
        tensor = self.tensors[edge.name]
        if tensor.width <= bits:
            return edge
        spare = tensor.width - bits
        limits = tensor.lo >> spare, tensor.hi >> spare
        return self.requantize(f"{edge.name}/narrow", edge, edge.scale * 2.0**spare, limits)

    def finish(self, name: str, output: Edge, tensor: str) -> Graph:
        """The graph of everything that `output`, ONNX tensor `tensor`, depends on."""
        output = self.settled(output)
        if output.name in self._nodes:
            self._nodes[output.name] = replace(self._nodes[output.name], scale=as_scale(output.scale))
        known = self.origins.get(output.name)
        self.origins[output.name] = Origin(tensor, output.layout, output.scale, known is not None and known.quantized)
        needed = {output.name}
        for node in reversed(self._nodes.values()):
            if node.name in needed:
                needed.update(node.inputs)
        nodes = tuple(node for node in self._nodes.values() if node.name in needed)
        self.origins = {edge: origin for edge, origin in self.origins.items() if edge in needed}
        self.approximate &= needed
        if self.input_name is None or self.host is None or not nodes:
            raise GraphError("nothing is computed from the quantized input")
        return Graph(name, self.input_name, self.host, nodes, output.name)


def as_scale(scale: np.ndarray) -> Scale:
    """A scale as the graph stores it."""
    return float(scale) if scale.ndim == 0 else tuple(float(s) for s in scale)


def common(scale: np.ndarray) -> np.ndarray:
    """One number when all channels agree, else the array."""
    first = scale.reshape(-1)[0]
    return np.asarray(first) if (scale == first).all() else scale


def whole(values: np.ndarray) -> np.ndarray:
    """Reals that must be integers below 2^62 as int64, but for the error of a float32. Raises Refused otherwise."""
    rounded = np.rint(values)
    if not np.isfinite(values).all() or not are_whole(values):
        raise Uncertain("scales do not divide each other", "quantize weights per tensor or per output channel")
    if (np.abs(rounded) >= INT64_EXACT).any():
        raise scales.TOO_FAR
    return rounded.astype(np.int64)


def are_whole(values: np.ndarray) -> bool:
    """True when all are integers, but for the error of a float32 number of steps."""
    return bool((np.abs(values - np.rint(values)) <= 2.0**-10 + 2.0**-22 * np.abs(values)).all())
