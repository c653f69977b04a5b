"""Random transformer encoders as integer graphs: every shape, width and option that the operators allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel.graph import Graph, Node
from accel.ops import Add, Dense, Lookup, MatMul, Norm, Pool, Position, Rescale, Softmax
from accel.ops.softmax.op import exp_table
from accel.tensor import Tensor


@dataclass(frozen=True)
class Shape:
    """Of an encoder; `bits` of weights."""

    tokens: int = 4
    features: int = 4
    channels: int = 8
    heads: int = 2
    hidden: int = 16
    layers: int = 1
    classes: int = 5
    bits: int = 4
    form: str = "layer"
    causal: bool = False
    gelu: bool = False


class _Maker:
    def __init__(self, shape: Shape, seed: int) -> None:
        self.shape = shape
        self.rng = np.random.default_rng(seed)
        self.tensors = {"x": Tensor((shape.tokens, shape.features), -64, 63)}
        self.nodes: list[Node] = []

    def add(self, name: str, op, *inputs: str) -> str:
        self.nodes.append(Node(name, op, inputs))
        self.tensors[name] = op.infer(*(self.tensors[i] for i in inputs))
        return name

    def dense(self, name: str, x: str, outputs: int) -> str:
        top = 1 << (self.shape.bits - 1)
        weight = self.rng.integers(-top, top, (outputs, self.tensors[x].channels))
        return self.add(name, Dense(weight, self.rng.integers(-99, 100, outputs)), x)

    def requantize(self, name: str, x: str, lo: int = -128, hi: int = 127) -> str:
        """To 8 bits, with a shift that keeps typical values inside."""
        shift = max(0, self.tensors[x].magnitude.bit_length() - 9)
        return self.add(name, Rescale([1], shift, "half_even", lo, hi), x)

    def norm(self, name: str, x: str) -> str:
        return self.add(name, Norm.of(self.tensors[x], self.shape.form, 5, 8), x)

    def block(self, p: str, x: str) -> str:
        shape, heads = self.shape, self.shape.heads
        n = self.norm(f"{p}.norm1", x)
        q, k, v = (self.requantize(f"{p}.{c}", self.dense(f"{p}.{c}_acc", n, shape.channels)) for c in ("q", "k", "v"))
        scores = self.requantize(f"{p}.scores", self.add(f"{p}.scores_acc", MatMul(heads, "scores"), q, k))
        rom = exp_table(1 / 16, 8, 256)
        p_ = self.add(f"{p}.softmax", Softmax(shape.tokens, 8, rom, int(shape.causal)), scores)
        context = self.requantize(f"{p}.context", self.add(f"{p}.context_acc", MatMul(heads, "values"), p_, v))
        out = self.dense(f"{p}.out", context, shape.channels)
        x = self.requantize(f"{p}.residual1", self.add(f"{p}.add1", Add([16, 1]), x, out))
        up = self.dense(f"{p}.up", self.norm(f"{p}.norm2", x), shape.hidden)
        if shape.gelu:
            table = np.rint(np.maximum(np.arange(-128, 128), -9 * np.exp(-np.arange(256) / 40)))
            hidden = self.add(f"{p}.gelu", Lookup(table, -128), self.requantize(f"{p}.hidden", up))
        else:
            hidden = self.requantize(f"{p}.hidden", up, 0, 255)
        down = self.dense(f"{p}.down", hidden, shape.channels)
        return self.requantize(f"{p}.residual2", self.add(f"{p}.add2", Add([16, 1]), x, down))


def encoder(shape: Shape | None = None, seed: int = 0) -> Graph:
    """A random encoder: embedding, positions, blocks, norm, pool, head."""
    shape = shape or Shape()
    maker = _Maker(shape, seed)
    position = maker.rng.integers(-50, 50, (shape.tokens, shape.channels))
    x = maker.add("position", Position(position, 2), maker.dense("embed", "x", shape.channels))
    x = maker.requantize("residual", x)
    for layer in range(shape.layers):
        x = maker.block(f"block{layer}", x)
    pooled = maker.add("pool", Pool(), maker.norm("norm", x))
    maker.dense("head", pooled, shape.classes)
    return Graph("encoder", "x", maker.tensors["x"], tuple(maker.nodes), "head")


def samples(graph: Graph, count: int, seed: int = 0) -> np.ndarray:
    """Random integer inputs over the whole range."""
    rng = np.random.default_rng(seed)
    return rng.integers(graph.input.lo, graph.input.hi + 1, (count, *graph.input.shape))
