"""Training layers: forward exactly the operator's integers, backward the smooth function's gradient, tables frozen."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from accel.errors import AccelError
from accel.ops import Divide, Exponential, Norm, Softmax
from accel.ops.exponential.op import table
from accel.ops.exponential.qat import DeferredSoftmax
from accel.ops.lookup.qat import IntLookup
from accel.ops.norm.qat import IntNorm
from accel.ops.softmax.op import exp_table
from accel.ops.softmax.qat import IntSoftmax
from accel.qat import ExactLayer, quantized, scale_of, value_of
from accel.tensor import Tensor

LAYERS = {
    "softmax": IntSoftmax,
    "causal": lambda: IntSoftmax(causal=True),
    "layer": lambda: IntNorm(8, "layer"),
    "rms": lambda: IntNorm(8, "rms"),
    "gelu": lambda: IntLookup(nn.functional.gelu),
}
SCALES = st.integers(-8, 1).map(lambda e: 2.0**e)
SEEDS = st.integers(0, 1 << 30)


def draw(shape: tuple[int, ...], seed: int, bits: int = 8) -> torch.Tensor:
    """Random signed integers of `bits` bits, both ends included."""
    top = 1 << (bits - 1)
    return torch.randint(-top, top, shape, generator=torch.Generator().manual_seed(seed))


def run(layer: ExactLayer, integers: torch.Tensor, scale: float, bits: int = 8, dtype=torch.float32) -> np.ndarray:
    """The integers that the layer makes of `integers`; checks that its output is on the grid it declares."""
    result = layer(quantized((integers.double() * scale).to(dtype), scale, bits, True, layer.training))
    y = value_of(result).detach().double().numpy() / scale_of(result)
    assert np.array_equal(y, np.rint(y))
    low, high = (-(1 << (layer.out_bits - 1)), 1 << (layer.out_bits - 1)) if layer.signed else (0, 1 << layer.out_bits)
    assert low <= y.min()
    assert y.max() < high
    return y.astype(np.int64)


@given(st.data(), SCALES, st.integers(2, 8), st.integers(2, 8), st.booleans(), SEEDS)
@settings(max_examples=60)
def test_softmax_is_the_operator(data, scale, in_bits, out_bits, causal, seed) -> None:
    samples, heads, tokens, keys = (data.draw(st.integers(1, n)) for n in (2, 3, 5, 9))
    keys = max(keys, tokens) if causal else keys
    x = draw((samples, heads, tokens, keys), seed, in_bits)
    op = Softmax(keys, out_bits, exp_table(scale, out_bits, 1 << in_bits), int(causal))
    flat = op.evaluate(x.transpose(1, 2).flatten(2))  # the graph's layout: heads beside one another
    expected = flat.unflatten(2, (heads, keys)).transpose(1, 2).numpy()
    assert np.array_equal(run(IntSoftmax(in_bits, out_bits, causal), x, scale, in_bits), expected)


@given(st.sampled_from(["layer", "rms"]), st.integers(1, 40), st.integers(3, 8), SCALES, SEEDS)
@settings(max_examples=60)
def test_norm_is_the_operator(form, channels, out_bits, scale, seed) -> None:
    x = draw((2, 3, channels), seed)
    op = Norm.of(Tensor((3, channels), -128, 127), form, out_bits - 3, out_bits)
    layer = IntNorm(channels, form, 8, out_bits, out_bits - 3)
    assert np.array_equal(run(layer, x, scale), op.evaluate(x).numpy())


@given(st.integers(2, 40), st.integers(3, 8), st.sampled_from([(5, 8), (6, 0), (4, 6)]), SCALES, SEEDS)
@settings(max_examples=40)
def test_norm_by_a_table_is_the_operator(channels, out_bits, root, scale, seed) -> None:
    x, (guard, fraction) = draw((2, 3, channels), seed), root
    gain = np.full(1, channels**0.5)
    op = Norm.l2(gain, out_bits - 3, out_bits, guard=guard, root_fraction=fraction)
    layer = IntNorm(channels, "l2", 8, out_bits, out_bits - 3, guard, fraction)
    assert np.array_equal(run(layer, x, scale), op.evaluate(x).numpy())


@given(st.data(), SCALES, st.integers(2, 8), st.sampled_from([0, 3, 9]), st.booleans(), SEEDS)
@settings(max_examples=40)
def test_a_deferred_softmax_is_four_operators(data, scale, bits, kept, causal, seed) -> None:
    samples, heads, tokens, size = (data.draw(st.integers(1, n)) for n in (2, 3, 5, 4))
    scores, values = draw((samples, heads, tokens, tokens), seed), draw((samples, heads, tokens, size), seed + 1)
    made = DeferredSoftmax(8, bits, 8, causal, kept)
    found = made(*(quantized(x.double() * scale, scale, 8, True, True) for x in (scores, values)))
    exponential = Exponential(tokens, table(scale, bits, 256), int(causal))
    shares = exponential.evaluate(scores.transpose(1, 2).flatten(2)).unflatten(2, (heads, tokens)).transpose(1, 2)
    sums = shares.sum(-1, keepdim=True)
    largest = Tensor((1, 1), 0, tokens * ((1 << bits) - 1))
    divide = Divide.of(largest, 0, -128, 127, bits - 1, kept)
    rows = ((shares @ values).reshape(1, -1, size), sums.reshape(1, -1, 1))
    assert np.array_equal(value_of(found).numpy() / scale, divide.evaluate(*rows).reshape(values.shape).numpy())
    assert scale_of(found) == scale


def test_the_gradient_of_a_deferred_softmax_is_that_of_the_softmax() -> None:
    scores, values = (quantized(draw((1, 2, 4, 4), seed).float() / 32, 1 / 32, 8, True, True) for seed in (1, 2))
    leaves = [x.value.clone().requires_grad_() for x in (scores, values)]
    ends = [x._replace(value=leaf) for x, leaf in zip((scores, values), leaves, strict=True)]
    value_of(DeferredSoftmax(causal=True)(*ends)).square().sum().backward()
    real = [x.value.clone().requires_grad_() for x in (scores, values)]
    hidden = torch.ones(4, 4, dtype=torch.bool).triu(1)
    (torch.softmax(real[0].masked_fill(hidden, -torch.inf), -1) @ real[1]).square().sum().backward()
    for found, wanted in zip(leaves, real, strict=True):
        assert (found.grad - wanted.grad).abs().max() < 0.05 * wanted.grad.abs().max()


@given(st.integers(2, 10), SCALES, SEEDS)
@settings(max_examples=40)
def test_lookup_is_the_rounded_function(bits, scale, seed) -> None:
    x = draw((2, 3, 5), seed, bits)
    top = 1 << (bits - 1)

    def entry(i: int) -> int:
        y = 0.5 * i * (1 + math.erf(i * scale / math.sqrt(2)))
        return min(max(round(y), -top), top - 1)

    expected = np.vectorize(entry)(x.numpy())
    assert np.array_equal(run(IntLookup(nn.functional.gelu, bits), x, scale, bits), expected)


@pytest.mark.parametrize("name", LAYERS)
def test_integers_do_not_depend_on_the_float_type_nor_on_gradients(name: str) -> None:
    layer = LAYERS[name]()
    x = draw((3, 2, 8, 8), 0)
    expected = run(layer, x, 0.125)
    assert np.array_equal(run(layer, x, 0.125, dtype=torch.float64), expected)
    with torch.no_grad():
        assert np.array_equal(run(layer.eval(), x, 0.125), expected)


@pytest.mark.parametrize("name", LAYERS)
def test_backward_is_the_smooth_gradient(name: str) -> None:
    layer = LAYERS[name]()
    exact = (draw((2, 2, 8, 8), 0).double() / 16).requires_grad_()
    smooth = exact.detach().clone().requires_grad_()
    weight = torch.randn(exact.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (value_of(layer(quantized(exact, 1 / 16, 8, True, True))) * weight).sum().backward()
    (layer.smooth(smooth) * weight).sum().backward()
    assert exact.grad.abs().sum() > 0
    torch.testing.assert_close(exact.grad, smooth.grad, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("name", "bound"), [("softmax", 1 / 256), ("causal", 1 / 256), ("layer", 0.02), ("rms", 0.02), ("gelu", 0.04)]
)
def test_the_smooth_function_is_what_the_integers_mean(name: str, bound: float) -> None:
    layer, scale = LAYERS[name](), 1 / 16
    x = draw((20, 2, 8, 8), 0).double() * scale
    exact = value_of(layer(quantized(x, scale, 8, True, True)))
    assert (exact - layer.smooth(x)).abs().max() <= bound


@pytest.mark.parametrize("name", LAYERS)
def test_without_a_scale_the_layer_is_smooth(name: str) -> None:
    layer, x = LAYERS[name](), torch.randn(2, 2, 8, 8)
    assert torch.equal(layer(x), layer.smooth(x))


def test_norm_has_the_affine_free_formula() -> None:
    x = torch.randn(4, 8)
    torch.testing.assert_close(IntNorm(8, "layer").smooth(x), nn.LayerNorm(8)(x).clamp(-4, 127 / 32))
    torch.testing.assert_close(IntNorm(8, "rms").smooth(x), nn.RMSNorm(8, eps=1e-5)(x).clamp(-4, 127 / 32))


@pytest.mark.parametrize("name", ["softmax", "gelu"])
def test_tables_follow_the_scale_in_train_mode_and_freeze_in_eval_mode(name: str) -> None:
    layer, x = LAYERS[name](), draw((1, 1, 4, 4), 0)
    run(layer, x, 1 / 8)
    first = layer.table.clone()
    run(layer, x, 1 / 4)
    assert not torch.equal(layer.table, first)
    layer.table[1] -= 1  # whoever makes the table again loses this
    frozen = layer.table.clone()
    run(layer.eval(), x, 1 / 4)
    assert torch.equal(layer.table, frozen)


@pytest.mark.parametrize("name", ["softmax", "gelu"])
def test_a_frozen_table_refuses_another_scale(name: str) -> None:
    layer, x = LAYERS[name](), draw((1, 1, 4, 4), 0)
    with pytest.raises(AccelError, match=r"made for inputs of scale 0.0, this one has 0.125: run one batch in train"):
        run(layer.eval(), x, 1 / 8)
    run(layer.train(), x, 1 / 8)
    with pytest.raises(AccelError, match=r"made for inputs of scale 0.125, this one has 0.25"):
        run(layer.eval(), x, 1 / 4)


@pytest.mark.parametrize("name", ["softmax", "gelu"])
def test_tables_travel_in_the_state(name: str) -> None:
    layer, x = LAYERS[name](), draw((2, 2, 4, 4), 0)
    expected = run(layer, x, 1 / 32)
    other = LAYERS[name]().eval()
    other.load_state_dict(copy.deepcopy(layer.state_dict()))
    assert np.array_equal(run(other, x, 1 / 32), expected)
