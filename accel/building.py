"""The integer graph while it grows, for everybody who makes one: the import, language models, tests, you.

    build = Builder()
    x = build.input(Tensor((4, 3), -8, 7, scale=0.25))  # 4 tokens of 3 channels, integers of -8..7 in steps of 0.25
    wide = build.add(Dense(weight, bias), x, scale=0.25 * 0.125)  # weights in steps of 0.125: (5, 3) and (5,)
    hidden = build.requantize(wide, 0.5, (0, 15))  # in steps of 0.5, rounded and clipped: a ReLU of 4 bits
    back = build.add(Dense(weight.T, bias[:3]), hidden, scale=0.5 * 0.125)
    total = build.sum(x, back)  # two scales meet
    graph = build.graph(build.add(Pool(), total, scale=total.scale), "mlp")

Names are made unique, ranges follow from the operators, and equal Rescales of an edge exist once. Scales are metadata
of edges, as in every graph; `requantize`, `uniform` and `sum` turn them into integer factors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from accel import scales
from accel.errors import GraphError
from accel.graph import Graph, Node
from accel.numeric import INT64_EXACT
from accel.op import Op
from accel.ops.add.op import Add
from accel.ops.rescale.op import Rescale
from accel.tensor import Scale, Tensor

MAX_ELEMENTS = 1 << 30
"""Elements of an edge: more are a mistake, and would take the machine's memory."""


@dataclass(frozen=True)
class Edge:
    """Integers of graph edge `name`; real value = integer · scale. `scale` has shape () or (channels,)."""

    name: str
    scale: np.ndarray


E = TypeVar("E", bound=Edge)


class Builder:
    """Collects nodes; a method that returns an Edge has added what is needed for it.

    `tensors` has every edge's shape and range by name; `errors` how many of its steps an edge is off at most, by what
    was rounded on the way to it: numbers that are given are not. Everything that `uniform` and `sum` round
    has `precision` more bits than usual.
    """

    def __init__(self, precision: int = 0) -> None:
        self.precision = precision
        self.inputs: dict[str, Tensor] = {}
        self.tensors: dict[str, Tensor] = {}
        self.errors: dict[str, float] = {}
        self.approximate: set[str] = set()
        """Edges whose integers were chosen: a factor between two scales was rounded."""
        self._given: set[str] = set()
        self._own: dict[str, float] = {}  # the part of an edge's error that its operator adds
        self._nodes: dict[str, Node] = {}
        self._rescales: dict[tuple[object, ...], str] = {}
        self._counts: Counter[str] = Counter()

    def input(self, tensor: Tensor, name: str = "x") -> Edge:
        """An input of the graph."""
        name = self.unique(name)
        self.inputs[name] = self.tensors[name] = tensor
        return Edge(name, np.asarray(tensor.scale))

    def add(self, op: Op, *inputs: Edge, scale: ArrayLike = 1.0, name: str = "") -> Edge:
        """A node that reads edges; `scale` is one number, or one per channel of its output.

        Raises GraphError when the operator refuses its inputs, needs more than 62 bits, or makes too many elements.
        """
        step = np.asarray(scale, np.float64)
        name = self.unique(name or f"{op.kind}_{len(self._nodes)}")
        self._set(Node(name, op, tuple(edge.name for edge in inputs), as_scale(step)))
        return Edge(name, step)

    def rescale(self, op: Rescale, edge: E, scale: np.ndarray, name: str = "") -> E:
        """Like `add`; the same Rescale of the same edge exists only once."""
        key = (edge.name, op.multiplier.digest, op.shift, op.rounding, op.lo, op.hi)
        if key not in self._rescales:
            self._rescales[key] = self.add(op, edge, scale=scale, name=name).name
        return replace(edge, name=self._rescales[key], scale=scale)

    def requantize(
        self,
        edge: E,
        scale: ArrayLike,
        limits: tuple[int, int] | None = None,
        rounding: str = "half_even",
        name: str = "",
    ) -> E:
        """The edge at another scale: an exact shift where the scales' ratio is a power of two, else a multiplier.

        `limits` are the lowest and highest integer, `whole` by default. Raises GraphError when the scales are too far
        apart.
        """
        scale = np.asarray(scale, np.float64)
        lo, hi = self.whole(edge, scale) if limits is None else limits
        ratio, size, bound = common(np.asarray(edge.scale / scale)), self.tensor(edge).magnitude, max(-lo, hi)
        exact = scales.are_powers_of_two(ratio)
        if not exact and (spare := scales.spare(ratio, size, bound)):
            return self.requantize(self._coarser(edge, *spare), scale, (lo, hi), rounding, name)
        multiplier, shift = scales.power_of_two_factors(ratio) if exact else scales.factors(ratio, size, bound)
        result = self.rescale(Rescale(multiplier, shift, rounding, lo, hi), edge, scale, name)
        if not exact:
            self.off(result, scales.error(ratio, multiplier, shift, size, bound) + 0.5)
        elif shift:
            self._rounded(result.name, 0.5)
        return result

    def sum(self, a: Edge, b: Edge, name: str = "") -> Edge:
        """The sum of two edges of any scales, as exact as `aligned` makes them meet."""
        (a, b), factors, scale, exact = self.aligned(a, b)
        result = self.add(Add(np.array(factors)), a, b, scale=scale, name=name)
        return result if exact else self.off(result, self.misfit((a, b), factors, scale))

    def misfit(self, edges: tuple[Edge, Edge], factors: tuple[int, int], scale: np.ndarray) -> float:
        """Steps of a sum by which its operands are off when they are multiplied with integers."""
        return sum(
            float(np.abs(factor - edge.scale / scale).max()) * self.tensor(edge).magnitude
            for edge, factor in zip(edges, factors, strict=True)
        )

    def off(self, edge: E, steps: float) -> E:
        """Say that an edge's integers were chosen, and that its operator adds that many steps to its error."""
        self.approximate.add(edge.name)
        self._rounded(edge.name, steps)
        return edge

    def given(self, edge: E) -> E:
        """Say that an edge's integers are the ones that are wanted, whatever was rounded on the way to them."""
        self._given.add(edge.name)
        self.errors[edge.name] = 0.0
        return edge

    def own(self, edge: Edge) -> float:
        """Steps that an edge's operator adds to its error."""
        return self._own.get(edge.name, 0.0)

    def whole(self, edge: Edge, scale: np.ndarray) -> tuple[int, int]:
        """The range of an edge in steps of another scale. Raises GraphError beyond 62 bits."""
        tensor, ratio = self.tensor(edge), edge.scale / scale
        ends = [end * float(factor) for end in (tensor.lo, tensor.hi) for factor in (ratio.min(), ratio.max())]
        if max(map(abs, ends)) >= INT64_EXACT:
            raise scales.TooFar
        return int(np.floor(min(ends))), int(np.ceil(max(ends)))

    def uniform(self, edge: E) -> E:
        """The edge at one scale for all channels.

        The finest one, so that nothing is rounded, when it divides the others; else the step of `scales.meeting`.
        """
        if edge.scale.ndim == 0:
            return edge
        size, fine = self.tensor(edge).magnitude, np.asarray(edge.scale.min())
        if not are_multiples(edge.scale) or size * float(edge.scale.max() / fine) >= 1 << scales.EXACT_BITS:
            fine = np.asarray(scales.meeting([(edge.scale, size)], self.precision))
        return self.requantize(edge, fine, name=f"{edge.name}/align")

    def aligned(self, a: E, b: E) -> tuple[tuple[E, E], tuple[int, int], np.ndarray, bool]:
        """Two edges to be added, what each is multiplied with, the scale of the sum, and whether it is exact.

        On a grid that holds both where that is not too fine. Otherwise the wider of them, if it has one scale, is
        shifted at most, and the other one is rescaled to a step that is fine enough for both.
        """
        ratios, scale = _ratios(a, b)
        if any(ratio.ndim for ratio in ratios) and all(are_multiples(edge.scale) for edge in (a, b)):
            a, b = self.uniform(a), self.uniform(b)
            ratios, scale = _ratios(a, b)
        if all(ratio.ndim == 0 for ratio in ratios):
            sizes = [self.tensor(edge).magnitude for edge in (a, b)]
            step = scales.sum_grid((float(ratios[0]), float(ratios[1])), (sizes[0], sizes[1]), self.precision)
            factors = [float(ratio) / step for ratio in ratios]
            exact = all(factor == np.rint(factor) for factor in factors)
            limit = 2.0 ** (scales.EXACT_BITS if exact else min(scales.EXACT_BITS, scales.GRID_BITS + self.precision))
            if sum(size * factor for size, factor in zip(sizes, factors, strict=True)) < limit:
                return (a, b), (round(factors[0]), round(factors[1])), scale * step, exact
        step = scales.meeting([(edge.scale, self.tensor(edge).magnitude) for edge in (a, b)], self.precision)
        kept = max((a, b), key=lambda edge: (edge.scale.ndim == 0, self.tensor(edge).magnitude))
        if kept.scale.ndim == 0:
            step = float(kept.scale) * 2.0 ** np.floor(np.log2(step / float(kept.scale)))
        first, second = (self._at(edge, np.asarray(step)) for edge in (a, b))
        return (first[0], second[0]), (first[1], second[1]), np.asarray(step), False

    def narrowed(self, edge: E, bits: int) -> E:
        """The edge at one scale and of at most `bits` bits: its whole range in coarser steps."""
        edge = self.uniform(edge)
        spare = self.tensor(edge).width - bits
        return edge if spare <= 0 else self.requantize(edge, edge.scale * 2.0**spare, name=f"{edge.name}/narrow")

    def replace_op(self, edge: Edge, op: Op) -> None:
        """Exchange the operator of a node that nothing reads yet; the edge has its new scale."""
        self._given.discard(edge.name)
        self._set(replace(self._nodes[edge.name], op=op, scale=as_scale(edge.scale)))

    def tensor(self, edge: Edge) -> Tensor:
        """Shape and range of an edge."""
        return self.tensors[edge.name]

    def producer(self, name: str) -> Node | None:
        """The node behind an edge; None for an input."""
        return self._nodes.get(name)

    def graph(self, output: Edge | Sequence[Edge], name: str = "graph") -> Graph:
        """The graph of everything that one output or several depend on, with the inputs that they read.

        Raises GraphError when that is no operator of an input.
        """
        outputs = [output] if isinstance(output, Edge) else list(output)
        for edge in outputs:
            if edge.name in self._nodes:
                self._nodes[edge.name] = replace(self._nodes[edge.name], scale=as_scale(edge.scale))
        needed = {edge.name for edge in outputs}
        for node in reversed(self._nodes.values()):
            if node.name in needed:
                needed.update(node.inputs)
        nodes = tuple(node for node in self._nodes.values() if node.name in needed)
        inputs = {name: tensor for name, tensor in self.inputs.items() if name in needed}
        if not inputs or not nodes:
            raise GraphError("nothing is computed from the input")
        return Graph(name, inputs, nodes, [edge.name for edge in outputs])

    def unique(self, base: str) -> str:
        """A name that no edge has, made of another one."""
        name = base
        while name in self.tensors:
            self._counts[base] += 1
            name = f"{base}_{self._counts[base]}"
        return name

    def _set(self, node: Node) -> None:
        inputs = tuple(self.tensors[name] for name in node.inputs)
        if any(t.magnitude >= INT64_EXACT for t in inputs) or node.op.peak(*inputs) >= INT64_EXACT:
            raise GraphError("an intermediate value needs more than 62 bits")
        out = node.op.infer(*inputs)
        if out.size > MAX_ELEMENTS:
            raise GraphError(f"its output {out.shape} has more than {MAX_ELEMENTS} elements")
        self.tensors[node.name] = replace(out, scale=node.scale)
        known = [self.errors.get(name, 0.0) for name in node.inputs]
        passed = node.op.error(inputs, known) if any(known) else 0.0
        self.errors[node.name] = passed + self._own.get(node.name, 0.0)
        self._nodes[node.name] = node

    def _rounded(self, name: str, steps: float) -> None:
        own = self._own.get(name, 0.0)
        if steps > own and name not in self._given:
            self._own[name] = steps
            self.errors[name] = self.errors.get(name, 0.0) - own + steps

    def _coarser(self, edge: E, bits: np.ndarray, top: int) -> E:
        """The edge without a number of its lowest bits, given per channel, and clipped to ±top."""
        most = int(bits.max())
        op = Rescale(np.left_shift(np.int64(1), most - bits), most, "half_even", -top, top)
        scale = common(np.asarray(edge.scale * 2.0 ** (bits if bits.size > 1 else int(bits[0]))))
        return self.rescale(op, edge, scale, f"{edge.name}/coarser")

    def _at(self, edge: E, scale: np.ndarray) -> tuple[E, int]:
        """The edge, and what it is multiplied with to have `scale`: 1, unless that is all that it needs."""
        factor = float(edge.scale.max() / scale)
        if edge.scale.ndim == 0 and factor == np.rint(factor):
            return edge, int(factor)
        return self.requantize(edge, scale, name=f"{edge.name}/align"), 1


def as_scale(scale: np.ndarray) -> Scale:
    """A scale as the graph stores it."""
    return float(scale) if scale.ndim == 0 else tuple(float(s) for s in scale)


def common(scale: np.ndarray) -> np.ndarray:
    """One number when all channels agree, else the array."""
    first = scale.reshape(-1)[0]
    return np.asarray(first) if (scale == first).all() else scale


def are_multiples(scale: np.ndarray) -> bool:
    """True when the finest scale divides all of them."""
    steps = scale / scale.min()
    return bool((steps == np.rint(steps)).all())


def _ratios(a: Edge, b: Edge) -> tuple[list[np.ndarray], np.ndarray]:
    """The scales of two edges in units of the finer one, and that one."""
    scale = common(np.minimum(a.scale, b.scale))
    return [common(np.asarray(edge.scale / scale)) for edge in (a, b)], scale
