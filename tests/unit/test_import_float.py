"""Files whose meaning is float: what the import makes of each construct, and how far it is from the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from float_files import check, joined, kinds, linear, refuse, scores
from hypothesis import given, settings
from hypothesis import strategies as st
from qonnx_files import File

from accel import onnx_import, reference, scales
from accel.ops import Lookup, Norm, Softmax

# ---- scales


@given(
    st.lists(st.floats(2.0**-20, 2.0**12), min_size=1, max_size=5),
    st.integers(1, 1 << 24),
    st.sampled_from([1, 7, 127, 255, 32767]),
)
def test_multipliers_keep_to_their_bound(ratios: list[float], magnitude: int, bound: int) -> None:
    """|x · m / 2^s − x · ratio| ≤ 2^-12 where the result is within the bound and 62 bits suffice."""
    ratio = np.array(ratios)
    multiplier, shift = scales.factors(ratio, magnitude, bound)
    assert multiplier.min() >= 1
    assert magnitude * int(multiplier.max()) < 1 << 62
    reach = np.minimum(magnitude, (bound + 1) / ratio)
    wanted = 2.0**-scales.PRECISION
    room = magnitude * ratio.max() * np.maximum(1, reach).max() * 2.0 ** (scales.PRECISION - 1) < 2.0**59
    if room:
        assert (reach * np.abs(multiplier / 2.0**shift - ratio) <= wanted * (1 + 1e-9)).all()


@given(st.tuples(st.floats(1e-4, 10), st.floats(1e-4, 10)), st.tuples(st.integers(1, 1 << 20), st.integers(1, 1 << 20)))
def test_sums_of_unrelated_scales_keep_to_their_bound(pair: tuple[float, float], magnitudes: tuple[int, int]) -> None:
    step = scales.sum_grid(pair, magnitudes)
    for scale, magnitude in zip(pair, magnitudes, strict=True):
        error = magnitude * abs(np.rint(scale / step) * step - scale)
        assert error <= max(pair) * 2.0**-scales.SUM_PRECISION * (1 + 1e-6)


def test_scales_too_far_apart_are_refused(tmp_path: Path) -> None:
    f = File()
    refuse(f.save(tmp_path, f.quant(f.quant("in", 1e30), 1e-30)), "Quant '/Quant_1': scales are too far apart")


def test_requantization_is_a_multiplier_and_a_shift(tmp_path: Path) -> None:
    f = File()
    imported = check(f.save(tmp_path, f.quant(f.quant("in", 0.3), 0.7, bits=6)))
    (node,) = imported.graph.nodes
    assert (node.op.kind, node.op.rounding) == ("rescale", "half_even")
    assert int(node.op.multiplier[0]) / 2**node.op.shift == pytest.approx(3 / 7, abs=2**-18)
    assert not imported.is_exact
    assert imported.approximate == {node.name}


def test_equal_float_scales_need_no_arithmetic(tmp_path: Path) -> None:
    """A power of two between float scales stays a shift, and the same scale nothing at all."""
    f = File()
    x = f.quant(f.quant("in", 0.3), 0.3)
    imported = check(f.save(tmp_path, f.quant(x, 1.2, bits=6)))
    (node,) = imported.graph.nodes
    assert (node.op.multiplier.tolist(), node.op.shift) == ([1], 2)
    assert not imported.approximate


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_dense_with_a_float_bias(tmp_path: Path, bits: int, per_channel: bool) -> None:
    """The accumulator has a scale per channel and loses nothing; the bias is rounded to it, or to a finer grid."""
    f = File((1, 3, 16))
    y = f.quant(linear(f, f.quant("in", 0.037), 16, 8, 1, bits, per_channel), 0.05)
    imported = check(f.save(tmp_path, f.quant(y, 0.11, bits=5)))
    assert kinds(imported) == ["dense", *(["position"] if bits < 8 else []), "rescale", "rescale"]
    if per_channel:
        assert len(set(imported.graph.nodes[0].scale)) == 8


@pytest.mark.parametrize("wide", [False, True])
def test_residual_sums_of_unrelated_scales(tmp_path: Path, wide: bool) -> None:
    f = File((1, 3, 8))
    x = f.quant("in", 0.037)
    y = linear(f, x, 8, 8, 2)
    y = y if wide else f.quant(y, 0.051)
    imported = check(f.save(tmp_path, f.quant(f.node("Add", x, y), 0.06)))
    front = ["dense", "rescale"]
    assert kinds(imported) == [*front, "add", "rescale"]


def test_an_activation_with_a_scale_per_channel(tmp_path: Path) -> None:
    f = File((1, 3, 4))
    x = f.quant("in", [0.1, 0.23, 0.07, 0.31])
    check(f.save(tmp_path, f.quant(linear(f, x, 4, 4, 3), 0.1)))


def test_constants_scale_and_shift_channels_of_either_sign(tmp_path: Path) -> None:
    f = File((1, 3, 4))
    y = f.node("Mul", linear(f, f.quant("in", 0.03), 4, 4, 3), f.const([0.3, -1.7, 0, 2]))
    imported = check(f.save(tmp_path, f.quant(f.node("Add", y, f.const([0.1, 0.2, 0.3, -0.4])), 0.02)))
    assert kinds(imported) == ["dense", "rescale"]


def test_means_over_any_number_of_tokens(tmp_path: Path) -> None:
    f = File((1, 7, 4))
    y = f.node("ReduceMean", f.quant("in", 0.5), axes=[1], keepdims=1)
    assert kinds(check(f.save(tmp_path, f.quant(y, 0.25)))) == ["pool", "rescale"]


@pytest.mark.parametrize("mode", ["ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"])
@pytest.mark.parametrize("zero", [0, 5])
@pytest.mark.parametrize("signed", [0, 1])
def test_every_rounding_with_and_without_zero_point(tmp_path: Path, mode: str, zero: int, signed: int) -> None:
    f = File((1, 3, 4))
    y = linear(f, f.quant("in", 0.021, signed=0, zero=101), 4, 4, 6)
    imported = check(f.save(tmp_path, f.quant(y, 0.13, bits=6, signed=signed, zero=zero, mode=mode)))
    assert (imported.graph.output_tensor.lo, imported.graph.output_tensor.hi) == (
        (-32 - zero, 31 - zero) if signed else (-zero, 63 - zero)
    )


@pytest.mark.parametrize("op", ["LayerNormalization", "Softmax"])
def test_real_numbers_toward_a_zero_that_is_not_theirs(tmp_path: Path, op: str) -> None:
    f = File((1, 3, 4), opset=17)
    y = f.node(op, f.quant("in", 0.1), *([f.const(np.ones(4))] if op == "LayerNormalization" else []))
    refuse(f.save(tmp_path, f.quant(y, 0.01, zero=5, mode="UP")), "zero point 5 changes which way is toward zero")


# ---- functions

UNARY = {
    "Abs": {}, "Celu": {"alpha": 0.7}, "Ceil": {}, "Cos": {}, "Elu": {}, "Erf": {}, "Exp": {}, "Floor": {}, "Gelu": {},
    "HardSigmoid": {}, "HardSwish": {}, "LeakyRelu": {"alpha": 0.1}, "Mish": {}, "Neg": {}, "Round": {}, "Selu": {},
    "Sigmoid": {}, "Sign": {}, "Sin": {}, "Softplus": {}, "Softsign": {}, "Tanh": {}, "ThresholdedRelu": {},
}  # fmt: skip


@pytest.mark.parametrize("op", UNARY)
def test_functions_of_a_narrow_edge_equal_the_file(tmp_path: Path, op: str) -> None:
    """Every input has its own entry: the table holds what the file computes."""
    f = File((1, 3, 4), opset=22)
    y = f.node(op, f.quant("in", 0.041, bits=6), **UNARY[op])
    imported = check(f.save(tmp_path, f.quant(y, 0.03)), most=0)
    (node,) = imported.graph.nodes
    assert isinstance(node.op, Lookup)
    assert node.op.table.size == 64


@pytest.mark.parametrize("op", ["Gelu", "Sigmoid", "Tanh", "Mish", "HardSwish", "LeakyRelu", "Neg", "Softplus"])
def test_functions_of_an_accumulator_are_rescaled_to_twelve_bits(tmp_path: Path, op: str) -> None:
    f = File((1, 3, 64), opset=22)
    y = f.node(op, linear(f, f.quant("in", 0.04), 64, 16, 4))
    step = {"Gelu": 0.02, "HardSwish": 0.02, "Mish": 0.02, "Softplus": 0.03, "LeakyRelu": 0.05, "Neg": 0.05}.get(
        op, 1 / 127
    )
    imported = check(f.save(tmp_path, f.quant(y, step)))
    assert kinds(imported) == ["dense", "rescale", "lookup"]
    assert imported.graph.nodes[-1].op.table.size <= 4096


@pytest.mark.parametrize(
    ("bits", "out", "entries"), [(16, 16, 1 << 16), (14, 14, 1 << 14), (16, 8, 4094), (14, 10, 4094)]
)
def test_tables_are_as_large_as_the_output_needs(tmp_path: Path, bits: int, out: int, entries: int) -> None:
    f = File((1, 3, 4), opset=20)
    y = f.node("Gelu", f.quant("in", 2.0 ** (4 - bits), bits=bits))
    imported = check(f.save(tmp_path, f.quant(y, 2.0 ** (4 - out), bits=out)))
    assert imported.graph.nodes[-1].op.table.size == entries


def gelu(f: File, x: str) -> str:
    erf = f.node("Add", f.node("Erf", f.node("Div", x, f.const(np.sqrt(2)))), f.const(1.0))
    return f.node("Mul", f.node("Mul", x, erf), f.const(0.5))


def gelu_tanh(f: File, x: str) -> str:
    cube = f.node("Mul", f.node("Pow", x, f.const(3.0)), f.const(0.044715))
    inner = f.node("Mul", f.node("Add", x, cube), f.const(np.sqrt(2 / np.pi)))
    return f.node("Mul", f.node("Mul", x, f.const(0.5)), f.node("Add", f.const(1.0), f.node("Tanh", inner)))


def silu(f: File, x: str) -> str:
    return f.node("Mul", f.node("Sigmoid", x), x)


def silu_written_out(f: File, x: str) -> str:
    return f.node("Div", x, f.node("Add", f.const(1.0), f.node("Exp", f.node("Neg", x))))


def hard_swish(f: File, x: str) -> str:
    inner = f.node("Clip", f.node("Add", x, f.const(3.0)), f.const(0.0), f.const(6.0))
    return f.node("Div", f.node("Mul", x, inner), f.const(6.0))


def squared_relu(f: File, x: str) -> str:
    y = f.node("Relu", x)
    return f.node("Mul", y, y)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("write", [gelu, gelu_tanh, silu, silu_written_out, hard_swish, squared_relu])
def test_activations_written_out_are_one_lookup(tmp_path: Path, write, wide: bool) -> None:
    f = File((1, 3, 16), opset=18)
    x = f.quant("in", 0.043)
    y = write(f, linear(f, x, 16, 8, 5) if wide else x)
    imported = check(f.save(tmp_path, f.quant(y, 0.031, signed=int(write is not squared_relu))))
    assert kinds(imported) == [*(["dense", "rescale"] if wide else []), "lookup"]


def test_a_chain_of_functions_keeps_power_of_two_files_exact_around_it(tmp_path: Path) -> None:
    f = File((1, 3, 4))
    y = f.quant(f.node("Tanh", f.quant("in", 2.0**-5)), 2.0**-7)
    imported = check(f.save(tmp_path, f.dense(y, np.eye(4), 0.5)), most=0)
    assert imported.approximate == {imported.graph.nodes[0].name}


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (lambda f, x, y: f.node("Mul", f.node("Erf", x), y), "Mul '/Mul.*': is a float island: it combines two"),
        (lambda f, x, y: f.node("Log", x), "Quant '/Quant.*': quantizes a function that is not a number"),
        (lambda f, x, y: f.node("Mul", f.node("Erf", x), f.const([1, 2, 3, 4])), "island: its constant differs"),
        (lambda f, x, y: f.node("Softmax", f.node("Erf", x)), "Softmax .* is a float island: no quantizer stands"),
        (lambda f, x, y: f.dense(f.node("Erf", x), np.eye(4), 0.5), "MatMul .* is a float island"),
    ],
)
def test_float_islands(tmp_path: Path, build, why: str) -> None:
    f = File((1, 3, 4))
    x = f.quant("in", 0.5)
    refuse(f.save(tmp_path, f.quant(build(f, x, f.quant(linear(f, x, 4, 4, 1), 0.5)), 0.1)), why)


def test_endless_chains_are_refused_at_once(tmp_path: Path) -> None:
    f = File()
    y = f.node("Tanh", f.quant("in", 0.5))
    for _ in range(40):
        y = f.node("Mul", y, y)
    refuse(f.save(tmp_path, f.quant(y, 0.1)), "ends a chain of more than 100 float operators")


# ---- softmax


def plain(f: File, x: str) -> str:
    return f.node("Softmax", x, axis=-1)


def written_out(f: File, x: str) -> str:
    e = f.node("Exp", f.node("Sub", x, f.node("ReduceMax", x, axes=[-1], keepdims=1)))
    return f.node("Div", e, f.node("ReduceSum", e, f.ints(-1), keepdims=1))


def by_reciprocal(f: File, x: str) -> str:
    e = f.node("Exp", x)
    return f.node("Mul", e, f.node("Reciprocal", f.node("ReduceSum", e, f.ints(3), keepdims=1)))


@pytest.mark.parametrize("step", [2.0**-12, 0.0003, 1 / 256, 1 / 255, 0.0031, 1 / 15])
@pytest.mark.parametrize("write", [plain, written_out, by_reciprocal])
def test_softmax_between_quantizers(tmp_path: Path, write, step: float) -> None:
    f = File((1, 6, 8), opset=13)
    p = write(f, scores(f, f.quant("in", 0.023), 6, 8, 2))
    imported = check(f.save(tmp_path, joined(f, f.quant(p, step, bits=16 if step < 1 / 256 else 8, signed=0))))
    assert kinds(imported).count("softmax") == 1
    assert kinds(imported)[-1] == ("softmax" if step in (1 / 256, 2.0**-12) else "rescale")
    (op,) = (node.op for node in imported.graph if isinstance(node.op, Softmax))
    assert len(op.rom) <= (16384 if step < 1 / 256 else 4096)
    assert not op.causal


def test_softmax_of_quantized_scores_has_their_table(tmp_path: Path) -> None:
    f = File((1, 6, 8))
    p = f.node("Softmax", f.quant(scores(f, f.quant("in", 0.023), 6, 8, 2), 0.11))
    imported = check(f.save(tmp_path, joined(f, f.quant(p, 2.0**-8, signed=0))))
    assert kinds(imported)[-2:] == ["rescale", "softmax"]


def causal_by_sum(f: File, x: str, tokens: int) -> str:
    return f.node("Add", x, f.const(np.triu(np.full((tokens, tokens), -np.inf), 1)))


def causal_by_finite_sum(f: File, x: str, tokens: int) -> str:
    return f.node("Add", f.const(np.triu(np.full((1, 1, tokens, tokens), -1e9), 1)), x)


def causal_by_choice(f: File, x: str, tokens: int) -> str:
    visible = f.const(np.tril(np.ones((tokens, tokens))), dtype=bool)
    return f.node("Where", visible, x, f.const(-np.inf))


def causal_by_hiding(f: File, x: str, tokens: int) -> str:
    hidden = f.const(np.triu(np.ones((tokens, tokens)), 1), dtype=bool)
    return f.node("Where", hidden, f.const(np.full((), -65504)), x)


@pytest.mark.parametrize("hide", [causal_by_sum, causal_by_finite_sum, causal_by_choice, causal_by_hiding])
@pytest.mark.parametrize("write", [plain, written_out])
def test_causal_masks(tmp_path: Path, write, hide) -> None:
    f = File((1, 6, 8))
    p = write(f, hide(f, scores(f, f.quant("in", 0.023), 6, 8, 2), 6))
    imported = check(f.save(tmp_path, joined(f, f.quant(p, 1 / 255, signed=0))))
    (op,) = (node.op for node in imported.graph if isinstance(node.op, Softmax))
    assert op.causal


@pytest.mark.parametrize("step", [0.02, 0.11])
def test_a_mask_in_front_of_a_quantizer_is_clipped_by_it(tmp_path: Path, step: float) -> None:
    """What is hidden becomes the lowest score, as in the file, and any mask will do."""
    f = File((1, 6, 8))
    mask = np.where(np.random.default_rng(1).random((6, 6)) < 0.4, -1e9, 0)
    y = f.quant(f.node("Add", scores(f, f.quant("in", 0.03), 6, 8, 2), f.const(mask)), step)
    imported = check(f.save(tmp_path, joined(f, f.quant(f.node("Softmax", y), 1 / 255, signed=0))))
    assert kinds(imported)[-5:] == ["matmul", "position", "rescale", "softmax", "rescale"]
    assert not imported.graph.nodes[-2].op.causal


# ---- norms


def affine(f: File, x: str, channels: int, beta: bool) -> str:
    rng = np.random.default_rng(9)
    gamma = rng.normal(size=channels)
    gamma[0] = 0
    y = f.node("Mul", x, f.const(gamma))
    return f.node("Add", y, f.const(rng.normal(size=channels))) if beta else y


def layer_norm(f: File, x: str, channels: int) -> str:
    rng = np.random.default_rng(8)
    return f.node("LayerNormalization", x, f.const(rng.normal(size=channels)), f.const(rng.normal(size=channels)))


def rms_norm(f: File, x: str, channels: int) -> str:
    return f.node("RMSNormalization", x, f.const(np.random.default_rng(8).normal(size=channels)), epsilon=1e-4)


def layer_norm_written_out(f: File, x: str, channels: int) -> str:
    c = f.node("Sub", x, f.node("ReduceMean", x, f.ints(-1)))
    v = f.node("ReduceMean", f.node("Pow", c, f.const(2.0)), f.ints(-1))
    return affine(f, f.node("Div", c, f.node("Sqrt", f.node("Add", v, f.const(1e-5)))), channels, True)


def layer_norm_with_two_means(f: File, x: str, channels: int) -> str:
    c, d = (f.node("Sub", x, f.node("ReduceMean", x, f.ints(2))) for _ in range(2))
    v = f.node("ReduceMean", f.node("Mul", d, d), f.ints(2))
    root = f.node("Pow", f.node("Add", f.const(1e-5), v), f.const(-0.5))
    return affine(f, f.node("Mul", root, c), channels, True)


def rms_norm_written_out(f: File, x: str, channels: int) -> str:
    v = f.node("ReduceMean", f.node("Pow", x, f.const(2.0)), f.ints(-1))
    root = f.node("Reciprocal", f.node("Sqrt", f.node("Add", v, f.const(1e-6))))
    return affine(f, f.node("Mul", x, root), channels, False)


NORMS = {
    layer_norm: "layer",
    rms_norm: "rms",
    layer_norm_written_out: "layer",
    layer_norm_with_two_means: "layer",
    rms_norm_written_out: "rms",
}


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("write", NORMS)
def test_norms(tmp_path: Path, write, wide: bool) -> None:
    """gamma of any sign, and 0, and the output's scale are in the one Norm: nothing is rounded twice."""
    f = File((1, 5, 16), opset=23)
    x = f.quant("in", 0.043)
    y = write(f, f.node("Add", x, linear(f, x, 16, 16, 3)) if wide else x, 16)
    imported = check(f.save(tmp_path, f.quant(y, 0.027)))
    (op,) = (node.op for node in imported.graph if isinstance(node.op, Norm))
    assert op.form == NORMS[write]
    assert kinds(imported)[-1] == "norm"


@settings(max_examples=25, deadline=None)
@given(
    st.integers(2, 12),
    st.floats(2.0**-12, 8),
    st.floats(0.004, 0.5),
    st.sampled_from([0.0, 1e-12, 1e-5, 0.1]),
    st.integers(0, 1 << 20),
)
def test_norms_of_any_width_scale_and_epsilon(tmp_path_factory, bits, scale, step, epsilon, seed) -> None:
    f = File((1, 4, 12), opset=17)
    gamma, beta = np.random.default_rng(seed).normal(size=(2, 12))
    y = f.node("LayerNormalization", f.quant("in", scale, bits), f.const(gamma), f.const(beta), epsilon=epsilon)
    check(f.save(tmp_path_factory.mktemp("norm"), f.quant(y, step)), samples=8, seed=seed)


@pytest.mark.parametrize("bits", [12, 16])
def test_wide_activations(tmp_path: Path, bits: int) -> None:
    """Norms, sums and products of up to 16 bits; tables have 12."""
    f = File((1, 5, 16), opset=17)
    step = 2.0 ** (3 - bits) * 1.1
    y = f.quant(layer_norm(f, f.quant("in", step, bits), 16), step, bits)
    x = f.quant(f.node("Add", y, linear(f, y, 16, 16, 1)), 1.7 * step, bits)
    check(f.save(tmp_path, f.quant(linear(f, x, 16, 16, 2), step, bits)))


@pytest.mark.parametrize("mode", ["FLOOR", "CEIL", "DOWN"])
def test_norms_and_softmax_whose_quantizer_does_not_round_to_nearest(tmp_path: Path, mode: str) -> None:
    f = File((1, 4, 8), opset=17)
    y = f.quant(layer_norm(f, f.quant("in", 0.04), 8), 0.03, mode=mode)
    imported = check(f.save(tmp_path, f.quant(f.node("Softmax", y), 2.0**-8, signed=0, mode=mode)))
    assert kinds(imported) == ["rescale", "norm", "rescale", "softmax", "rescale"]


def test_onnxruntimes_rms_norm(tmp_path: Path) -> None:
    """qonnx cannot run it, so that there is nothing to measure."""
    f = File((1, 5, 16))
    y = f.node("SimplifiedLayerNormalization", f.quant("in", 0.1), f.const(np.linspace(-1, 2, 16)), axis=-1)
    *_, node = onnx_import.load(f.save(tmp_path, f.quant(y, 0.03))).nodes
    assert node.op.form == "rms"


def batch_norm(f: File, x: str) -> str:
    rng = np.random.default_rng(2)
    parameters = [f.const(v) for v in (rng.normal(size=6), rng.normal(size=6), rng.normal(size=6), rng.random(6))]
    return f.node("BatchNormalization", x, *parameters)


def test_batch_norm_joins_the_layer_in_front(tmp_path: Path) -> None:
    """Slopes are scales, their signs those of the weights' rows; offsets are the bias."""
    f = File((4, 6))
    y = batch_norm(f, linear(f, f.quant("in", 0.03), 6, 6, 1))
    assert kinds(check(f.save(tmp_path, f.quant(y, 0.05)))) == ["dense", "rescale"]


def test_batch_norm_of_transposed_tokens(tmp_path: Path) -> None:
    f = File((1, 5, 6))
    y = batch_norm(f, f.node("Transpose", f.quant("in", 0.03), perm=[0, 2, 1]))
    imported = check(f.save(tmp_path, f.quant(f.node("Transpose", y, perm=[0, 2, 1]), 0.05)))
    assert kinds(imported)[0] == "rotary"  # signs and slopes of the channels
    assert kinds(imported)[-1] == "rescale"


def test_batch_norm_over_tokens_is_refused(tmp_path: Path) -> None:
    f = File((1, 5, 6))
    x = f.quant(linear(f, f.quant("in", 0.03), 6, 6, 1), 0.03)
    y = f.node("BatchNormalization", x, *(f.const(np.ones(5)) for _ in range(4)))
    refuse(f.save(tmp_path, f.quant(y, 0.05)), "normalizes an axis that is not the channels; transpose so that axis 1")


# ---- deviations


def test_a_wrong_table_shows_as_a_deviation(tmp_path: Path) -> None:
    """The measurement can fail, and names the operator that is wrong, not those behind it."""
    f = File((1, 3, 8))
    y = f.quant(f.node("Tanh", f.quant("in", 0.03), name="wrong"), 1 / 127, name="q1")
    imported = check(f.save(tmp_path, f.quant(linear(f, y, 8, 8, 1), 0.02, name="q2")))
    graph = imported.graph
    table = graph.nodes[0].op.table.wide().copy()
    table[100:120] += 5
    nodes = (replace(graph.nodes[0], op=Lookup(table, graph.nodes[0].op.base)), *graph.nodes[1:])
    broken = replace(imported, graph=replace(graph, nodes=nodes))
    x = np.random.default_rng(0).integers(-128, 127, (16, *graph.input.shape), endpoint=True)
    wrong, right = onnx_import.deviations(broken, x)
    assert (wrong.layer, wrong.max_lsb, wrong.operators) == ("wrong", 5, ("lookup",))
    assert 0.04 < wrong.differing < 0.13
    assert wrong.mean_lsb == pytest.approx(5 * wrong.differing)
    assert wrong.values == 16 * 24
    assert right.max_lsb <= 1


def test_execute_of_a_float_file_gives_the_nearest_integers(tmp_path: Path) -> None:
    f = File((1, 3, 8))
    imported = check(f.save(tmp_path, linear(f, f.quant("in", 0.03), 8, 8, 1)))
    x = np.random.default_rng(0).normal(size=(4, 3, 8)).astype(np.float32)
    found = onnx_import.execute(imported, x)[imported.graph.output]
    expected = reference.run(imported.graph, reference.quantize(imported.graph, x))
    assert np.abs(found - expected).max() <= 1
