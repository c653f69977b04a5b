"""The operators that are exact: integers in, the same real function out, no deviation at all."""

import numpy as np
from contract import Drawn, OperatorContract, tensors, widened
from hypothesis import strategies as st

from accel.ops import Add, Dense, Embedding, Lookup, MatMul, Mul, Pool, Position, Window


class TestDense(OperatorContract):
    def draw(self, draw: st.DrawFn) -> Drawn:
        x = draw(tensors())
        bits = draw(st.sampled_from([1, 2, 4, 8]))
        rng = np.random.default_rng(draw(st.integers(0, 9999)))
        out = draw(st.integers(1, 8))
        weight = rng.integers(-(1 << bits - 1), 1 << bits - 1, (out, x.channels), endpoint=True)
        return Dense(weight, rng.integers(-300, 300, out)), (x,)

    def deviation(self, op, y, x):
        return np.abs(y - (x.astype(float) @ op.weight.T + op.bias))


class TestMatMulScores(OperatorContract):
    form = "scores"

    def draw(self, draw: st.DrawFn) -> Drawn:
        heads, size = draw(st.integers(1, 3)), draw(st.integers(1, 4))
        b = widened(draw(tensors()), heads * size)
        a = widened(draw(tensors(max_tokens=1)), heads * (size if self.form == "scores" else b.tokens))
        return MatMul(heads, self.form), (type(a)((b.tokens, a.channels), a.lo, a.hi), b)

    def deviation(self, op, y, a, b):
        per_head = lambda x: x.reshape(*x.shape[:2], op.heads, -1).astype(float)  # noqa: E731
        equation = "nthc,nuhc->nthu" if self.form == "scores" else "nthu,nuhc->nthc"
        return np.abs(y - np.einsum(equation, per_head(a), per_head(b)).reshape(y.shape))


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
