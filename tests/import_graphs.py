"""Random ONNX graphs over every form that the import takes: what `tests/import_judge.py` holds to onnxruntime.

`drawn(seed, size)` is a file of about `size` operators; a smaller size gives its beginning, so a failure shrinks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from onnx import TensorProto
from qonnx_files import File

FUNCTIONS = {
    "Sigmoid": {}, "Tanh": {}, "Gelu": {}, "Erf": {}, "HardSwish": {}, "LeakyRelu": {"alpha": 0.2}, "Elu": {},
    "Abs": {}, "Neg": {}, "Softplus": {}, "Exp": {},
}  # fmt: skip
STEPS = ("Floor", "Ceil", "Round", "Sign")
"""Functions that jump: drawn behind quantizers alone, where the file's float32 and the integers cannot differ."""
INTEGERS = (np.int8, np.uint8, np.int16, np.uint16)
ROUNDINGS = ("ROUND", "FLOOR", "CEIL", "HALF_UP", "HALF_DOWN", "DOWN", "UP")
MIXES = ("Add", "Add", "Sub", "Mul", "Concat", "Concat")


@dataclass(frozen=True)
class Value:
    """A tensor (batch, tokens, channels) of the file; `size` is about its standard deviation."""

    name: str
    tokens: int
    channels: int
    size: float
    quantized: bool = False


class Draw:
    """A file that grows by random operators on random values, so that many tensors have several readers."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.qonnx = self.chance(0.12)
        self.powers = self.chance(0.25)
        self.batch = int(self.rng.choice([1, 1, 2, 3]))
        tokens, channels = int(self.rng.integers(1, 7)), int(self.rng.choice([1, 2, 3, 4, 6, 8]))
        self.form = str(self.rng.choice(["btc", "btc", "btc", "tbc", "tc", "bct", "ids"]))
        if self.form == "tc":
            self.batch = 1
        self.file = File(self._shape(tokens, channels), opset=21)
        self.values = [self._input(tokens, channels)]

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    # ---- inputs

    def _shape(self, tokens: int, channels: int) -> tuple[int, ...]:
        b, t, c = self.batch, tokens, channels
        return {"btc": (b, t, c), "tbc": (t, b, c), "tc": (t, c), "bct": (b, c, t), "ids": (b, t)}[self.form]

    def _input(self, tokens: int, channels: int) -> Value:
        f = self.file
        if self.form == "ids":
            f.inputs[0].type.tensor_type.elem_type = TensorProto.INT64
            rows = int(self.rng.integers(2, 20))
            self.rows = rows
            table = self._weight((rows, channels), axis=None)
            return Value(f.node("Gather", table, "in"), tokens, channels, 1.0)
        x = self._quantizer("in", 1.0, nearest=True)
        if self.form == "tbc":
            x = f.node("Transpose", x, perm=[1, 0, 2])
        elif self.form == "bct":
            x = f.node("Transpose", x, perm=[0, 2, 1])
        elif self.form == "tc":
            x = f.node("Unsqueeze", x, f.ints(0))
        return Value(x, tokens, channels, 1.0, True)

    # ---- quantizers

    def _step(self, size: float, top: int) -> np.ndarray:
        step = max(size, 1e-6) * self.rng.uniform(1.5, 4) / max(1, top)
        return np.float32(2.0 ** np.round(np.log2(step)) if self.powers else step)

    def _quantizer(self, x: str, size: float, nearest: bool = False, unsigned: bool = False) -> str:
        """Of a tensor that has about this size; `unsigned` for what is never negative."""
        f = self.file
        if self.qonnx:
            bits, signed = int(self.rng.integers(2, 17)), int(not unsigned)
            mode = "ROUND" if nearest or self.chance(0.7) else str(self.rng.choice(ROUNDINGS))
            step = self._step(size, (1 << bits - signed) - 1)
            return f.quant(x, step, bits, signed, int(self.chance(0.3)), mode=mode)
        kind = self.rng.choice(INTEGERS[:2] if self.chance(0.7) else INTEGERS)
        kind = {np.int8: np.uint8, np.int16: np.uint16}.get(kind, kind) if unsigned else kind
        limits = np.iinfo(kind)
        middle = 0 if limits.min < 0 or unsigned else (limits.max + 1) // 2
        zero = middle if self.chance(0.7) or unsigned else middle + int(self.rng.integers(-9, 10)) * (middle > 0)
        if kind == np.int8 and self.chance(0.2):
            zero = int(self.rng.integers(-20, 21))
        zero = 0 if self.powers and nearest and zero % 2 else zero
        step = f.const(self._step(size, (limits.max - zero)))
        given = [f.const(zero, dtype=kind)]
        y = f.node("QuantizeLinear", x, step, *given)
        if kind == np.int8 and zero == 0 and self.chance(0.3):
            top = 1 << int(self.rng.integers(1, 7))
            y = f.node("Clip", y, f.const(-top, dtype=kind), f.const(top - 1, dtype=kind))
        return f.node("DequantizeLinear", y, step, *given)

    def quantized(self, v: Value, unsigned: bool = False) -> Value:
        return replace(v, name=self._quantizer(v.name, v.size, unsigned=unsigned), quantized=True)

    def _weight(self, shape: tuple[int, ...], axis: int | None = -1) -> str:
        """Constants of size 1 / sqrt(inputs), in 2 to 8 bits, with one scale or one for each place of an axis."""
        top = (1 << int(self.rng.integers(1, 8))) - 1
        per_channel = axis is not None and self.chance(0.6)
        places = shape[axis] if per_channel and axis is not None else 1
        step = 1.5 / top / np.sqrt(shape[0]) * 10 ** self.rng.uniform(-1, 0.3, places)
        step = (2.0 ** np.round(np.log2(step)) if self.powers else step).astype(np.float32)
        values = self.rng.integers(-top, top + 1, shape)
        if self.qonnx:
            return self.file.weight(values, step, 8)
        parameters = self.file.const(step if per_channel else step[0])
        options = {"axis": len(shape) - 1} if per_channel else {}
        return self.file.node("DequantizeLinear", self.file.const(values, dtype=np.int8), parameters, **options)

    # ---- operators

    def grow(self) -> None:
        """One more operator."""
        late = self.values[-1 - int(self.rng.geometric(0.5) - 1) % len(self.values)]
        kind = self.rng.choice(list(OPERATORS), p=WEIGHTS)
        self.values.append(OPERATORS[str(kind)](self, late))

    def like(self, v: Value, channels: bool = True) -> Value:
        """Another value of the same tokens or channels: an earlier one, or one that is made for it."""
        fits = [w for w in self.values if w.tokens == v.tokens and (w.channels == v.channels or not channels)]
        other = fits[int(self.rng.integers(len(fits)))]
        if other.name == v.name and self.chance(0.8):
            other = dense(self, v, v.channels if channels else None)
        return other

    def done(self, folder: Path) -> Path:
        last = self.values[-1]
        if not last.quantized and self.chance(0.7):
            last = self.quantized(last)
        return self.file.save(folder, last.name)


def quantizer(d: Draw, v: Value) -> Value:
    return d.quantized(v)


def dense(d: Draw, v: Value, outputs: int | None = None) -> Value:
    outputs = outputs or int(d.rng.choice([1, 2, 3, 4, 6, 8]))
    weight = d._weight((v.channels, outputs))
    if d.chance(0.15):
        y = d.file.node("Einsum", v.name, weight, equation="btc,co->bto")
    else:
        y = d.file.node("MatMul", v.name, weight)
    if d.chance(0.5):
        y = d.file.node("Add", y, d.file.const(d.rng.normal(0, 0.3, outputs) * v.size))
    return Value(y, v.tokens, outputs, v.size)


def relu(d: Draw, v: Value) -> Value:
    return replace(v, name=d.file.node("Relu", v.name), quantized=False)


def function(d: Draw, v: Value) -> Value:
    op = str(d.rng.choice(list(FUNCTIONS)))
    if v.quantized and d.chance(0.3):
        op = str(d.rng.choice(STEPS))
    y = d.file.node(op, v.name, **FUNCTIONS.get(op, {}))
    if op in FUNCTIONS and d.chance(0.2):
        y = d.file.node("Mul", y, v.name)
    size = max(1.0, v.size) if op in STEPS else min(v.size, 30.0)
    return d.quantized(replace(v, name=y, size=size))


def mix(d: Draw, v: Value) -> Value:
    """Two values: a sum, a difference, a gate, or side by side."""
    op = str(d.rng.choice(MIXES))
    other = d.like(v, channels=op != "Concat")
    pair = [v, other] if d.chance(0.5) else [other, v]
    names = [one.name for one in pair]
    if op != "Concat":
        return Value(d.file.node(op, *names), v.tokens, v.channels, float(np.hypot(v.size, other.size)))
    if v.channels == other.channels and d.chance(0.5):
        return Value(d.file.node("Concat", *names, axis=1), 2 * v.tokens, v.channels, max(v.size, other.size))
    total = v.channels + other.channels
    return Value(d.file.node("Concat", *names, axis=2), v.tokens, total, max(v.size, other.size))


def cut(d: Draw, v: Value) -> Value:
    """A range of tokens or of channels, by Slice, Split or Gather."""
    axis = int(d.rng.integers(1, 3))
    size = (v.tokens, v.channels)[axis - 1]
    if size == 1:
        return relu(d, v)
    first, last = sorted(int(i) for i in d.rng.choice(size + 1, 2, replace=False))
    f, count = d.file, last - first
    way = int(d.rng.integers(3))
    if way == 0:
        y = f.node("Slice", v.name, f.ints(first), f.ints(last), f.ints(axis))
    elif way == 1 and 0 < first < last == size:
        y = f.node("Split", v.name, f.ints(first, count), axis=axis)
        f.nodes[-1].output.append(f"{y}_rest")
        y = f"{y}_rest"
    else:
        places = np.arange(first, last)
        y = f.node("Gather", v.name, f.ints(*(places if axis == 1 else d.rng.permutation(places))), axis=axis)
    return Value(y, *((count, v.channels) if axis == 1 else (v.tokens, count)), v.size, v.quantized)


def moved(d: Draw, v: Value) -> Value:
    """Axes in another order, or split, with an operator there, and back."""
    f = d.file
    if d.chance(0.5):
        y = f.node("Transpose", v.name, perm=[0, 2, 1])
        y = f.node("Relu", y) if d.chance(0.5) else _normalized(d, y, v)
        return Value(f.node("Transpose", y, perm=[0, 2, 1]), v.tokens, v.channels, v.size)
    heads = max(n for n in (1, 2, 3) if v.channels % n == 0)
    y = f.node("Reshape", v.name, f.ints(0, 0, heads, -1))
    y = f.node("Transpose", y, perm=[0, 2, 1, 3])
    y = d._quantizer(y, v.size) if d.chance(0.5) else f.node("Relu", y)
    y = f.node("Transpose", y, perm=[0, 2, 1, 3])
    return Value(f.node("Reshape", y, f.ints(0, 0, v.channels)), v.tokens, v.channels, v.size)


def _normalized(d: Draw, y: str, v: Value) -> str:
    """BatchNormalization of (batch, channels, tokens)."""
    numbers = [d.rng.normal(1, 0.5, v.channels), d.rng.normal(0, 0.5, v.channels), d.rng.normal(0, 0.2, v.channels)]
    return d.file.node(
        "BatchNormalization", y, *map(d.file.const, numbers), d.file.const(d.rng.uniform(0.3, 2, v.channels))
    )


def scaled(d: Draw, v: Value) -> Value:
    """Times or plus constants: one, one per channel, or one per token and channel."""
    f, shape = d.file, [(), (v.channels,), (1, v.tokens, v.channels)][int(d.rng.integers(3))]
    if d.chance(0.5):
        factor = d.rng.uniform(0.3, 2, shape) if len(shape) < 2 else d.rng.uniform(0.3, 2)
        op, by = str(d.rng.choice(["Mul", "Div"])), np.asarray(factor)
        if d.chance(0.2):
            return d.quantized(replace(v, name=f.node(op, v.name, f.const(-by)), size=2 * v.size))
    else:
        op, by = str(d.rng.choice(["Add", "Sub"])), d.rng.normal(0, 0.5, shape) * v.size
    constant = f.const(by)
    if op in ("Add", "Sub") and d.qonnx:
        constant = f.quant(constant, d._step(v.size, 127), 8)
    return Value(f.node(op, v.name, constant), v.tokens, v.channels, v.size)


def norm(d: Draw, v: Value) -> Value:
    f, layer = d.file, d.chance(0.6)
    gamma = f.const(d.rng.normal(1, 0.3, v.channels))
    if layer:
        y = f.node("LayerNormalization", v.name, gamma, f.const(d.rng.normal(0, 0.3, v.channels)), epsilon=1e-5)
    else:
        mean = f.node("ReduceMean", f.node("Mul", v.name, v.name), f.ints(-1))
        root = f.node("Sqrt", f.node("Add", mean, f.const(1e-5)))
        y = f.node("Mul", f.node("Div", v.name, root), gamma)
    return d.quantized(Value(y, v.tokens, v.channels, 1.0))


def attention(d: Draw, v: Value) -> Value:
    """Heads of queries, keys and values, with a mask or without."""
    f = d.file
    heads, depth = int(d.rng.integers(1, 4)), int(d.rng.choice([1, 2, 4]))
    source = d.like(v, channels=False) if d.chance(0.3) else v

    def projected(x: Value, perm: list[int]) -> str:
        y = d.quantized(dense(d, x, heads * depth)).name
        return f.node("Transpose", f.node("Reshape", y, f.ints(0, 0, heads, depth)), perm=perm)

    q, k = projected(v, [0, 2, 1, 3]), projected(source, [0, 2, 3, 1])
    w = projected(source, [0, 2, 1, 3])
    s = f.node("MatMul", q, k)
    s = f.node("Mul", s, f.const(depth**-0.5)) if d.chance(0.7) else s
    s = d._quantizer(s, v.size) if d.chance(0.5) else s
    if v.tokens == source.tokens and d.chance(0.4):
        hidden = np.triu(np.ones((v.tokens, v.tokens)), 1)
        if d.chance(0.5):
            s = f.node("Add", s, f.const(np.where(hidden, -1e9, 0)))
        else:
            s = f.node("Where", f.const(hidden > 0, dtype=bool), f.const(-1e9), s)
    p = d._quantizer(f.node("Softmax", s, axis=-1), 0.3, unsigned=True)
    y = f.node("Transpose", f.node("MatMul", p, w), perm=[0, 2, 1, 3])
    return Value(f.node("Reshape", y, f.ints(0, 0, heads * depth)), v.tokens, heads * depth, v.size)


def pooled(d: Draw, v: Value) -> Value:
    """One token of all: a sum, a mean, or attention with constant queries."""
    f = d.file
    if v.tokens == 1 or d.chance(0.5):
        y = f.node(str(d.rng.choice(["ReduceMean", "ReduceSum"])), v.name, f.ints(1), keepdims=1)
        return Value(y, 1, v.channels, v.size)
    v = v if v.quantized else d.quantized(v)
    queries = int(d.rng.integers(1, 3))
    s = f.node("MatMul", v.name, d._weight((v.channels, queries), axis=None))
    s = d._quantizer(s, v.size) if d.chance(0.5) else s
    p = f.node("Softmax", f.node("Transpose", s, perm=[0, 2, 1]), axis=-1)
    y = f.node("MatMul", d._quantizer(p, 0.3, unsigned=True), v.name)
    return Value(y, queries, v.channels, v.size)


OPERATORS: dict[str, Callable[[Draw, Value], Value]] = {
    "quantizer": quantizer, "dense": dense, "relu": relu, "function": function, "mix": mix, "cut": cut, "moved": moved,
    "scaled": scaled, "norm": norm, "attention": attention, "pooled": pooled,
}  # fmt: skip
_SHARES = {"quantizer": 5, "dense": 4, "relu": 3, "function": 2, "mix": 6, "cut": 4, "moved": 3, "scaled": 3, "norm": 2}
WEIGHTS = np.array([_SHARES.get(name, 1) for name in OPERATORS]) / sum(_SHARES.get(name, 1) for name in OPERATORS)


def drawn(seed: int, size: int, folder: Path) -> tuple[Path, np.ndarray]:
    """A file and an input of its own shape."""
    draw = Draw(seed)
    for _ in range(size):
        draw.grow()
    shape = tuple(dim.dim_value for dim in draw.file.inputs[0].type.tensor_type.shape.dim)
    rng = np.random.default_rng(seed)
    if draw.form == "ids":
        return draw.done(folder), rng.integers(0, draw.rows, shape)
    x = rng.normal(scale=1.5, size=shape)
    x.reshape(-1)[: x.size // 3] = x.reshape(-1)[0]  # rows that are nearly constant, too
    return draw.done(folder), x.astype(np.float32)
