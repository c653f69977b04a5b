"""The integer graph while it grows: unique names, ranges as they are known, alignment of scales."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from accel.errors import GraphError
from accel.graph import Graph, Node
from accel.numeric import INT64_EXACT
from accel.onnx_import import errors, scales
from accel.onnx_import.layout import Layout
from accel.onnx_import.source import MAX_ELEMENTS
from accel.onnx_import.values import Edge, Uncertain, printable
from accel.op import Op
from accel.ops.rescale.op import Rescale
from accel.tensor import Scale, Tensor

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
        self.precision = precision  # bits that everything rounded between two quantizers has more
        self.last = last  # no try with more precision follows
        self.errors: dict[str, float] = {}  # edge → see errors.py
        self._own: dict[str, float] = {}  # the part of it that the edge's operator adds
        self.tensors: dict[str, Tensor] = {}
        self.origins: dict[str, Origin] = {}
        self.approximate: set[str] = set()  # edges whose integers are chosen, not given, by the file
        self.offsets: dict[str, tuple[Edge, Edge, float]] = {}  # edge → x and x + c for one number c, and c
        self.made: dict[tuple[object, ...], Edge] = {}  # what equal quantizers of a tensor give
        self.choices: dict[tuple[str, bytes], str] = {}  # channels of an edge that were chosen before
        self.turned: set[str] = set()  # edges whose tokens were channels in the edge before
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
        key = (edge.name, op.multiplier.digest, op.shift, op.rounding, op.lo, op.hi)
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
        limits: tuple[int, int] | None = None,
        rounding: str = "half_even",
        origin: str | None = None,
    ) -> Edge:
        """The edge at another scale: an exact shift where the scales' ratio is a power of two, else a multiplier.

        `limits` are the lowest and highest integer, `whole` by default. A pending ReLU is carried out.
        """
        limits = self.whole(edge, scale) if limits is None else limits
        lo, hi = max(limits[0], min(0, limits[1])) if edge.relu else limits[0], limits[1]
        ratio, size, bound = common(np.asarray(edge.scale / scale)), self.tensors[edge.name].magnitude, max(-lo, hi)
        exact = scales.are_powers_of_two(ratio)
        if not exact and (spare := scales.spare(ratio, size, bound)):
            return self.requantize(hint, self._coarser(edge, *spare), scale, limits, rounding, origin)
        multiplier, shift = scales.power_of_two_factors(ratio) if exact else scales.factors(ratio, size, bound)
        result = self.rescale(hint, Rescale(multiplier, shift, rounding, lo, hi), edge, scale, edge.layout, origin)
        lossless = exact and shift == 0
        if not exact:
            self.off(result, scales.error(ratio, multiplier, shift, size, bound) + 0.5)
        elif not lossless:
            self._rounded(result.name, 0.5)
        return result

    def off(self, edge: Edge, steps: float) -> Edge:
        """Say that the import has chosen the edge's integers, whose numbers are that many steps off."""
        self.approximate.add(edge.name)
        self._rounded(edge.name, steps)
        return edge

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
        return self._own.get(edge.name, 0.0)

    def _rounded(self, name: str, steps: float) -> None:
        own = self._own.get(name, 0.0)
        if steps > own and not (name in self.origins and self.origins[name].quantized):
            self._own[name] = steps
            self.errors[name] = self.errors.get(name, 0.0) - own + steps

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

    def whole(self, edge: Edge, scale: np.ndarray) -> tuple[int, int]:
        """The range of an edge in steps of another scale. Raises Refused beyond 62 bits."""
        tensor, ratio = self.tensors[edge.name], edge.scale / scale
        ends = [end * float(factor) for end in (tensor.lo, tensor.hi) for factor in (ratio.min(), ratio.max())]
        if max(map(abs, ends)) >= INT64_EXACT:
            raise scales.TOO_FAR
        return int(np.floor(min(ends))), int(np.ceil(max(ends)))

    def _coarser(self, edge: Edge, bits: np.ndarray, top: int) -> Edge:
        """The edge without a number of its lowest bits, given per channel, and clipped to ±top."""
        most = int(bits.max())
        op = Rescale(np.left_shift(np.int64(1), most - bits), most, "half_even", -top, top)
        scale = common(np.asarray(edge.scale * 2.0 ** (bits if bits.size > 1 else int(bits[0]))))
        return replace(self.rescale(f"{edge.name}/coarser", op, edge, scale, edge.layout, None), relu=edge.relu)

    def quantized(self, edge: Edge, origin: str) -> Edge:
        """Say that ONNX tensor `origin`, the output of a quantizer, holds the integers of `edge`."""
        if origin:
            self.origins[edge.name] = Origin(origin, edge.layout, edge.scale, True)
            self.errors[edge.name] = 0.0
        return edge

    def replace_op(self, edge: Edge, op: Op, origin: str) -> Edge:
        """Exchange the operator of a node that nothing reads yet; its output is now found in tensor `origin`."""
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
        known = [self.errors.get(name, 0.0) for name in node.inputs]
        passed = node.op.error(inputs, known) if any(known) else 0.0
        self.errors[node.name] = passed + self._own.get(node.name, 0.0)
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

        The finest one, so that nothing is rounded, when it divides the others; else the step of `scales.meeting`.
        """
        edge = self.settled(edge)
        if edge.scale.ndim == 0:
            return edge
        size, fine = self.tensors[edge.name].magnitude, np.asarray(edge.scale.min())
        if not are_multiples(edge.scale) or size * float(edge.scale.max() / fine) >= 1 << scales.EXACT_BITS:
            fine = np.asarray(scales.meeting([(edge.scale, size)], self.precision))
        return self.requantize(f"{edge.name}/align", edge, fine)

    def aligned(self, a: Edge, b: Edge) -> tuple[tuple[Edge, Edge], tuple[int, int], np.ndarray, bool]:
        """Two edges to be added, what each is multiplied with, the scale of the sum, and whether it is exact.

        On a grid that holds both where that is not too fine. Otherwise the wider of them, if it has one scale, is
        shifted at most, and the other one is rescaled to a step that is fine enough for both.
        """
        a, b = self.settled(a), self.settled(b)
        ratios, scale = _ratios(a, b)
        if any(ratio.ndim for ratio in ratios) and all(are_multiples(edge.scale) for edge in (a, b)):
            a, b = self.uniform(a), self.uniform(b)
            ratios, scale = _ratios(a, b)
        if all(ratio.ndim == 0 for ratio in ratios):
            sizes = [self.tensors[edge.name].magnitude for edge in (a, b)]
            step = scales.sum_grid((float(ratios[0]), float(ratios[1])), (sizes[0], sizes[1]), self.precision)
            factors = [float(ratio) / step for ratio in ratios]
            exact = all(factor == np.rint(factor) for factor in factors)
            limit = 2.0 ** (scales.EXACT_BITS if exact else min(scales.EXACT_BITS, scales.GRID_BITS + self.precision))
            if sum(size * factor for size, factor in zip(sizes, factors, strict=True)) < limit:
                return (a, b), (round(factors[0]), round(factors[1])), scale * step, exact
        step = scales.meeting([(edge.scale, self.tensors[edge.name].magnitude) for edge in (a, b)], self.precision)
        kept = max((a, b), key=lambda edge: (edge.scale.ndim == 0, self.tensors[edge.name].magnitude))
        if kept.scale.ndim == 0:
            step = float(kept.scale) * 2.0 ** np.floor(np.log2(step / float(kept.scale)))
        first, second = (self._at(edge, np.asarray(step)) for edge in (a, b))
        return (first[0], second[0]), (first[1], second[1]), np.asarray(step), False

    def _at(self, edge: Edge, scale: np.ndarray) -> tuple[Edge, int]:
        """The edge, and what it is multiplied with to have `scale`: 1, unless that is all that it needs."""
        factor = float(edge.scale.max() / scale)
        if edge.scale.ndim == 0 and factor == np.rint(factor):
            return edge, int(factor)
        return self.requantize(f"{edge.name}/align", edge, scale), 1

    def narrowed(self, edge: Edge, bits: int) -> Edge:
        """The edge settled, at one scale, and of at most `bits` bits: its whole range in coarser steps."""
        edge = self.uniform(edge)
        spare = self.tensors[edge.name].width - bits
        return edge if spare <= 0 else self.requantize(f"{edge.name}/narrow", edge, edge.scale * 2.0**spare)

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
        self.turned &= needed
        if self.input_name is None or self.host is None or not nodes:
            raise GraphError("nothing is computed from the quantized input")
        return Graph(name, self.input_name, self.host, nodes, output.name)


def as_scale(scale: np.ndarray) -> Scale:
    """A scale as the graph stores it."""
    return float(scale) if scale.ndim == 0 else tuple(float(s) for s in scale)


def _ratios(a: Edge, b: Edge) -> tuple[list[np.ndarray], np.ndarray]:
    """The scales of two edges in units of the finer one, and that one."""
    scale = common(np.minimum(a.scale, b.scale))
    return [common(np.asarray(edge.scale / scale)) for edge in (a, b)], scale


def are_multiples(scale: np.ndarray) -> bool:
    """True when the finest scale divides all of them."""
    steps = scale / scale.min()
    return bool((steps == np.rint(steps)).all())


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
