"""The integer graph while it grows: unique names, ranges as they are known, alignment of scales."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from accel.errors import GraphError
from accel.graph import Graph, Node, Scale, Tensor
from accel.numeric import INT64_EXACT
from accel.onnx_import.layout import Layout
from accel.onnx_import.source import MAX_ELEMENTS
from accel.onnx_import.values import Edge, Refused, printable
from accel.op import Op
from accel.ops.rescale.op import Rescale

#: Parts of Brevitas' node names that say nothing about the layer.
NOISE = {"", "act_quant", "export_handler", "activation_impl", "input_quant", "output_quant"}


@dataclass(frozen=True)
class Origin:
    """Where an edge's numbers appear in the file: ONNX tensor `tensor` = integer · scale, its axes as in `layout`."""

    tensor: str
    layout: Layout
    scale: np.ndarray


class Builder:
    """Collects nodes; every method that returns an Edge has added what was needed for it."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.origins: dict[str, Origin] = {}
        self._nodes: dict[str, Node] = {}
        self._rescales: dict[tuple[object, ...], str] = {}
        self._counts: Counter[str] = Counter()
        self.input_name: str | None = None

    def set_input(self, hint: str, tensor: Tensor, layout: Layout, origin: str) -> Edge:
        """Declare the graph's input: what the host's quantizer delivers."""
        name = self._unique(hint)
        self.input_name = name
        self.tensors[name] = tensor
        edge = Edge(name, np.asarray(tensor.scale), layout)
        self.origins[name] = Origin(origin, layout, edge.scale)
        return edge

    def add(
        self, hint: str, op: Op, inputs: tuple[Edge, ...], scale: np.ndarray, layout: Layout, origin: str | None
    ) -> Edge:
        """A node reading edges; `origin` is the ONNX tensor that holds its output, if one does.

        Raises GraphError when the operator refuses its inputs or needs more than 62 bits.
        """
        name = self._unique(hint)
        self._set(Node(name, op, tuple(edge.name for edge in inputs), as_scale(scale)))
        if origin is not None:
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

    def replace_op(self, edge: Edge, op: Op, origin: str) -> Edge:
        """Exchange the operator of a node that nothing reads yet; its output is now found in tensor `origin`."""
        self._set(replace(self._nodes[edge.name], op=op, scale=as_scale(edge.scale)))
        self.origins[edge.name] = Origin(origin, edge.layout, edge.scale)
        return edge

    def note(self, edge: Edge, tensor: str) -> None:
        """Edge `edge` is found in ONNX tensor `tensor`."""
        self.origins[edge.name] = Origin(tensor, edge.layout, edge.scale)

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
        """The edge settled and at one scale for all channels: the finest one, so nothing is rounded."""
        edge = self.settled(edge)
        return edge if edge.scale.ndim == 0 else self.aligned(edge, np.asarray(edge.scale.min()))

    def aligned(self, edge: Edge, scale: np.ndarray) -> Edge:
        """The edge at a scale (one number) that divides all of its own."""
        factors = np.atleast_1d(edge.scale / scale)
        if (factors == 1).all():
            return replace(edge, scale=scale)
        tensor = self.tensors[edge.name]
        multiplier = whole(factors)
        lo = min(int(multiplier.max()) * tensor.lo, int(multiplier.min()) * tensor.lo)
        hi = max(int(multiplier.max()) * tensor.hi, int(multiplier.min()) * tensor.hi)
        op = Rescale(multiplier, 0, "floor", lo, hi)
        return self.rescale(f"{edge.name}/align", op, edge, scale, edge.layout, None)

    def finish(self, name: str, output: Edge, tensor: str) -> Graph:
        """The graph of everything that `output`, ONNX tensor `tensor`, depends on."""
        output = self.settled(output)
        if output.name in self._nodes:
            self._nodes[output.name] = replace(self._nodes[output.name], scale=as_scale(output.scale))
        self.origins[output.name] = Origin(tensor, output.layout, output.scale)
        needed = {output.name}
        for node in reversed(self._nodes.values()):
            if node.name in needed:
                needed.update(node.inputs)
        nodes = tuple(node for node in self._nodes.values() if node.name in needed)
        self.origins = {edge: origin for edge, origin in self.origins.items() if edge in needed}
        source = self.input_name
        if source is None or not nodes:
            raise GraphError("nothing is computed from the quantised input")
        return Graph(name, source, self.tensors[source], nodes, output.name)


def as_scale(scale: np.ndarray) -> Scale:
    """A scale as the graph stores it."""
    return float(scale) if scale.ndim == 0 else tuple(float(s) for s in scale)


def common(scale: np.ndarray) -> np.ndarray:
    """One number when all channels agree, else the array."""
    first = scale.reshape(-1)[0]
    return np.asarray(first) if (scale == first).all() else scale


def whole(values: np.ndarray) -> np.ndarray:
    """Reals that must be integers below 2^62 as int64. Raises Refused when they are not."""
    rounded = np.rint(values)
    if not np.isfinite(values).all() or (rounded != values).any():
        raise Refused("scales do not divide each other", "use power-of-two scales throughout")
    if (np.abs(rounded) >= INT64_EXACT).any():
        raise Refused("scales are too far apart", "calibrate the quantizers again")
    return rounded.astype(np.int64)


def exponents(ratio: np.ndarray) -> np.ndarray:
    """log2 of powers of two. Raises Refused when one is none."""
    mantissa, exponent = np.frexp(ratio)
    if (mantissa != 0.5).any():
        raise Refused("the scales' ratio is no power of two", "use Brevitas' ...FixedPoint quantizers")
    return np.asarray(exponent - 1, dtype=np.int64)
