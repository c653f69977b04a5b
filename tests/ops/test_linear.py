"""The operators that are exact: integers in, the same real function out, no deviation at all."""

from pathlib import Path

import numpy as np
import pytest
from contract import Drawn, OperatorContract, graph_around, random_schedule, tensors, values, widened
from hypothesis import strategies as st
from kept import kept_weights

from accel import reference
from accel.dataflow.schedule import Schedule
from accel.dataflow.utilization import useful_macs
from accel.errors import GraphError
from accel.fold import MatrixFold
from accel.graph import Graph, Node
from accel.ops import Add, Dense, Embedding, Lookup, MatMul, Mul, Pool, Position, Rotary, Softmax, Window
from accel.ops.dense import rtl as dense_rtl
from accel.ops.dense.sparsity import PATTERNS
from accel.ops.softmax.op import exp_table
from accel.tensor import Tensor


class TestDense(OperatorContract):
    def draw(self, draw: st.DrawFn) -> Drawn:
        x = draw(tensors())
        bits = draw(st.sampled_from([1, 2, 4, 8]))
        rng = np.random.default_rng(draw(st.integers(0, 9999)))
        out = draw(st.integers(1, 8))
        weight = rng.integers(-(1 << bits - 1), 1 << bits - 1, (out, x.channels), endpoint=True)
        return Dense(weight, rng.integers(-300, 300, out)), (x,)

    def deviation(self, op, y, x):
        return np.abs(y - (x.astype(float) @ op.weight.wide().T + op.bias))


class TestDenseOfKeptWeights(TestDense):
    """N:M weights: groups and rows with N of them, with fewer, with none; ternary and binary ones among them."""

    def draw(self, draw: st.DrawFn) -> Drawn:
        kept = draw(st.sampled_from(PATTERNS))
        x = widened(draw(tensors()), kept.m * draw(st.integers(1, 3)))
        rng = np.random.default_rng(draw(st.integers(0, 9999)))
        top = draw(st.sampled_from([1, 1, 2, 7, 8, 100]))
        weight = kept_weights(rng, draw(st.integers(1, 8)), x.channels, kept, top)
        return Dense(weight, rng.integers(-300, 300, len(weight))), (x,)

    def schedule(self, graph: Graph, seed: int) -> Schedule:
        """The drawn operator does the products of its kept weights only."""
        options = [f for f in dense_rtl.folds(graph.nodes[-1].op, *graph.ends(graph.nodes[-1])) if f.is_sparse]
        folds = random_schedule(graph, seed).folds
        return Schedule(folds | {graph.nodes[-1].name: options[seed % len(options)]})


class TestMatMulScores(OperatorContract):
    form = "scores"

    def draw(self, draw: st.DrawFn) -> Drawn:
        kv_heads, group = draw(st.sampled_from([(1, 1), (1, 2), (2, 1), (1, 3), (2, 2), (3, 1)]))
        heads, size = kv_heads * group, draw(st.integers(1, 4))
        b = widened(draw(tensors()), kv_heads * size)
        a = widened(draw(tensors(max_tokens=1)), heads * (size if self.form == "scores" else b.tokens))
        return MatMul(heads, self.form, kv_heads), (type(a)((b.tokens, a.channels), a.lo, a.hi), b)

    def deviation(self, op, y, a, b):
        shared = np.arange(op.heads) * op.kv_heads // op.heads
        a, b = a.reshape(*a.shape[:2], op.heads, -1), b.reshape(*b.shape[:2], op.kv_heads, -1)[:, :, shared]
        equation = "nthc,nuhc->nthu" if self.form == "scores" else "nthu,nuhc->nthc"
        return np.abs(y - np.einsum(equation, a.astype(float), b.astype(float)).reshape(y.shape))


class TestMatMulValues(TestMatMulScores):
    form = "values"


class TestAdd(OperatorContract):
    def draw(self, draw: st.DrawFn) -> Drawn:
        a, b = draw(tensors()), draw(tensors())
        multipliers = draw(st.tuples(st.integers(1, 64), st.integers(1, 64)))
        return Add(multipliers), (a, type(b)(a.shape, b.lo, b.hi))

    def deviation(self, op, y, a, b):
        return np.abs(y - (op.multipliers[0] * a + op.multipliers[1] * b))


class TestMul(OperatorContract):
    def draw(self, draw: st.DrawFn) -> Drawn:
        a, b = draw(tensors()), draw(tensors())
        return Mul(), (a, type(b)(a.shape, b.lo, b.hi))

    def deviation(self, op, y, a, b):
        return np.abs(y - a.astype(float) * b)


class TestPosition(OperatorContract):
    def draw(self, draw: st.DrawFn) -> Drawn:
        x = draw(tensors())
        rng = np.random.default_rng(draw(st.integers(0, 9999)))
        return Position(rng.integers(-200, 200, x.shape), draw(st.integers(1, 40))), (x,)

    def deviation(self, op, y, x):
        return np.abs(y - (op.multiplier * x + op.table))


class TestRotary(OperatorContract):
    """Pairs turn, with a table per head or for all channels, or every channel is multiplied alone."""

    def draw(self, draw: st.DrawFn) -> Drawn:
        turns, period, heads = draw(st.booleans()), draw(st.integers(1, 3)), draw(st.integers(1, 3))
        period *= 1 + turns
        x = widened(draw(tensors()), period * heads)
        rng = np.random.default_rng(draw(st.integers(0, 9999)))
        cos, sin = rng.integers(-200, 200, (2, x.tokens, period))
        return Rotary(cos, sin if turns else 0 * sin), (x,)

    def deviation(self, op, y, x):
        cos, sin = (np.tile(table, (1, x.shape[2] // op.period)) for table in (op.cos, op.sin))
        other = x[:, :, np.arange(x.shape[2]) ^ 1] if op.turns else 0
        return np.abs(y - (cos * x.astype(float) + sin * other))


class TestPool(OperatorContract):
    def draw(self, draw: st.DrawFn) -> Drawn:
        return Pool(), (draw(tensors()),)

    def deviation(self, op, y, x):
        return np.abs(y - x.sum(1, keepdims=True))


class TestLookup(OperatorContract):
    def draw(self, draw: st.DrawFn) -> Drawn:
        x = draw(tensors())
        rng = np.random.default_rng(draw(st.integers(0, 9999)))
        margin = draw(st.integers(0, 3))
        return Lookup(rng.integers(-100, 100, x.hi - x.lo + 1 + 2 * margin), x.lo - margin), (x,)

    def deviation(self, op, y, x):
        return np.abs(y - op.table[x - op.base])


class TestWindow(OperatorContract):
    def draw(self, draw: st.DrawFn) -> Drawn:
        x = draw(tensors())
        first, tokens = draw(st.integers(-3, x.tokens)), draw(st.integers(3, x.tokens + 5))
        rng = np.random.default_rng(draw(st.integers(0, 9999)))
        return Window(first, rng.integers(-300, 300, (tokens, x.channels))), (x,)

    def deviation(self, op, y, x):
        places = op.first + np.arange(len(op.fill))
        inside = (places >= 0) & (places < x.shape[1])
        found = np.where(inside[:, None], x[:, np.clip(places, 0, x.shape[1] - 1)], op.fill)
        return np.abs(y - found)


class TestEmbedding(OperatorContract):
    def draw(self, draw: st.DrawFn) -> Drawn:
        x = widened(draw(tensors()), 1)
        rng = np.random.default_rng(draw(st.integers(0, 9999)))
        below, above = draw(st.integers(0, 3)), draw(st.integers(0, 3))
        table = rng.integers(-100, 100, (x.hi - x.lo + 1 + below + above, draw(st.integers(1, 8))))
        return Embedding(table, x.lo - below), (x,)

    def deviation(self, op, y, x):
        return np.abs(y - op.table[x[:, :, 0] - op.base])


@pytest.mark.parametrize("form", ["scores", "values"])
@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 1), (4, 2)])
def test_heads_that_share_side_by_side(form: str, heads: int, kv_heads: int, tmp_path: Path) -> None:
    """Both fold to all heads at once, with one memory per head of the second operand: RTL, its cycles, and HLS."""
    from firmware import Firmware

    from hls import rtl
    from hls.projects import project
    from hls.simulation import simulate

    tokens, size = 3, 2
    a = Tensor((tokens, heads * (size if form == "scores" else tokens)), -8, 7)
    graph = graph_around(MatMul(heads, form, kv_heads), (a, Tensor((tokens, kv_heads * size), -8, 7)), 0)
    rows, columns = (tokens, size) if form == "scores" else (size, tokens)
    folds = random_schedule(graph, 0).folds | {"y": MatrixFold(rows, columns, "lut", heads=heads)}
    x = values(graph.input, 9, 0)
    design = rtl.lower(graph, Schedule(folds))
    free, stalled = simulate.run(design, x), simulate.run(design, x, stall=0.4, seed=1)
    assert np.array_equal(free.outputs, reference.run(graph, x))
    assert np.array_equal(stalled.outputs, free.outputs)
    assert (free.latency, free.interval) == (design.predicted.latency, design.predicted.interval)
    written = project.write(graph, tmp_path / "project", schedule=Schedule(folds))
    written.compile()
    assert np.array_equal(written.predict(x), free.outputs)
    assert Firmware(written.folder).problems() == []


def test_heads_that_do_not_divide() -> None:
    with pytest.raises(GraphError, match="kv_heads divides the 4 heads; got 3"):
        MatMul(4, "scores", 3)


def test_causal_products_count_for_every_head_that_shares() -> None:
    """Of 3 × 3 pairs 3 are masked, of all 4 heads, in both products."""
    q, k = Tensor((3, 8), -8, 7), Tensor((3, 4), -8, 7)
    source = Graph(
        "causal",
        {"x": q},
        (
            Node("k", Dense(np.ones((k.channels, q.channels)), np.zeros(k.channels)), ("x",)),
            Node("scores", MatMul(4, "scores", 2), ("x", "k")),
            Node("shares", Softmax(3, 8, exp_table(0.5, 8, 64), 1), ("scores",)),
            Node("y", MatMul(4, "values", 2), ("shares", "k")),
        ),
        "y",
    )
    assert source.macs - useful_macs(source) == 2 * 3 * 4 * 2
