"""Random graphs of transformer blocks whose tokens come one after the other: causal ones, and some that may not be.

`causal(seed)` has identifiers or numbers in, every way to keep later keys out, biases and tables on scores, shares that
are rounded and gated. `loose(seed)` draws what may look at later tokens too: it is decoded right, or refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import random_blocks

from accel import reference
from accel.building import Edge
from accel.graph import Graph
from accel.ops import Add, Dense, Embedding, Lookup, MatMul, Mul, Norm, Position, Rescale, Rotary, Softmax
from accel.ops.softmax.op import exp_table
from accel.rows import Rows
from accel.tensor import Tensor


def causal(seed: int) -> Graph:
    """A causal graph, the same in every process."""
    maker = _Causal(_integers(seed))
    return maker.graph(maker.sequence(), "causal")


def loose(seed: int) -> Graph:
    """A graph that need not be causal."""
    maker = _Loose(_integers(seed))
    return maker.graph(maker.sequence(), "loose")


def _integers(seed: int) -> random_blocks.Integer:
    rng = np.random.default_rng(seed)
    return lambda lo, hi: int(rng.integers(lo, hi, endpoint=True))


class _Causal(random_blocks.Maker):
    """A block maker whose attention sees no later token, and whose scores and shares go through more operators."""

    def sequence(self) -> Edge:
        tokens, self.heads = self.integer(2, 9), self.integer(1, 4)
        self.kv_heads = self.pick(*(n for n in range(1, self.heads + 1) if self.heads % n == 0))
        channels = self.heads * self.integer(1, 4)
        x = self.embedded(tokens, channels) if self.pick(False, True) else self.numbers(tokens, channels)
        if self.pick(False, True):
            x = self.add(Position(self.values((tokens, channels), 1 << self.integer(0, 9)), self.integer(1, 9)), x)
        x = self.narrow(x)
        self.norms = [self.pick("layer", "rms", ""), self.pick("before", "after")]
        for _ in range(self.integer(1, 2)):
            x = self.residual(x, self.attention)
            x = self.residual(x, self.feed_forward)
        return self.dense(self.norm(x), self.integer(1, 5))

    def numbers(self, tokens: int, channels: int) -> Edge:
        return self.dense(self.input(Tensor((tokens, self.integer(1, 6)), *self.range())), channels)

    def embedded(self, tokens: int, channels: int) -> Edge:
        first, count = self.integer(-3, 3), self.integer(1, 20)
        x = self.input(Tensor((tokens, 1), first, first + count - 1))
        return self.add(Embedding(self.values((count, channels), 1 << self.width()), first), x)

    def attention(self, x: Edge) -> Edge:
        channels, tokens = self.tensor(x).channels, self.tensor(x).tokens
        size = channels // self.heads
        shared = size * self.kv_heads
        q, k, v = (self.narrow(self.dense(x, count)) for count in (channels, shared, shared))
        if self.pick(False, True):
            cos, sin = (self.values((tokens, size), 1 << self.integer(1, 8)) for _ in range(2))
            turn = Rotary(cos, sin if size % 2 == 0 else 0 * sin)
            q, k = (self.narrow(self.add(turn, edge)) for edge in (q, k))
        scores = self.narrow(self.add(MatMul(self.heads, "scores", self.kv_heads), q, k))
        shares = self.shares(self.scored(scores), tokens)
        return self.dense(self.narrow(self.add(MatMul(self.heads, "values", self.kv_heads), shares, v)), channels)

    def scored(self, scores: Edge) -> Edge:
        """Scores, with a bias, a table, a gate or each other."""
        spec = self.tensor(scores)
        way = self.pick("plain", "bias", "table", "gate", "twice")
        if way == "bias":
            return self.narrow(self.add(Position(self.values(spec.shape, 1 << self.integer(0, 9)), 1), scores))
        if way == "table":
            table = self.values((spec.hi - spec.lo + 1,), 1 << self.width())
            return self.narrow(self.add(Lookup(table, spec.lo), scores))
        if way == "gate":
            gate = self.values((spec.tokens, spec.tokens), 1 << self.integer(1, 6))
            return self.narrow(self.add(Rotary(gate, 0 * gate), scores))
        return self.narrow(self.add(Add([1, 2]), scores, scores)) if way == "twice" else scores

    def shares(self, scores: Edge, tokens: int) -> Edge:
        """What values are weighted with: 0 for later keys, by a causal Softmax or by a table."""
        if self.pick(*["softmax"] * 3, "linear") == "linear":
            gate = np.tril(self.values((tokens, tokens), 1 << self.integer(1, 6)))
            shares = self.add(Rotary(gate, 0 * gate), scores)
        else:
            shares = self.softmax(scores, tokens, 1)
        way = self.pick("plain", "rounded", "squared", "table", "summed")
        spec = self.tensor(shares)
        if way == "table" and spec.hi - spec.lo < 1 << 12:
            table = self.values((spec.hi - spec.lo + 1,), 1 << self.width())
            table[-spec.lo] = 0
            return self.add(Lookup(table, spec.lo), shares)
        if way == "summed":
            return self.add(Add([2, 1]), shares, shares)
        if way in ("rounded", "squared"):
            shares = self.add(Rescale([self.integer(1, 3)], self.integer(0, 4), "half_up", -40, 300), shares)
        return self.add(Mul(), shares, scores if self.pick(False, True) else shares) if way == "squared" else shares

    def softmax(self, scores: Edge, tokens: int, causal: int) -> Edge:
        spec, bits = self.tensor(scores), self.width()
        rom = exp_table(self.pick(1 / 8, 1 / 2, 1 / 64), bits, spec.hi - spec.lo + 1)
        return self.add(Softmax(tokens, bits, rom, causal), scores)


class _Loose(_Causal):
    """The same with a Softmax over all keys, norms and matrices on scores, shares that are not 0 for later keys."""

    def scored(self, scores: Edge) -> Edge:
        spec = self.tensor(scores)
        way = self.pick(*["causal"] * 5, "norm", "matrix", "turn")
        if way == "norm":
            return self.add(Norm.of(spec, "rms", 3, 6), scores)
        if way == "matrix":
            return self.narrow(self.dense(scores, spec.channels))
        if way == "turn" and spec.channels % 2 == 0:
            cos, sin = (self.values(spec.shape, 8) for _ in range(2))
            return self.narrow(self.add(Rotary(cos, sin), scores))
        return super().scored(scores)

    def shares(self, scores: Edge, tokens: int) -> Edge:
        way = self.pick(*["causal"] * 5, "scores", "all keys", "gate", "bias", "table", "matrix")
        if way == "scores":
            return scores
        if way == "all keys":
            return self.softmax(scores, tokens, 0)
        if way == "gate":
            gate = self.values((tokens, tokens), 8)
            return self.add(Rotary(gate, 0 * gate), scores)
        shares = super().shares(scores, tokens)
        spec = self.tensor(shares)
        if way == "bias":
            return self.add(Position(self.values(spec.shape, 2), 1), shares)
        if way == "table" and spec.hi - spec.lo < 1 << 12:
            return self.add(Lookup(self.values((spec.hi - spec.lo + 1,), 8), spec.lo), shares)
        if way == "matrix":
            weight = self.values((spec.channels, spec.channels), 8)
            return self.add(Dense(weight, 0 * weight[0]), shares)
        return shares


def difference(graph: Graph, decoder: reference.Decoder, x: np.ndarray, steps: Sequence[int]) -> str:
    """The first edge, and its rows, on which a decoder is not the whole sequence, or ""; `steps` tokens at a time."""
    found = different_rows(graph, decoder, {graph.input_name: x}, steps, reference.trace(graph, x))
    return next((f"{name}, {rows}" for name, rows in found), "")


def different_rows(
    graph: Graph, decoder: reference.Decoder, x: Mapping[str, np.ndarray], steps: Sequence[int],
    expected: Mapping[str, np.ndarray],
) -> Iterator[tuple[str, str]]:  # fmt: skip
    """Edges and their rows on which a decoder is not the whole sequence, which is `expected`."""
    at = 0
    for count in steps:
        got = decoder.trace({name: array[:, at : at + count] for name, array in x.items()})
        for name, values in got.items():
            known = _known(decoder.rows[name], graph.tensors[name], at, count)
            if not np.array_equal(values * known, expected[name][:, at : at + count] * known):
                yield name, f"rows {at}..{at + count - 1}"
        at += count


def _known(rows: Rows, spec: Tensor, at: int, count: int) -> np.ndarray:
    """1 for the elements (rows, channels) that are known token by token; of scores those of keys up to the row's."""
    if rows is not Rows.SCORES:
        return np.ones((count, spec.channels), np.int64)
    keys = np.arange(spec.tokens) <= np.arange(at, at + count)[:, None]
    return np.tile(keys, (1, spec.channels // spec.tokens)).astype(np.int64)


def steps(tokens: int, seed: int) -> list[int]:
    """Tokens at a time that make up a sequence: several first, as a prompt has them, then fewer."""
    rng, found = np.random.default_rng(seed), []
    while (left := tokens - sum(found)) > 0:
        found.append(int(rng.integers(1, left + 1)) if rng.random() < 0.4 else 1)
    return found
