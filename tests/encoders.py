"""Random transformer encoders as integer graphs: every shape, width and option that the operators allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel.building import Builder, Edge
from accel.graph import Graph
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


class _Maker(Builder):
    def __init__(self, shape: Shape, seed: int) -> None:
        super().__init__()
        self.shape, self.rng = shape, np.random.default_rng(seed)
        self.x = self.input(Tensor((shape.tokens, shape.features), -64, 63))

    def dense(self, name: str, x: Edge, outputs: int) -> Edge:
        top = 1 << (self.shape.bits - 1)
        weight = self.rng.integers(-top, top, (outputs, self.tensor(x).channels))
        return self.add(Dense(weight, self.rng.integers(-99, 100, outputs)), x, name=name)

    def narrow(self, name: str, x: Edge, lo: int = -128, hi: int = 127) -> Edge:
        """To 8 bits, with a shift that keeps typical values inside."""
        shift = max(0, self.tensor(x).magnitude.bit_length() - 9)
        return self.add(Rescale([1], shift, "half_even", lo, hi), x, name=name)

    def norm(self, name: str, x: Edge) -> Edge:
        return self.add(Norm.of(self.tensor(x), self.shape.form, 5, 8), x, name=name)

    def block(self, p: str, x: Edge) -> Edge:
        shape, heads = self.shape, self.shape.heads
        n = self.norm(f"{p}.norm1", x)
        q, k, v = (self.narrow(f"{p}.{c}", self.dense(f"{p}.{c}_acc", n, shape.channels)) for c in ("q", "k", "v"))
        scores = self.narrow(f"{p}.scores", self.add(MatMul(heads, "scores"), q, k, name=f"{p}.scores_acc"))
        rom = exp_table(1 / 16, 8, 256)
        p_ = self.add(Softmax(shape.tokens, 8, rom, int(shape.causal)), scores, name=f"{p}.softmax")
        context = self.narrow(f"{p}.context", self.add(MatMul(heads, "values"), p_, v, name=f"{p}.context_acc"))
        out = self.dense(f"{p}.out", context, shape.channels)
        x = self.narrow(f"{p}.residual1", self.add(Add([16, 1]), x, out, name=f"{p}.add1"))
        up = self.dense(f"{p}.up", self.norm(f"{p}.norm2", x), shape.hidden)
        if shape.gelu:
            table = np.rint(np.maximum(np.arange(-128, 128), -9 * np.exp(-np.arange(256) / 40)))
            hidden = self.add(Lookup(table, -128), self.narrow(f"{p}.hidden", up), name=f"{p}.gelu")
        else:
            hidden = self.narrow(f"{p}.hidden", up, 0, 255)
        down = self.dense(f"{p}.down", hidden, shape.channels)
        return self.narrow(f"{p}.residual2", self.add(Add([16, 1]), x, down, name=f"{p}.add2"))


def encoder(shape: Shape | None = None, seed: int = 0) -> Graph:
    """A random encoder: embedding, positions, blocks, norm, pool, head."""
    shape = shape or Shape()
    maker = _Maker(shape, seed)
    position = maker.rng.integers(-50, 50, (shape.tokens, shape.channels))
    x = maker.add(Position(position, 2), maker.dense("embed", maker.x, shape.channels), name="position")
    x = maker.narrow("residual", x)
    for layer in range(shape.layers):
        x = maker.block(f"block{layer}", x)
    pooled = maker.add(Pool(), maker.norm("norm", x), name="pool")
    return maker.graph(maker.dense("head", pooled, shape.classes), "encoder")


def samples(graph: Graph, count: int, seed: int = 0) -> np.ndarray:
    """Random integer inputs over the whole range."""
    rng = np.random.default_rng(seed)
    return rng.integers(graph.input.lo, graph.input.hi + 1, (count, *graph.input.shape))
