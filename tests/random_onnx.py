"""Random ONNX graphs over everything that imports, with ONNX Runtime as the judge.

A graph is drawn operator by operator. A quantizer's step follows from the numbers that reach it, so that it neither
clips everything nor wastes its range. `judged` imports the file and compares the graph's output with the file's own
execution:

    |y_accel − y_file| ≤ BOUND + MARGIN · n    in steps of the output,

where n is the largest change of the output that ONNX Runtime itself shows when each quantizer inside the file is off by
at most one step, at random. BOUND is the documented bound of every operator in front of a quantizer (docs/import.md).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx_session import opened, showing

from accel import onnx_import, reference
from accel.errors import UserError

BOUND = 1.01
MARGIN = 2.0
SAMPLES = 3
TRIALS = 6
"""Executions with quantizers that are off at random."""
DOMAINS = ("qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas")
FORMS = ("qdq", "qdq", "qdq", "qonnx")
KINDS = {
    (8, True): np.int8,
    (8, False): np.uint8,
    (16, True): np.int16,
    (16, False): np.uint16,
}


@dataclass(frozen=True)
class Value:
    """A tensor of the graph; `fixed` says that a quantizer made it, or something that only moves its numbers."""

    name: str
    shape: tuple[int, ...]
    fixed: bool = False


@dataclass(frozen=True)
class Quantizer:
    """A quantizer of activations (`weight` None) or of a constant; `step` has shape () or (channels,)."""

    given: str
    name: str
    step: np.ndarray
    zero: int
    bits: int
    signed: bool
    weight: np.ndarray | None = None

    @property
    def limits(self) -> tuple[int, int]:
        low = -(1 << (self.bits - 1)) if self.signed else 0
        return low, low + (1 << self.bits) - 1


@dataclass
class Drawing:
    """A graph while it grows, and the numbers that its tensors have on the samples."""

    rng: np.random.Generator
    x: np.ndarray
    form: str
    opset: int
    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    values: list[Value] = field(default_factory=list)
    count: int = 0

    def name(self, stem: str) -> str:
        self.count += 1
        return f"{stem}_{self.count}"

    def const(self, value: Any) -> str:
        name = self.name("const")
        self.constants[name] = np.asarray(value)
        return name

    def node(self, kind: str, *given: Any, outputs: int = 1, **attributes: Any) -> str:
        """The first output's name; the others end in .1, .2, …"""
        names = [one if isinstance(one, str) else self.const(one) for one in given]
        out = self.name(kind)
        made = [out, *(f"{out}.{index}" for index in range(1, outputs))]
        self.nodes.append(helper.make_node(kind, names, made, f"node_{out}", **attributes))
        return out

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def pick(self, options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def numbers(self, name: str) -> np.ndarray:
        """The samples' values of a tensor, concatenated, as the file computes them."""
        session = opened(self.model(name, "qdq"))
        return np.concatenate([session.run(None, {"x": x})[0].ravel() for x in self.x])

    def quantized(self, x: Value, bits: int = 0) -> Value:
        """The tensor behind a quantizer that fits its numbers."""
        numbers = self.numbers(x.name)
        bits = bits or self.pick((8, 8, 8, 8, 4, 6, 16))
        signed = bool(numbers.min() < 0) or self.chance(0.3)
        top = max(float(np.abs(numbers).max()) * self.rng.uniform(0.7, 1.1), 1e-3)
        zero = 0
        step = top / (1 << (bits - 1)) if signed else top / (1 << bits)
        if bits == 8 and self.chance(0.15):
            zero = 2 * int(self.rng.integers(-20, 20)) if signed else 2 * int(self.rng.integers(0, 60))
        step = float(2.0 ** np.round(np.log2(step))) if self.chance(0.25) else step
        made = Quantizer(x.name, self.name("quantized"), np.float32(step), zero, bits, signed)
        self.nodes.append(made)
        return Value(made.name, x.shape, True)

    def weights(self, inputs: int, outputs: int, gain: float = 1.0) -> str:
        """A quantized matrix that keeps the size of its inputs' numbers about as it is."""
        bits = self.pick((8, 8, 4))
        top = (1 << (bits - 1)) - 1
        step = np.float32(
            gain / np.sqrt(inputs) / top * self.rng.uniform(0.7, 1.5, outputs if self.chance(0.5) else ())
        )
        integers = self.rng.integers(-top, top, (inputs, outputs), endpoint=True)
        made = Quantizer("", self.name("weights"), step, 0, bits, True, integers)
        self.nodes.append(made)
        return made.name

    def model(self, output: str, form: str, noise: bool = False) -> onnx.ModelProto:
        """The nodes that `output` needs, with quantizers written in one form.

        With `noise`, every quantizer of activations but the input's gets an input noise_NAME that is added, in steps.
        """
        nodes, constants, inputs = [], [], []
        needed = {output}
        for node in reversed(self.nodes):
            outputs, given = (
                ({node.name}, [node.given]) if isinstance(node, Quantizer) else (set(node.output), node.input)
            )
            if outputs & needed:
                needed.update(given)
                nodes.append(node)
        made: list[onnx.NodeProto] = []
        for node in reversed(nodes):
            if isinstance(node, Quantizer):
                new, tensors, extra = _written(node, form, noise and node.name != output and node.given != "x", self.x)
                made += new
                constants += tensors
                inputs += extra
            else:
                made.append(node)
                constants += [
                    numpy_helper.from_array(self.constants[name], name) for name in node.input if name in self.constants
                ]
        seen: dict[str, TensorProto] = {tensor.name: tensor for tensor in constants}
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, self.x.shape[1:])
        y = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        graph = helper.make_graph(made, "drawn", [x, *inputs], [y], list(seen.values()))
        domains = {node.domain: 1 for node in made if node.domain}
        opsets = [helper.make_opsetid(domain, version) for domain, version in {"": self.opset, **domains}.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def _written(made: Quantizer, form: str, noise: bool, x: np.ndarray) -> tuple[list[Any], list[TensorProto], list[Any]]:
    """Nodes, constants and further inputs of a quantizer."""
    name, low, high = made.name, *made.limits
    if form == "qonnx":
        return _quant(made)
    kind = KINDS[8 if made.bits <= 8 else 16, made.signed]
    step = numpy_helper.from_array(made.step, f"{name}.step")
    zero = numpy_helper.from_array(np.full(made.step.shape, made.zero).astype(kind), f"{name}.zero")
    tensors, given = [step, zero], f"{name}.q"
    axis = {"axis": 1} if made.step.ndim else {}
    nodes = []
    if made.weight is not None:
        tensors.append(numpy_helper.from_array(made.weight.astype(kind), given))
    else:
        nodes.append(helper.make_node("QuantizeLinear", [made.given, step.name, zero.name], [given], f"{name}/q"))
        if made.bits not in (8, 16):
            ends = [numpy_helper.from_array(np.array(end, kind), f"{name}.{end}") for end in (low, high)]
            tensors += ends
            nodes.append(helper.make_node("Clip", [given, *(end.name for end in ends)], [f"{name}.c"], f"{name}/clip"))
            given = f"{name}.c"
    out = f"{name}.exact" if noise and made.weight is None else name
    nodes.append(helper.make_node("DequantizeLinear", [given, step.name, zero.name], [out], f"{name}/dq", **axis))
    if out == name:
        return nodes, tensors, []
    info = helper.make_tensor_value_info(f"noise_{name}", TensorProto.FLOAT, None)
    nodes.append(helper.make_node("Add", [out, info.name], [name], f"{name}/noise"))
    return nodes, tensors, [info]


def _quant(made: Quantizer) -> tuple[list[Any], list[TensorProto], list[Any]]:
    name = made.name
    parameters = [made.step, np.float32(made.zero), np.float32(made.bits)]
    tensors = [numpy_helper.from_array(value, f"{name}.{index}") for index, value in enumerate(parameters)]
    given = made.given
    if made.weight is not None:
        given = f"{name}.w"
        tensors.append(numpy_helper.from_array((made.weight * made.step).astype(np.float32), given))
    domain = DOMAINS[len(name) % len(DOMAINS)]
    names = [given, *(tensor.name for tensor in tensors[:3])]
    attributes = {"signed": int(made.signed), "narrow": 0, "rounding_mode": "ROUND"}
    return [helper.make_node("Quant", names, [name], f"{name}/quant", domain=domain, **attributes)], tensors, []


# ---- operators: each takes the drawing and one of its values, and gives a new one or None where it does not fit


def dense(d: Drawing, x: Value) -> Value:
    outputs = d.pick((4, 6, 8))
    y = d.node("MatMul", x.name, d.weights(x.shape[-1], outputs))
    if d.chance(0.6):
        y = d.node("Add", y, d.rng.normal(size=outputs).astype(np.float32) * np.float32(0.3))
    return Value(y, (*x.shape[:-1], outputs))


def two(d: Drawing, x: Value) -> Value:
    """A sum, difference or product with another value of the same shape."""
    others = [value for value in d.values if value.shape == x.shape] or [x]
    other = d.pick(others)
    return Value(d.node(d.pick(("Add", "Add", "Sub", "Mul")), x.name, other.name), x.shape)


def branches(d: Drawing, x: Value) -> Value:
    """Two products with constants, added without a quantizer between them."""
    other = d.pick([value for value in d.values if value.shape[:-1] == x.shape[:-1]])
    outputs = d.pick((4, 8))
    gains = d.rng.uniform(0.2, 2, 2)
    parts = [
        d.node("MatMul", v.name, d.weights(v.shape[-1], outputs, g)) for v, g in zip((x, other), gains, strict=True)
    ]
    return Value(d.node("Add", *parts), (*x.shape[:-1], outputs))


def with_constant(d: Drawing, x: Value) -> Value:
    kind = d.pick(("Add", "Sub", "Mul", "Div"))
    shape = d.pick(((), x.shape[-1:], x.shape[-1:]))
    constant = d.rng.uniform(0.5, 2, shape) if kind in ("Mul", "Div") else d.rng.normal(size=shape)
    if kind == "Mul" and d.chance(0.3):
        constant = -constant
    return Value(d.node(kind, x.name, constant.astype(np.float32)), x.shape)


FUNCTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Relu", {}), ("Relu", {}), ("Relu", {}), ("Sigmoid", {}), ("Tanh", {}), ("Erf", {}), ("LeakyRelu", {"alpha": 0.1}),
    ("HardSigmoid", {}), ("HardSwish", {}), ("Softplus", {}), ("Gelu", {}), ("Abs", {}), ("Neg", {}), ("Elu", {}),
    ("Exp", {}), ("Floor", {}), ("Round", {}), ("Ceil", {}), ("Sign", {}),
)  # fmt: skip


def function(d: Drawing, x: Value) -> Value:
    kind, attributes = d.pick(FUNCTIONS)
    if d.chance(0.1):
        return Value(d.node("Clip", x.name, np.float32(-0.5), np.float32(d.rng.uniform(0, 1))), x.shape)
    return Value(d.node(kind, x.name, **attributes), x.shape)


def norm(d: Drawing, x: Value) -> Value:
    channels = x.shape[-1]
    gamma = d.rng.uniform(0.5, 1.5, channels).astype(np.float32)
    epsilon = float(d.pick((1e-5, 1e-6, 1e-3)))
    if d.opset >= 23 and d.chance(0.5):
        return Value(d.node("RMSNormalization", x.name, gamma, axis=-1, epsilon=epsilon), x.shape)
    beta = [d.rng.normal(size=channels).astype(np.float32)] if d.chance(0.5) else []
    return Value(d.node("LayerNormalization", x.name, gamma, *beta, axis=-1, epsilon=epsilon), x.shape)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def cut(d: Drawing, x: Value) -> Value | None:
    """A slice of channels or tokens, or channels in another order."""
    axis = d.pick([axis for axis in range(1, len(x.shape)) if x.shape[axis] > 1] or [0])
    if not axis:
        return None
    size, shape = x.shape[axis], list(x.shape)
    if d.chance(0.3):
        order = d.rng.permutation(size)[: int(d.rng.integers(1, size, endpoint=True))]
        shape[axis] = len(order)
        return Value(d.node("Gather", x.name, order.astype(np.int64), axis=axis), tuple(shape), x.fixed)
    start = int(d.rng.integers(0, size))
    stop = int(d.rng.integers(start + 1, size, endpoint=True))
    step = d.pick((1, 1, 2))
    shape[axis] = len(range(start, stop, step))
    return Value(d.node("Slice", x.name, ints(start), ints(stop), ints(axis), ints(step)), tuple(shape), x.fixed)


def halves(d: Drawing, x: Value) -> Value | None:
    """Split in two, one half through a function at times, and joined in the other order."""
    size = x.shape[-1]
    if size % 2:
        return None
    first = d.node("Split", x.name, outputs=2, axis=len(x.shape) - 1, num_outputs=2)
    parts = [f"{first}.1", d.node("Relu", first) if d.chance(0.4) else first]
    return Value(d.node("Concat", *parts, axis=len(x.shape) - 1), x.shape)


def join(d: Drawing, x: Value) -> Value | None:
    axis = d.pick(range(1, len(x.shape)))
    rest = [v for v in d.values if len(v.shape) == len(x.shape) and _without(v.shape, axis) == _without(x.shape, axis)]
    other = d.pick(rest)
    shape = list(x.shape)
    shape[axis] += other.shape[axis]
    if shape[axis] > 16:
        return None
    return Value(d.node("Concat", x.name, other.name, axis=axis), tuple(shape))


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]


def heads(d: Drawing, x: Value) -> Value | None:
    """Channels split into heads, something done to them there, and joined again."""
    if len(x.shape) != 3 or x.shape[-1] % 2:
        return None
    tokens, channels = x.shape[1:]
    perm = [0, 2, 1, 3]
    y = d.node("Transpose", d.node("Reshape", x.name, ints(0, -1, 2, channels // 2)), perm=perm)
    if d.chance(0.4):
        y = d.node("Relu", y) if d.chance(0.5) else d.node("Mul", y, np.float32(0.7))
    y = d.node("Reshape", d.node("Transpose", y, perm=perm), ints(0, tokens, channels))
    return Value(y, x.shape)


def pairs(d: Drawing, x: Value) -> Value | None:
    """Neighbouring tokens joined into one."""
    if len(x.shape) != 3 or x.shape[1] % 2 or x.shape[2] > 8:
        return None
    shape = (1, x.shape[1] // 2, 2 * x.shape[2])
    return Value(d.node("Reshape", x.name, ints(*shape)), shape, x.fixed)


def attention(d: Drawing, x: Value) -> Value | None:
    if len(x.shape) != 3:
        return None
    tokens, count, depth = x.shape[1], d.pick((1, 2)), 4

    def head(last: list[int]) -> str:
        y = d.node("MatMul", x.name, d.weights(x.shape[-1], count * depth))
        y = d.quantized(Value(y, (1, tokens, count * depth)), 8).name
        return d.node("Transpose", d.node("Reshape", y, ints(0, -1, count, depth)), perm=last)

    q, k, v = head([0, 2, 1, 3]), head([0, 2, 3, 1]), head([0, 2, 1, 3])
    s = d.node("Mul", d.node("MatMul", q, k), np.float32(depth**-0.5))
    hidden = np.triu(np.ones((tokens, tokens), bool), 1)
    if d.chance(0.4):
        hidden = (d.rng.random((tokens, tokens)) < 0.3) & ~np.eye(tokens, dtype=bool)
    if d.chance(0.25):
        s = d.node("Where", hidden, np.float32(-1e9), s)
    elif d.chance(0.33):
        s = d.node("Add", s, np.where(hidden, np.float32(-3.4e38), np.float32(0)))
    elif d.chance(0.7):
        s = d.quantized(Value(s, (1, count, tokens, tokens)), 8).name
        s = d.node("Relu", s) if d.chance(0.1) else s
    p = d.quantized(Value(d.node("Softmax", s, axis=-1), ()), 8).name
    y = d.node("Transpose", d.node("MatMul", p, v), perm=[0, 2, 1, 3])
    return Value(d.node("Reshape", y, ints(0, -1, count * depth)), (1, tokens, count * depth))


def pool_attention(d: Drawing, x: Value) -> Value | None:
    """Softmax over the tokens of learned scores, and the weighted sum of the tokens."""
    if len(x.shape) != 3:
        return None
    queries = d.pick((1, 2))
    s = d.node("MatMul", x.name, d.weights(x.shape[-1], queries))
    s = d.node("Relu", s) if d.chance(0.2) else s
    if d.chance(0.6):
        s = d.quantized(Value(s, (1, x.shape[1], queries)), 8).name
    if queries == 1 and d.chance(0.5):  # written as a product and a sum
        p = d.quantized(Value(d.node("Softmax", s, axis=1), (1, x.shape[1], 1)), 8)
        y = Value(d.node("Mul", x.name, p.name), x.shape)
        y = d.quantized(y) if d.chance(0.5) else y
        return Value(d.node("ReduceSum", y.name, ints(1), keepdims=0), (1, x.shape[-1]))
    p = d.node("Softmax", d.node("Transpose", s, perm=[0, 2, 1]), axis=-1)
    p = d.quantized(Value(p, ()), 8).name
    return Value(d.node("MatMul", p, x.name), (1, queries, x.shape[-1]))


def mean(d: Drawing, x: Value) -> Value | None:
    if len(x.shape) != 3:
        return None
    keep = d.chance(0.7)
    y = d.node("ReduceMean", x.name, ints(1), keepdims=int(keep))
    return Value(y, (1, 1, x.shape[-1]) if keep else (1, x.shape[-1]))


def flat(d: Drawing, x: Value) -> Value | None:
    """All tokens as one vector, through a matrix."""
    if len(x.shape) != 3 or x.shape[1] * x.shape[2] > 48:
        return None
    size = x.shape[1] * x.shape[2]
    y = d.node("Flatten", x.name, axis=1)
    return Value(d.node("MatMul", y, d.weights(size, 4)), (1, 4))


@dataclass(frozen=True)
class Kind:
    """An operator: how often it is drawn, and how often a quantizer follows it."""

    make: Callable[[Drawing, Value], Value | None]
    weight: float
    quantized: float


OPERATORS = (
    Kind(dense, 3, 0.75),
    Kind(two, 3, 0.7),
    Kind(branches, 1, 0.9),
    Kind(with_constant, 1.5, 0.7),
    Kind(function, 3, 0.93),
    Kind(norm, 2, 0.98),
    Kind(cut, 2, 0.2),
    Kind(halves, 1, 0.6),
    Kind(join, 1.5, 0.6),
    Kind(heads, 1, 0.5),
    Kind(pairs, 0.5, 0.2),
    Kind(attention, 1.2, 0.97),
    Kind(pool_attention, 0.5, 0.97),
    Kind(mean, 0.5, 0.95),
    Kind(flat, 0.4, 0.95),
)
FIXING = (cut, pairs)
"""Operators that only move numbers: behind a quantizer they may stay without one."""


@dataclass(frozen=True)
class Case:
    """A drawn file: `model` is what accel reads, `judge` the same in a form that ONNX Runtime executes.

    `noisy` has an input for the steps by which each inner quantizer is off. `x` is (samples, *input).
    """

    seed: int
    model: onnx.ModelProto
    judge: onnx.ModelProto
    noisy: onnx.ModelProto
    steps: dict[str, tuple[float, int]]
    step: float
    x: np.ndarray
    operators: tuple[str, ...]


def drawn(seed: int) -> Case:
    """The case of a seed."""
    rng = np.random.default_rng(seed)
    tokens, channels = int(rng.integers(2, 7)), int(rng.choice([4, 6, 8]))
    form, opset = FORMS[int(rng.integers(len(FORMS)))], int(rng.choice([18, 21, 23]))
    opset = max(opset, 21)  # 16-bit quantizers of ONNX are of version 21
    order = int(rng.choice([0, 0, 0, 0, 1, 2]))
    shape = [(1, tokens, channels), (tokens, 1, channels), (1, channels, tokens)][order]
    d = Drawing(rng, rng.normal(size=(SAMPLES, *shape)).astype(np.float32), form, opset)
    first = d.quantized(Value("x", shape), 8)
    if order:
        first = Value(
            d.node("Transpose", first.name, perm=[[1, 0, 2], [0, 2, 1]][order - 1]), (1, tokens, channels), True
        )
    d.values.append(first)
    made, last = [], first
    weights = np.array([kind.weight for kind in OPERATORS])
    for _ in range(int(rng.integers(1, 6))):
        kind = OPERATORS[int(rng.choice(len(OPERATORS), p=weights / weights.sum()))]
        x = last if d.chance(0.7) else d.pick(d.values)
        if not x.fixed and d.chance(0.5):
            x = d.quantized(x)
        before = len(d.nodes)
        value = kind.make(d, x)
        if value is None:
            del d.nodes[before:]
            continue
        made.append(kind.make.__name__)
        last = d.quantized(value) if d.chance(kind.quantized) else value
        d.values.append(last)
    if not (isinstance(d.nodes[-1], Quantizer) and d.nodes[-1].name == last.name) or last is first:
        last = d.quantized(last)
    final = d.nodes[-1]
    steps = {
        f"noise_{node.name}": (float(node.step), node.zero)
        for node in d.nodes
        if isinstance(node, Quantizer) and node.weight is None
    }
    models = (d.model(last.name, form), d.model(last.name, "qdq"), d.model(last.name, "qdq", noise=True))
    return Case(seed, *models, steps, float(final.step), d.x, tuple(made))


@dataclass(frozen=True)
class Verdict:
    """What became of a case: "exact", "near" (within its bound), "refused" or "wrong".

    `off` and `allowed` are in steps of the output; `reason` is the refusal without names, or what is wrong.
    """

    seed: int
    kind: str
    off: float = 0.0
    allowed: float = 0.0
    reason: str = ""


def allowance(case: Case, right: list[np.ndarray]) -> float:
    """How far the output may be off, in its steps."""
    session = opened(case.noisy)
    inputs = [one.name for one in session.get_inputs() if one.name != "x"]
    if not inputs:
        return BOUND
    shapes = _shapes(case.judge, [name.removeprefix("noise_") for name in inputs], case.x[0])
    rng, worst = np.random.default_rng(case.seed), 0.0
    for trial in range(TRIALS):
        sample = trial % len(case.x)
        noise = {
            name: (rng.integers(-1, 2, shape) * case.steps[name][0]).astype(np.float32)
            for name, shape in zip(inputs, shapes, strict=True)
        }
        y = session.run(None, {"x": case.x[sample], **noise})[0]
        worst = max(worst, float(np.abs(y - right[sample]).max()))
    return BOUND + MARGIN * worst / case.step


def _shapes(model: onnx.ModelProto, names: list[str], x: np.ndarray) -> list[tuple[int, ...]]:
    return [array.shape for array in opened(showing(model, names)).run(None, {"x": x})]


def judged(case: Case) -> Verdict:
    """Import the case and hold its output to ONNX Runtime."""
    session = opened(case.judge)
    right = [session.run(None, {"x": x})[0] for x in case.x]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "drawn.onnx"
        onnx.save(case.model, path)
        try:
            imported = onnx_import.read(path)
        except UserError as error:
            return Verdict(case.seed, "refused", reason=_reason(str(error).removeprefix(f"{path}: ")))
        graph = imported.graph
        x = np.concatenate([imported.samples(x) for x in case.x])
        y = reference.run(graph, reference.quantize(graph, x))
    layout = imported.origins[graph.output].layout
    expected = np.concatenate([layout.to_edge(one.astype(np.float64)) for one in right])
    if expected.size != y.size:
        return Verdict(case.seed, "wrong", reason=f"shape {y.shape} instead of {expected.shape}")
    off = float((np.abs(y * np.asarray(graph.output_tensor.scale) - expected.reshape(y.shape)) / case.step).max())
    if off < 0.01:
        return Verdict(case.seed, "exact", off)
    allowed = allowance(case, right)
    return Verdict(case.seed, "near" if off <= allowed else "wrong", off, allowed, " ".join(case.operators))


def _reason(text: str) -> str:
    """The first reason of a refusal, without the names and numbers of its file."""
    first = text.split(" | ")[0].split(": ", 1)[-1]
    return re.sub(r"\d+(\.\d+)?(e[-+]?\d+)?", "N", re.sub(r"'[^']*'", "…", first))[:160]


def verdicts(seeds: range) -> Iterator[Verdict]:
    """One verdict per seed."""
    for seed in seeds:
        yield judged(drawn(seed))
