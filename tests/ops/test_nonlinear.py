"""Softmax and Norm: integers against the real functions, within bounds derived from the definition."""

from dataclasses import replace

import numpy as np
from contract import Drawn, OperatorContract, tensors, widened
from hypothesis import strategies as st

from accel.ops import Norm, Softmax
from accel.ops.softmax.op import exp_table
from accel.tensor import Tensor


class TestSoftmax(OperatorContract):
    scale = 1 / 16

    def draw(self, draw: st.DrawFn) -> Drawn:
        heads, causal = draw(st.integers(1, 3)), draw(st.booleans())
        x = draw(tensors())
        row = x.tokens if causal else draw(st.integers(1, 8))
        bits = draw(st.sampled_from([*range(4, 11), 20]))
        more = draw(st.sampled_from([0, 0, 3]))
        return Softmax(row, bits, exp_table(self.scale, bits, 4096, more), int(causal)), (widened(x, heads * row),)

    def deviation(self, op, y, x):
        """|E/S − e/s| ≤ (1/2 + n·p/2) / S from the table's rounding, E/2^K from the floor of F, 1/2 LSB, 1 at the top.

        S ≥ 2^eb − 1 because the row's largest element has distance 0.
        """
        rows = x.reshape(*x.shape[:2], -1, op.row).astype(float) * self.scale
        if op.causal:
            tokens = x.shape[1]
            hidden = np.arange(op.row) > np.arange(tokens)[:, None] + (op.row - tokens)
            rows = np.where(hidden[:, None, :], -np.inf, rows)
        e = np.exp(rows - rows.max(-1, keepdims=True))
        p = e / e.sum(-1, keepdims=True)
        top = 2.0**op.exp_bits - 1
        bound = (0.5 + 0.5 * op.row * p) / top + 2.0 ** (op.exp_bits - op.numerator_bits)
        lsb = 2.0**op.out_bits
        return np.abs(y.reshape(p.shape) - np.minimum(p * lsb, lsb - 1)) - bound * lsb - 0.5

    def test_a_row_of_equal_scores_is_uniform(self):
        import torch

        op = Softmax(8, 8, exp_table(0.1, 8, 256))
        assert op.evaluate(torch.full((1, 1, 8), -128)).flatten().tolist() == [32] * 8


class TestNorm(OperatorContract):
    forms = ("layer", "rms")

    def draw(self, draw: st.DrawFn) -> Drawn:
        x = widened(draw(tensors()), draw(st.integers(2, 8)))
        op = self.drawn_norm(draw, x)
        heads = draw(st.sampled_from([0, 1, 2, 3]))
        return replace(op, row=x.channels if heads else 0), (widened(x, x.channels * max(1, heads)),)

    def drawn_norm(self, draw: st.DrawFn, x: Tensor) -> Norm:
        bits = draw(st.integers(4, 8))
        plain = Norm.of(x, draw(st.sampled_from(self.forms)), bits - 3, bits)
        if not draw(st.booleans()):
            return plain
        rng = np.random.default_rng(draw(st.integers(0, 9999)))
        gamma = rng.integers(1, 32, x.channels)
        beta = rng.integers(-(1 << plain.shift), 1 << plain.shift, x.channels)
        return Norm(plain.form, plain.guard, plain.numerator_bits, plain.shift + 4, plain.lo, plain.hi, 0, gamma, beta)

    def deviation(self, op, y, x):
        """Relative error 1/(r+1) of the floored root, (r+1)/2^K of the floored quotient, then 1/2 LSB of rounding."""
        shape, x = x.shape, x.astype(float).reshape(*x.shape[:2], -1, op.row or x.shape[-1])
        y, n = y.reshape(x.shape), x.shape[-1]
        centred = n * x - (x.sum(-1, keepdims=True) if op.form == "layer" else 0)
        variance = n * (x * x).sum(-1, keepdims=True) - (x.sum(-1, keepdims=True) ** 2 if op.form == "layer" else 0)
        root = np.sqrt(np.maximum(variance, 1)) * 2.0**op.guard
        gamma, beta = np.asarray(op.gamma), np.asarray(op.beta)
        exact = centred / root * 2.0**op.numerator_bits * gamma
        relative = 1 / (root - 1) + root / 2.0**op.numerator_bits
        bound = np.abs(exact) * relative * 1.01 / 2.0**op.shift + 0.5
        real = np.clip((exact + beta) / 2.0**op.shift, op.lo, op.hi)
        return (np.abs(y - real) - bound).reshape(shape)

    def test_within_half_an_lsb_at_eight_bits(self):
        import torch

        x = np.random.default_rng(0).integers(-128, 128, (2000, 1, 32))
        op = Norm.of(Tensor((1, 32), -128, 127), "layer", 5, 8)
        real = (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True) * 32
        error = np.abs(op.evaluate(torch.from_numpy(x)).numpy() - np.clip(real, -128, 127))
        assert error.max() <= 0.55
