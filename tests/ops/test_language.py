"""What language models add: shared exponents, exponentials and their division, a norm of wide inputs."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from contract import Drawn, OperatorContract, tensors, widened
from hypothesis import strategies as st

from accel.errors import GraphError
from accel.ops import BlockFloat, Divide, Exponential, Norm
from accel.ops.exponential.op import table
from accel.ops.norm.op import FRACTION_OF_TABLE, GUARD_OF_TABLE
from accel.tensor import Tensor


class TestBlockFloat(OperatorContract):
    def draw(self, draw: st.DrawFn) -> Drawn:
        groups, size = draw(st.integers(1, 3)), draw(st.integers(1, 6))
        x = widened(draw(tensors(max_bits=draw(st.sampled_from([4, 12, 22, 40])))), groups * size)
        return BlockFloat(draw(st.integers(2, 10)), draw(st.sampled_from([0, size]))), (x,)

    def deviation(self, op, y, x):
        """Half a step of 2^e, a whole one where the largest are clipped."""
        groups = x.reshape(*x.shape[:2], -1, op.group or x.shape[2])
        largest = np.abs(groups).max(-1, keepdims=True)
        step = 2.0 ** np.maximum(0, np.floor(np.log2(np.maximum(largest, 1))) + 1 - (op.bits - 1))
        off = np.abs(y.reshape(groups.shape) - groups)
        assert (np.abs(y.reshape(groups.shape)) <= op.top * step).all()
        clipped = np.abs(groups) > (op.top + 0.5) * step
        return off - np.where(clipped, step, (step > 1) * step / 2)

    def test_it_is_what_a_float_of_so_many_bits_would_be(self):
        x = torch.tensor([[[1000, -3, 511, -1024, 1023, 1022]]])
        assert BlockFloat(10).evaluate(x[..., :3]).tolist() == [[[1000, -2, 512]]]
        assert BlockFloat(10).evaluate(x).tolist() == [[[1000, -4, 512, -1024, 1024, 1024]]]
        assert BlockFloat(10, 3).evaluate(x).tolist() == [[[1000, -2, 512, -1024, 1024, 1024]]]
        assert BlockFloat(4).evaluate(torch.tensor([[[15, 14, -16]]])).tolist() == [[[16, 16, -16]]]
        assert BlockFloat(4).evaluate(torch.tensor([[[15, 1, -15]]])).tolist() == [[[14, 2, -14]]]

    @pytest.mark.parametrize(("op", "text"), [((17, 0), "bits is 2..16; got 17"), ((8, -1), "group is at least 0")])
    def test_refusals(self, op, text):
        with pytest.raises(GraphError, match=text):
            BlockFloat(*op)
        with pytest.raises(GraphError, match="6 channels are not whole groups of 4"):
            BlockFloat(8, 4).infer(Tensor((1, 6), -9, 9))


class TestExponential(OperatorContract):
    scale = 1 / 16

    def draw(self, draw: st.DrawFn) -> Drawn:
        heads, causal = draw(st.integers(1, 3)), draw(st.booleans())
        x = draw(tensors())
        row = x.tokens if causal else draw(st.integers(1, 8))
        return Exponential(row, table(self.scale, draw(st.integers(1, 16)), 4096), int(causal)), (
            widened(x, heads * row),
        )

    def deviation(self, op, y, x):
        """Half a step of the table; masked keys are 0."""
        rows = x.reshape(*x.shape[:2], -1, op.row).astype(float) * self.scale
        if op.causal:
            hidden = np.arange(op.row) > np.arange(x.shape[1])[:, None] + (op.row - x.shape[1])
            rows = np.where(hidden[:, None, :], -np.inf, rows)
        e = np.exp(rows - rows.max(-1, keepdims=True)) * float(op.rom[0])
        return np.abs(y.reshape(e.shape) - e) - 0.5

    @pytest.mark.parametrize("rom", [[], [0], [3, 5], [5, -1], [1 << 24, 0], np.ones(4097, np.int64)])
    def test_tables_that_are_none(self, rom):
        with pytest.raises(GraphError, match=r"rom (has|must)"):
            Exponential(4, rom)


class TestDivide(OperatorContract):
    def draw(self, draw: st.DrawFn) -> Drawn:
        heads, size = draw(st.integers(1, 3)), draw(st.integers(1, 4))
        a = widened(draw(tensors(max_bits=draw(st.sampled_from([6, 20])))), heads * size)
        b = Tensor((a.tokens, heads), draw(st.sampled_from([0, 1])), draw(st.sampled_from([3, 255, 70000])))
        fraction, least = draw(st.integers(-3, 8)), draw(st.sampled_from([1, 1, 5]))
        top = 1 << draw(st.integers(4, 16))
        return Divide.of(b, fraction, -top, top - 1, least, draw(st.sampled_from([0, 1, 9]))), (a, b)

    def deviation(self, op, y, a, b):
        """Bits of the mantissa, of the reciprocal and of the divisor that are cut off, then half a step."""
        divisor = np.maximum(b, 1 << op.least)[..., None].astype(float)
        exact = a.reshape(*b.shape, -1) / divisor * 2.0**op.fraction
        cut = 2.0 ** (1 - op.kept) if op.kept else 0.0
        bound = (
            np.abs(exact) * (cut + (1 + cut) * (2.0 ** (1 - op.significant) + divisor / 2.0**op.numerator_bits)) + 0.5
        )
        return np.abs(y.reshape(exact.shape) - np.clip(exact, op.lo, op.hi)) - bound

    @pytest.mark.parametrize(
        ("fields", "text"),
        [((20, 20, 0), "least < numerator_bits"), ((30, 1, 20), "change the fraction"), ((61, 1, 0), "<= 60")],
    )
    def test_refusals(self, fields, text):
        with pytest.raises(GraphError, match=text):
            Divide(*fields, -8, 7)
        with pytest.raises(GraphError, match=r"kept is 0\.\.60; got -1"):
            Divide(30, 1, 0, -8, 7, -1)
        with pytest.raises(GraphError, match=r"significant is 1\.\.18; got 19"):
            Divide(30, 1, 0, -8, 7, 9, 19)
        with pytest.raises(GraphError, match=r"divisors are not negative; got -1\.\.3"):
            Divide(30, 1, 0, -8, 7).infer(Tensor((1, 4), -9, 9), Tensor((1, 2), -1, 3))
        with pytest.raises(GraphError, match=r"\(1, 3\) are not the divisors of heads of \(1, 4\)"):
            Divide(30, 1, 0, -8, 7).infer(Tensor((1, 4), -9, 9), Tensor((1, 3), 0, 3))


class TestNormOfWideInputs(OperatorContract):
    """Form "l2": up to 25 bits here, all lengths alike."""

    def draw(self, draw: st.DrawFn) -> Drawn:
        channels, heads = draw(st.integers(2, 8)), draw(st.sampled_from([0, 0, 2, 3]))
        x = widened(draw(tensors(max_bits=draw(st.sampled_from([6, 16, 25])))), channels * max(1, heads))
        rng = np.random.default_rng(draw(st.integers(0, 9999)))
        gain = rng.normal(0, 1.5, channels if draw(st.booleans()) else 1)
        bits, guard = draw(st.integers(4, 16)), draw(st.sampled_from([4, 6, 12, 18]))
        offset = draw(st.sampled_from([0, 0, 7, 900]))
        fraction = min(bits - 3, guard + 4)  # of the result; there are guard and at least 5 more in front of the shift
        root = draw(st.sampled_from([0, 0, 3, 6]))
        op = Norm.l2(gain, fraction, bits, guard=guard, offset=offset, root_fraction=root)
        return replace(op, row=channels if heads else 0), (x,)

    def deviation(self, op, y, x):
        shape, x = x.shape, x.astype(float).reshape(*x.shape[:2], -1, op.row or x.shape[-1])
        length = np.sqrt(np.maximum((x * x).sum(-1, keepdims=True) + op.offset, 1))
        exact = x / length * np.asarray(op.gamma) * 2.0 ** (op.numerator_bits - op.fraction - op.shift)
        cut = 2.0 ** (1 - 2 * op.guard) + 2.0 ** (1 - op.root_bits) + 2.0 ** (op.root_bits - op.numerator_bits)
        bound = np.abs(exact) * cut + 0.5
        return (np.abs(y.reshape(x.shape) - np.clip(exact, op.lo, op.hi)) - bound).reshape(shape)

    def test_wide_residuals_of_large_models_fit(self):
        """576 to 4,096 channels of 25 bits, and the relative error does not depend on the size of a token."""
        rng = np.random.default_rng(0)
        for channels in (576, 4096):
            op = Norm.l2(np.full(1, channels**0.5), 9, 16)
            tensor = Tensor((4, channels), -(1 << 24), (1 << 24) - 1)
            assert op.peak(tensor) < 1 << 62
            with pytest.raises(GraphError, match="62"):
                Norm.of(tensor, "rms", 9, 16)
            x = np.rint(rng.normal(0, 1, (1, 4, channels)) * 4.0 ** np.array([10, 6, 2, 1])[:, None]).astype(np.int64)
            real = x / np.sqrt((x * x).mean(-1, keepdims=True)) * 512
            assert np.abs(op.evaluate(torch.from_numpy(x)).numpy() - real).max() < 0.55

    def test_root_and_reciprocal_of_few_guard_bits_are_a_table(self):
        """They depend on 10 bits; all 768 mantissas are off by at most what the docstring says."""
        op = Norm.l2(np.ones(1), 12, 16, guard=GUARD_OF_TABLE, root_fraction=FRACTION_OF_TABLE)
        v = np.arange(1, 1 << 16)
        exponent = np.array([-(-(int(n).bit_length() - 2 * op.guard) // 2) for n in v])
        mantissa = np.floor(v * 4.0**-exponent).astype(np.int64)
        assert mantissa.min() == 1 << (2 * op.guard - 2)
        assert mantissa.max() < 1 << (2 * op.guard)
        root = np.array([math.isqrt(int(m) << 2 * op.fraction) for m in mantissa])
        error = (1 << op.numerator_bits) // root * np.sqrt(v) / 2.0 ** (op.numerator_bits - op.fraction + exponent) - 1
        assert error.max() < 2.0 ** (1 - 2 * op.guard) + 2.0 ** (1 - op.root_bits) < 1 / 400
        assert error.min() > -(2.0 ** (op.root_bits - op.numerator_bits))
        assert Norm.l2(np.ones(1), 12, 16).fraction == 0

    @pytest.mark.parametrize("change", [{"fraction": -1}, {"fraction": 13}, {"fraction": 12, "numerator_bits": 24}])
    def test_fractions_that_are_refused(self, change):
        with pytest.raises(GraphError, match=r"fraction of 0\.\.24 less guard, and numerator_bits > guard"):
            replace(Norm.l2(np.ones(1), 9, 16, guard=12), **change)
        with pytest.raises(GraphError, match="a fraction is of form 'l2'; got 3"):
            Norm("rms", 8, 24, 4, -8, 7, fraction=3)

    @pytest.mark.parametrize(
        "change", [{"shift": 12}, {"beta": (1,)}, {"guard": 25, "numerator_bits": 50}, {"guard": 1}]
    )
    def test_refusals(self, change):
        with pytest.raises(GraphError, match="form 'l2' needs"):
            replace(Norm.l2(np.ones(1), 9, 16, guard=12), **change)
