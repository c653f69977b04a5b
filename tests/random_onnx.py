"""Random ONNX graphs over every form that the import takes: what `import_judge` holds to the file itself.

`drawn(seed, size, folder, inputs)` writes a file of about `size` operators; a smaller size gives its beginning, so that
a failure shrinks. Several inputs are mixed by the first operators, each behind a quantizer of its own. Every node is
executed when it is drawn: a quantizer's step follows from the numbers that reach it, so that it neither clips
everything nor wastes its range.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from onnx_session import evaluated
from qonnx_files import File

FUNCTIONS = {
    "Sigmoid": {}, "Tanh": {}, "Gelu": {}, "Erf": {}, "HardSwish": {}, "HardSigmoid": {}, "LeakyRelu": {"alpha": 0.2},
    "Elu": {}, "Abs": {}, "Neg": {}, "Softplus": {}, "Exp": {}, "Clip": {},
}  # fmt: skip
STEPS = ("Floor", "Ceil", "Round", "Sign")
"""Functions that jump: drawn behind quantizers alone, where the file's float32 and the integers cannot differ."""
LARGEST_EXPONENT = 20.0
INTEGERS = (np.int8, np.int8, np.int8, np.uint8, np.uint8, np.uint8, np.int16, np.uint16)
UNSIGNED = {np.int8: np.uint8, np.int16: np.uint16}
DOMAINS = ("qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas")
ROUNDINGS = ("ROUND", "FLOOR", "CEIL", "HALF_UP", "HALF_DOWN", "DOWN", "UP")
FORMS = ["btc", "btc", "btc", "tbc", "tc", "bct", "ids"]
MIXES = ("Add", "Add", "Sub", "Mul", "Concat", "Concat")
MOST_CHANNELS, MOST_TOKENS = 24, 16


@dataclass(frozen=True)
class Value:
    """A tensor (batch, tokens, channels) of the file; `quantized` where a quantizer made its numbers."""

    name: str
    tokens: int
    channels: int
    quantized: bool = False


class Draw:
    """A file that grows by random operators on random values, so that many tensors have several readers."""

    def __init__(self, seed: int, inputs: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self.qonnx = self.chance(0.12)
        self.powers = self.chance(0.25)
        form = str(self.pick(FORMS))
        self.batch = 1 if form == "tc" else int(self.pick([1, 1, 2, 3]))
        tokens, channels = int(self.rng.integers(1, 7)), int(self.pick([1, 2, 3, 4, 6, 8]))
        shape = self._shape(form, tokens, channels)
        self.file = File(shape, opset=23 if self.chance(0.3) else 21)
        self.numbers: dict[str, np.ndarray] = {}
        self.values = [self._input("in", form, shape, channels)]
        self.mask = ""
        for number in range(1, inputs):
            if self.chance(0.4):
                self.mask = self._mask(f"in{number}", tokens)
                self.values.append(attention(self, self.values[0]))
            else:
                self.values.append(self._another(f"in{number}", tokens))

    def _shape(self, form: str, tokens: int, channels: int) -> tuple[int, ...]:
        return {
            "btc": (self.batch, tokens, channels), "tbc": (tokens, self.batch, channels), "tc": (tokens, channels),
            "bct": (self.batch, channels, tokens), "ids": (self.batch, tokens),
        }[form]  # fmt: skip

    def _another(self, name: str, tokens: int) -> Value:
        """One more input, mixed with the first one."""
        form = str(self.pick([form for form in FORMS if form != "tc" or self.batch == 1]))
        tokens, channels = int(self.pick([tokens, tokens, 1, 3])), int(self.pick([1, 2, 3, 4, 6]))
        shape = self._shape(form, tokens, channels)
        self.file.input(name, shape)
        return self._mixed(self.values[0], self._input(name, form, shape, channels))

    def _mask(self, name: str, tokens: int) -> str:
        """An input of 0 and 1 that shows the first token, and others by chance: one row, or one for each query."""
        shape = (self.batch, *self.pick([(tokens,), (tokens, tokens), (1, 1, tokens), (1, tokens, tokens)]))
        kind = self.pick([TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL])
        self.file.input(name, shape, kind)
        shown = self.rng.random(shape) < 0.6
        shown[..., 0] = True
        self.numbers[name] = shown.astype(helper.tensor_dtype_to_np_dtype(kind))
        axes = {2: ints(1, 2), 3: ints(1)}.get(len(shape))
        return name if axes is None else self.node("Unsqueeze", name, axes)

    def hidden(self, scores: str) -> str:
        """Scores (batch, heads, queries, keys) behind the mask that comes in, in one of the forms of exporters."""
        low, way = np.float32(self.pick([-1e4, -1e9, -3.4e38])), int(self.rng.integers(4))
        shown = self.node("Cast", self.mask, to=TensorProto.FLOAT)
        if way == 0:
            return self.node("Add", scores, self.node("Mul", self.node("Sub", np.float32(1), shown), low))
        if way == 1:
            return self.node("Where", self.node("Cast", self.mask, to=TensorProto.BOOL), scores, low)
        gone = self.node("Equal", shown, np.float32(0))
        if way == 2:
            return self.node("Where", gone, low, scores)
        return self.node("Add", self.node("Where", gone, low, np.float32(0)), scores)

    def _mixed(self, first: Value, second: Value) -> Value:
        """Two values of any shapes as one."""
        if first.tokens not in (second.tokens, 1) and second.tokens != 1:
            axis = 1
            second = dense(self, second, first.channels)
        else:
            axis = 0 if first.channels == second.channels and self.chance(0.5) else 2
        if axis == 0 or (axis == 2 and first.tokens != second.tokens):
            second = second if second.channels == first.channels else dense(self, second, first.channels)
            return self.value(self.node(str(self.pick(["Add", "Sub", "Mul"])), first.name, second.name))
        return self.value(self.node("Concat", first.name, second.name, axis=axis))

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def pick(self, options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    # ---- nodes

    def const(self, value: Any) -> str:
        array = np.asarray(value)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        name = self.file.const(array, dtype=array.dtype)
        self.numbers[name] = array
        return name

    def node(self, op: str, *given: Any, more: int = 0, **attributes: Any) -> str:
        """A node of tensors and constants; its first output, or number `more` of its outputs."""
        names = [one if isinstance(one, str) else self.const(one) for one in given]
        first = self.file.node(op, *names, **attributes)
        made = self.file.nodes[-1]
        made.output.extend(f"{first}_{index}" for index in range(1, more + 1))
        found = evaluated(made, self.file.opset, [self.numbers[name] for name in names])
        self.numbers.update(zip(made.output, map(np.asarray, found), strict=True))
        return made.output[more]

    def value(self, name: str, quantized: bool = False) -> Value:
        _, tokens, channels = self.numbers[name].shape
        return Value(name, tokens, channels, quantized)

    def size(self, v: Value | str) -> float:
        """The largest magnitude of a tensor's numbers."""
        return max(1e-3, float(np.abs(self.numbers[v if isinstance(v, str) else v.name]).max()))

    # ---- inputs

    def _input(self, name: str, form: str, shape: tuple[int, ...], channels: int) -> Value:
        if form == "ids":
            self.file.inputs[-1].type.tensor_type.elem_type = TensorProto.INT64
            rows = int(self.rng.integers(2, 20))
            self.numbers[name] = self.rng.integers(0, rows, shape)
            return self.value(self.node("Gather", self.weight((rows, channels), axis=None), name))
        x = self.rng.normal(scale=1.5, size=shape).astype(np.float32)
        x.reshape(-1)[: x.size // 3] = x.reshape(-1)[0]  # rows that are nearly constant, too
        self.numbers[name] = x
        y = self.quantizer(name, nearest=True)
        if form == "tc":
            return self.value(self.node("Unsqueeze", y, ints(0)), True)
        perm = {"tbc": [1, 0, 2], "bct": [0, 2, 1]}.get(form)
        return self.value(y if perm is None else self.node("Transpose", y, perm=perm), True)

    # ---- quantizers

    def quantizer(self, x: str, nearest: bool = False) -> str:
        """A quantizer that fits a tensor's numbers, or clips some of them."""
        unsigned = bool(self.numbers[x].min() >= 0) and self.chance(0.8)
        return self._quant(x, nearest, unsigned) if self.qonnx else self._quantize(x, nearest, unsigned)

    def quantized(self, v: Value) -> Value:
        return replace(v, name=self.quantizer(v.name), quantized=True)

    def _step(self, x: str, top: int) -> np.float32:
        step = self.size(x) * self.rng.uniform(0.6, 1.2) / max(1, top)
        return np.float32(2.0 ** np.round(np.log2(step)) if self.powers else step)

    def _quant(self, x: str, nearest: bool, unsigned: bool) -> str:
        bits, signed = int(self.rng.integers(2, 17)), not unsigned
        mode = "ROUND" if nearest or self.chance(0.7) else str(self.pick(ROUNDINGS))
        step, narrow = self._step(x, (1 << bits - signed) - 1), self.chance(0.3)
        parameters = [self.const(np.float32(value)) for value in (step, 0, bits)]
        attributes = {"signed": int(signed), "narrow": int(narrow), "rounding_mode": mode}
        y = self.file.node("Quant", x, *parameters, domain=self.pick(DOMAINS), **attributes)
        low = -(1 << bits - 1) if signed else 0
        self.numbers[y] = fake(self.numbers[x], step, low + (narrow and signed), low + (1 << bits) - 1 - narrow)
        return y

    def _quantize(self, x: str, nearest: bool, unsigned: bool) -> str:
        kind = self.pick(INTEGERS)
        kind = UNSIGNED.get(kind, kind) if unsigned else kind
        limits = np.iinfo(kind)
        zero = 0 if limits.min < 0 or unsigned else (limits.max + 1) // 2
        if (zero and self.chance(0.3)) or (kind == np.int8 and self.chance(0.2)):
            zero += int(self.rng.integers(-20, 21))
        zero = 0 if self.powers and nearest and zero % 2 else zero
        given = [self.const(self._step(x, limits.max - zero)), self.const(np.asarray(zero, kind))]
        low, high = limits.min, limits.max
        y = self.file.node("QuantizeLinear", x, *given)
        if kind == np.int8 and zero == 0 and self.chance(0.3):
            high = (1 << int(self.rng.integers(2, 7))) - 1
            low = -high - 1
            y = self.file.node("Clip", y, self.const(np.asarray(low, kind)), self.const(np.asarray(high, kind)))
        y = self.file.node("DequantizeLinear", y, *given)
        self.numbers[y] = fake(self.numbers[x], self.numbers[given[0]], low - zero, high - zero)
        return y

    def weight(self, shape: tuple[int, ...], axis: int | None = -1) -> str:
        """Constants of size 1 / sqrt(inputs), in 2 to 8 bits, with one scale or one for each place of the last axis."""
        top = (1 << int(self.rng.integers(1, 8))) - 1
        per_channel = axis is not None and self.chance(0.6)
        steps = 1.5 / top / np.sqrt(shape[0]) * 10 ** self.rng.uniform(-1, 0.3, shape[-1] if per_channel else 1)
        steps = (2.0 ** np.round(np.log2(steps)) if self.powers else steps).astype(np.float32)
        integers = self.rng.integers(-top, top + 1, shape)
        if self.qonnx:
            y = self.file.weight(integers, steps, 8)
        else:
            options = {"axis": len(shape) - 1} if per_channel else {}
            parameters = self.const(steps if per_channel else steps[0])
            y = self.file.node("DequantizeLinear", self.const(integers.astype(np.int8)), parameters, **options)
        self.numbers[y] = (integers * steps).astype(np.float32)
        return y

    # ---- growth

    def grow(self) -> None:
        """One more operator."""
        late = self.values[-1 - int(self.rng.geometric(0.5) - 1) % len(self.values)]
        made = OPERATORS[int(self.rng.choice(len(OPERATORS), p=WEIGHTS))].make(self, late)
        if made.channels <= MOST_CHANNELS and made.tokens <= MOST_TOKENS:
            self.values.append(self.quantized(made) if self.size(made) > 1e4 else made)

    def like(self, v: Value, channels: bool = True) -> Value:
        """Another value of the same tokens or channels: an earlier one, or one that is made for it."""
        fits = [w for w in self.values if w.tokens == v.tokens and (w.channels == v.channels or not channels)]
        other = self.pick(fits)
        return dense(self, v, v.channels if channels else None) if other.name == v.name and self.chance(0.8) else other

    def done(self, folder: Path) -> Path:
        last = self.values[-1]
        last = self.quantized(last) if not last.quantized and self.chance(0.7) else last
        return self.file.save(folder, last.name)


def fake(x: np.ndarray, step: np.ndarray, low: int, high: int) -> np.ndarray:
    """Numbers behind a quantizer to nearest: close enough to what any quantizer makes of them for the next step."""
    return np.asarray(np.clip(np.rint(x / step), low, high) * step, np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


# ---- operators


def dense(d: Draw, v: Value, outputs: int | None = None) -> Value:
    outputs = outputs or int(d.pick([1, 2, 3, 4, 6, 8]))
    weight = d.weight((v.channels, outputs))
    einsum = d.chance(0.15)
    y = d.node("Einsum", v.name, weight, equation="btc,co->bto") if einsum else d.node("MatMul", v.name, weight)
    if d.chance(0.5):
        y = d.node("Add", y, d.rng.normal(0, 0.3, outputs) * d.size(y))
    return d.value(y)


def relu(d: Draw, v: Value) -> Value:
    return d.value(d.node("Relu", v.name))


def function(d: Draw, v: Value) -> Value:
    op = str(d.pick(STEPS if v.quantized and d.chance(0.3) else list(FUNCTIONS)))
    if op == "Exp" and d.size(v) > LARGEST_EXPONENT:
        op = "Tanh"
    bounds = [np.float32(-0.4 * d.size(v)), np.float32(d.rng.uniform(0, 1) * d.size(v))] if op == "Clip" else []
    y = d.node(op, v.name, *bounds, **FUNCTIONS.get(op, {}))
    if op not in STEPS and d.chance(0.2):
        y = d.node("Mul", y, v.name)
    return d.value(y) if d.chance(0.1) else d.quantized(d.value(y))


def mix(d: Draw, v: Value) -> Value:
    """Two values: a sum, a difference, a gate, or side by side."""
    op = str(d.pick(MIXES))
    other = d.like(v, channels=op != "Concat")
    names = [one.name for one in ([v, other] if d.chance(0.5) else [other, v])]
    if op != "Concat":
        return d.value(d.node(op, *names))
    return d.value(d.node(op, *names, axis=1 if v.channels == other.channels and d.chance(0.5) else 2))


def cut(d: Draw, v: Value) -> Value:
    """Some tokens or channels, by Slice, Split or Gather."""
    axis = int(d.rng.integers(1, 3))
    size = (v.tokens, v.channels)[axis - 1]
    if size == 1:
        return relu(d, v)
    first, last = sorted(int(i) for i in d.rng.choice(size + 1, 2, replace=False))
    way = int(d.rng.integers(3))
    if way == 0:
        y = d.node("Slice", v.name, ints(first), ints(last), ints(axis), ints(2 if d.chance(0.1) else 1))
    elif way == 1 and 0 < first < last == size:
        y = d.node("Split", v.name, ints(first, last - first), more=1, axis=axis)
    else:
        places = np.arange(first, last)
        y = d.node("Gather", v.name, d.rng.permutation(places) if axis == 2 or d.chance(0.1) else places, axis=axis)
    return d.value(y, v.quantized)


def halves(d: Draw, v: Value) -> Value:
    """Split in two, one half through an operator, and joined in the other order."""
    if v.channels % 2:
        return relu(d, v)
    second = d.node("Split", v.name, more=1, axis=2, num_outputs=2)
    first = second.removesuffix("_1")
    first = d.node("Relu", first) if d.chance(0.5) else d.node("Neg", first)
    return d.value(d.node("Concat", second, first, axis=2))


def moved(d: Draw, v: Value) -> Value:
    """Axes in another order, or split, with an operator there, and back; or neighbouring tokens as one."""
    if d.chance(0.4):
        y = d.node("Transpose", v.name, perm=[0, 2, 1])
        y = d.node("Relu", y) if d.chance(0.5) else _normalized(d, y, v)
        return d.value(d.node("Transpose", y, perm=[0, 2, 1]))
    if d.chance(0.2) and v.tokens % 2 == 0:
        return d.value(d.node("Reshape", v.name, ints(0, v.tokens // 2, -1)), v.quantized)
    heads = max(n for n in (1, 2, 3) if v.channels % n == 0)
    y = d.node("Transpose", d.node("Reshape", v.name, ints(0, 0, heads, v.channels // heads)), perm=[0, 2, 1, 3])
    within = d.pick([d.quantizer, lambda x: d.node("Relu", x), lambda x: d.node("Mul", x, np.float32(0.7))])
    y = within(y)
    return d.value(d.node("Reshape", d.node("Transpose", y, perm=[0, 2, 1, 3]), ints(0, 0, v.channels)))


def _normalized(d: Draw, y: str, v: Value) -> str:
    """BatchNormalization of (batch, channels, tokens)."""
    n = v.channels
    numbers = [d.rng.normal(1, 0.5, n), d.rng.normal(0, 0.5, n), d.rng.normal(0, 0.2, n), d.rng.uniform(0.3, 2, n)]
    return d.node("BatchNormalization", y, *numbers)


def scaled(d: Draw, v: Value) -> Value:
    """Times or plus constants: one, one per channel, or one per token and channel."""
    shape = d.pick([(), (v.channels,), (v.channels,), (1, v.tokens, v.channels)])
    op = str(d.pick(["Mul", "Div", "Add", "Sub"]))
    if op in ("Mul", "Div"):
        by = np.asarray(d.rng.uniform(0.3, 2, shape)) * (-1 if d.chance(0.2) else 1)
        return d.value(d.node(op, v.name, by))
    constant = d.const(np.asarray(d.rng.normal(0, 0.3, shape) * d.size(v)))
    return d.value(d.node(op, v.name, d.quantizer(constant) if d.qonnx else constant))


def norm(d: Draw, v: Value) -> Value:
    gamma, beta = d.rng.normal(1, 0.3, v.channels), d.rng.normal(0, 0.3, v.channels)
    epsilon = float(d.pick([1e-5, 1e-6, 1e-3]))
    if d.chance(0.6):
        y = d.node("LayerNormalization", v.name, gamma, *([beta] if d.chance(0.6) else []), epsilon=epsilon)
    elif d.file.opset >= 23 and d.chance(0.5):
        y = d.node("RMSNormalization", v.name, gamma, axis=-1, epsilon=epsilon)
    else:
        mean = d.node("ReduceMean", d.node("Mul", v.name, v.name), ints(-1))
        root = d.node("Sqrt", d.node("Add", mean, np.float32(epsilon)))
        y = d.node("Mul", d.node("Div", v.name, root), gamma)
    return d.quantized(d.value(y))


def attention(d: Draw, v: Value) -> Value:
    """Heads of queries, keys and values, with a mask or without."""
    heads, depth = int(d.rng.integers(1, 4)), int(d.pick([1, 2, 4]))
    source = d.like(v, channels=False) if d.chance(0.3) else v

    def projected(x: Value, perm: list[int]) -> str:
        y = d.quantized(dense(d, x, heads * depth)).name
        return d.node("Transpose", d.node("Reshape", y, ints(0, 0, heads, depth)), perm=perm)

    s = d.node("MatMul", projected(v, [0, 2, 1, 3]), projected(source, [0, 2, 3, 1]))
    w = projected(source, [0, 2, 1, 3])
    s = d.node("Mul", s, np.float32(depth**-0.5)) if d.chance(0.7) else s
    s = d.quantizer(s) if d.chance(0.5) else s
    s = d.node("Relu", s) if d.chance(0.05) else s
    if d.mask and d.numbers[d.mask].shape[-1] == source.tokens and d.numbers[d.mask].shape[-2] in (1, v.tokens):
        s = d.hidden(s)
    if d.chance(0.4):
        hidden = np.triu(np.ones((v.tokens, source.tokens), bool), 1)
        if d.chance(0.4):
            hidden = (d.rng.random(hidden.shape) < 0.3) & ~np.eye(*hidden.shape, dtype=bool)
        if d.mask:
            hidden[:, 0] = False  # which no mask hides that comes in: a query sees a key
        low = np.float32(d.pick([-1e9, -3.4e38]))
        s = d.node("Where", hidden, low, s) if d.chance(0.5) else d.node("Add", s, np.where(hidden, low, np.float32(0)))
    p = d.quantizer(d.node("Softmax", s, axis=-1))
    y = d.node("Transpose", d.node("MatMul", p, w), perm=[0, 2, 1, 3])
    return d.value(d.node("Reshape", y, ints(0, 0, heads * depth)))


def pooled(d: Draw, v: Value) -> Value:
    """One token of all: a sum, a mean, or attention with constant queries, also written as a product and a sum."""
    if v.tokens == 1 or d.chance(0.4):
        return d.value(d.node(str(d.pick(["ReduceMean", "ReduceSum"])), v.name, ints(1), keepdims=1))
    v = v if v.quantized else d.quantized(v)
    queries = int(d.rng.integers(1, 3))
    s = d.node("MatMul", v.name, d.weight((v.channels, queries), axis=None))
    s = d.quantizer(s) if d.chance(0.5) else s
    if queries == 1 and d.chance(0.5):
        y = d.node("Mul", v.name, d.quantizer(d.node("Softmax", s, axis=1)))
        y = d.quantizer(y) if d.chance(0.5) else y
        return d.value(d.node("ReduceSum", y, ints(1), keepdims=1))
    p = d.node("Softmax", d.node("Transpose", s, perm=[0, 2, 1]), axis=-1)
    return d.value(d.node("MatMul", d.quantizer(p), v.name))


def vector(d: Draw, v: Value) -> Value:
    """(batch, channels) for one operator: all tokens side by side, or their mean."""
    if d.chance(0.5) and v.tokens * v.channels <= 48:
        y = d.node("Flatten", v.name, axis=1)
    else:
        y = d.node("ReduceMean", v.name, ints(1), keepdims=0)
    y = d.node("MatMul", y, d.weight((d.numbers[y].shape[1], 4)))
    return d.value(d.node("Unsqueeze", y, ints(1)))


@dataclass(frozen=True)
class Kind:
    """An operator and how often it is drawn."""

    make: Callable[[Draw, Value], Value]
    share: float = 1.0


OPERATORS = (
    Kind(Draw.quantized, 5), Kind(dense, 4), Kind(relu, 3), Kind(function, 2.5), Kind(mix, 6), Kind(cut, 4),
    Kind(halves), Kind(moved, 3), Kind(scaled, 3), Kind(norm, 2), Kind(attention, 2.5), Kind(pooled), Kind(vector, 0.5),
)  # fmt: skip
WEIGHTS = np.array([kind.share for kind in OPERATORS]) / sum(kind.share for kind in OPERATORS)


def drawn(seed: int, size: int, folder: Path, inputs: int = 1) -> tuple[Path, dict[str, np.ndarray]]:
    """A file and inputs of its own shapes."""
    draw = Draw(seed, inputs)
    for _ in range(size):
        draw.grow()
    return draw.done(folder), {value.name: draw.numbers[value.name] for value in draw.file.inputs}
