"""The definitions of the operators against naive pure Python, on every carrier; the reference's input checks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from encoders import Shape, encoder
from hypothesis import given, settings
from hypothesis import strategies as st

from accel import reference
from accel.errors import GraphError, ToolError, UserError
from accel.graph import Graph, Node
from accel.numeric import (
    FLOAT32_EXACT,
    FLOAT64_CARRIED,
    ROUNDINGS,
    bits,
    carrier,
    divide,
    has_narrow_products,
    isqrt,
    requantize,
    usable,
)
from accel.op import Op
from accel.ops import Add, Dense, Embedding, Lookup, MatMul, Norm, Pool, Position, Rescale, Softmax, Window
from accel.ops.softmax.op import exp_table
from accel.tensor import Tensor

Rows = list[list[int]]
Case = tuple[Op, tuple[Tensor, ...], Callable[..., Rows]]


def rounded(value: Fraction, mode: str) -> int:
    floor = math.floor(value)
    if mode == "floor":
        return floor
    if mode == "toward_zero":
        return math.trunc(value)
    if mode == "ceil":
        return math.ceil(value)
    if mode == "away":
        return math.ceil(value) if value > 0 else floor
    if value - floor != Fraction(1, 2):
        return math.floor(value + Fraction(1, 2))
    up = {"half_even": floor % 2, "half_up": 1, "half_away": value > 0, "half_toward_zero": value < 0}
    return floor + int(up[mode])


@st.composite
def tensors(draw: st.DrawFn, tokens: int | None = None, channels: int | None = None, width: int = 8) -> Tensor:
    lo = draw(st.integers(-(1 << (width - 1)), (1 << (width - 1)) - 1))
    hi = draw(st.integers(lo, (1 << width) - 1))
    return Tensor((tokens or draw(st.integers(1, 5)), channels or draw(st.integers(1, 6))), lo, hi)


def rng(draw: st.DrawFn) -> np.random.Generator:
    return np.random.default_rng(draw(st.integers(0, 1 << 30)))


@st.composite
def dense(draw: st.DrawFn) -> Case:
    x = draw(tensors(width=draw(st.sampled_from([4, 8, 20, 40]))))
    random, outputs = rng(draw), draw(st.integers(1, 5))
    op = Dense(random.integers(-8, 8, (outputs, x.channels)), random.integers(-99, 99, outputs))
    weight, bias = op.weight.tolist(), op.bias.tolist()
    return (
        op,
        (x,),
        lambda a: [
            [sum(w * v for w, v in zip(row, token, strict=True)) + b for row, b in zip(weight, bias, strict=True)]
            for token in a
        ],
    )


@st.composite
def matmul(draw: st.DrawFn) -> Case:
    heads, inner, keys = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    if draw(st.booleans()):
        a, b = draw(tensors(channels=heads * inner)), draw(tensors(tokens=keys, channels=heads * inner))

        def scores(a: Rows, b: Rows) -> Rows:
            return [
                [
                    sum(a[t][h * inner + c] * b[u][h * inner + c] for c in range(inner))
                    for h in range(heads)
                    for u in range(keys)
                ]
                for t in range(len(a))
            ]

        return MatMul(heads, "scores"), (a, b), scores
    a, b = draw(tensors(channels=heads * keys)), draw(tensors(tokens=keys, channels=heads * inner))

    def values(a: Rows, b: Rows) -> Rows:
        return [
            [
                sum(a[t][h * keys + u] * b[u][h * inner + c] for u in range(keys))
                for h in range(heads)
                for c in range(inner)
            ]
            for t in range(len(a))
        ]

    return MatMul(heads, "values"), (a, b), values


@st.composite
def add(draw: st.DrawFn) -> Case:
    a = draw(tensors())
    b = draw(tensors(*a.shape, width=draw(st.sampled_from([8, 30, 50]))))
    p, q = draw(st.integers(1, 300)), draw(st.integers(1, 300))
    return (
        Add([p, q]),
        (a, b),
        lambda a, b: [[p * v + q * w for v, w in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)],
    )


@st.composite
def rescale(draw: st.DrawFn) -> Case:
    x = draw(tensors(width=draw(st.sampled_from([8, 18, 40]))))
    multiplier = draw(st.lists(st.integers(1, 99), min_size=x.channels, max_size=x.channels))
    if draw(st.booleans()):
        multiplier = multiplier[:1]
    shift, mode = draw(st.integers(0, 14)), draw(st.sampled_from(ROUNDINGS))
    lo, hi = sorted((draw(st.integers(-300, 300)), draw(st.integers(-300, 300))))
    each = multiplier * (x.channels // len(multiplier))
    return (
        Rescale(multiplier, shift, mode, lo, hi),
        (x,),
        lambda a: [
            [min(max(rounded(Fraction(v * m, 1 << shift), mode), lo), hi) for v, m in zip(token, each, strict=True)]
            for token in a
        ],
    )


@st.composite
def lookup(draw: st.DrawFn) -> Case:
    x = draw(tensors())
    base, size = x.lo - draw(st.integers(0, 3)), x.hi - x.lo + 1 + 3
    table = rng(draw).integers(-1000, 1000, size + 3).tolist()
    return Lookup(table, base), (x,), lambda a: [[table[v - base] for v in token] for token in a]


@st.composite
def softmax(draw: st.DrawFn) -> Case:
    row, heads, causal = draw(st.integers(1, 6)), draw(st.integers(1, 3)), draw(st.booleans())
    x = draw(tensors(tokens=draw(st.integers(1, row)), channels=heads * row))
    ob = draw(st.integers(1, 12))
    rom = exp_table(draw(st.sampled_from([1 / 2, 1 / 16, 1 / 64])), ob, 2000).tolist()
    k = max(12, ob + 4) + ob + 4

    def golden(a: Rows) -> Rows:
        out = []
        for t, token in enumerate(a):
            result = []
            for h in range(heads):
                keys = token[h * row : (h + 1) * row]
                visible = [not causal or j <= t + row - len(a) for j in range(row)]
                top = max(v for v, seen in zip(keys, visible, strict=True) if seen)
                e = [rom[min(top - v, len(rom) - 1)] if seen else 0 for v, seen in zip(keys, visible, strict=True)]
                f = (1 << k) // sum(e)
                result += [min((v * f + (1 << (k - ob - 1))) >> (k - ob), (1 << ob) - 1) for v in e]
            out.append(result)
        return out

    return Softmax(row, ob, rom, int(causal)), (x,), golden


@st.composite
def norm(draw: st.DrawFn) -> Case:
    x = draw(tensors())
    form, offset = draw(st.sampled_from(["layer", "rms"])), draw(st.sampled_from([0, 0, 7]))
    op = Norm.of(x, form, draw(st.integers(2, 6)), draw(st.integers(4, 10)), offset=offset)
    if draw(st.booleans()):
        random = rng(draw)
        gamma, beta = random.integers(-7, 8, x.channels), random.integers(-999, 999, x.channels)
        op = Norm(op.form, op.guard, op.numerator_bits, op.shift, op.lo, op.hi, offset, gamma, beta)

    def golden(a: Rows) -> Rows:
        n, out = x.channels, []
        gamma, beta = np.broadcast_to(op.gamma, n).tolist(), np.broadcast_to(op.beta, n).tolist()
        for token in a:
            total = sum(token) if form == "layer" else 0
            v = n * sum(c * c for c in token) - total**2 + offset
            inverse = (1 << op.numerator_bits) // max(math.isqrt(v << (2 * op.guard)), 1 << op.guard)
            sums = [(n * c - total) * inverse * g + b for c, g, b in zip(token, gamma, beta, strict=True)]
            out.append([min(max((s + (1 << (op.shift - 1))) >> op.shift, op.lo), op.hi) for s in sums])
        return out

    return op, (x,), golden


@st.composite
def position(draw: st.DrawFn) -> Case:
    x, m = draw(tensors()), draw(st.integers(1, 64))
    table = rng(draw).integers(-500, 500, x.shape).tolist()
    return (
        Position(table, m),
        (x,),
        lambda a: [[m * v + p for v, p in zip(*rows, strict=True)] for rows in zip(a, table, strict=True)],
    )


@st.composite
def pool(draw: st.DrawFn) -> Case:
    return Pool(), (draw(tensors()),), lambda a: [[sum(column) for column in zip(*a, strict=True)]]


@st.composite
def window(draw: st.DrawFn) -> Case:
    x = draw(tensors())
    first, tokens = draw(st.integers(-2, x.tokens - 1)), draw(st.integers(3, 9))
    fill = rng(draw).integers(-500, 500, (tokens, x.channels)).tolist()
    places = range(first, first + tokens)
    return (
        Window(first, fill),
        (x,),
        lambda a: [a[place] if 0 <= place < len(a) else row for place, row in zip(places, fill, strict=True)],
    )


@st.composite
def embedding(draw: st.DrawFn) -> Case:
    x = replace(draw(tensors()), shape=(draw(st.integers(1, 4)), 1))
    table = rng(draw).integers(-500, 500, (x.hi - x.lo + 3, draw(st.integers(1, 4)))).tolist()
    return Embedding(table, x.lo - 1), (x,), lambda a: [table[token[0] - (x.lo - 1)] for token in a]


CASES = (dense, matmul, add, rescale, lookup, softmax, norm, position, pool, window, embedding)


def values(tensor: Tensor, samples: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    x = random.integers(tensor.lo, tensor.hi + 1, (samples, *tensor.shape))
    x[0], x[1] = tensor.lo, tensor.hi
    return x


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@settings(max_examples=40)
@given(data=st.data(), seed=st.integers(0, 1 << 30))
def test_definition_equals_naive_python_on_every_carrier(
    case: Callable[[], st.SearchStrategy[Case]], data: st.DataObject, seed: int
) -> None:
    op, inputs, golden = data.draw(case())
    x = [values(tensor, 4, seed + i) for i, tensor in enumerate(inputs)]
    expected = np.array([golden(*(a[s].tolist() for a in x)) for s in range(4)], dtype=np.int64)
    output, peak = op.infer(*inputs), op.peak(*inputs)
    assert expected.shape[1:] == output.shape
    assert output.lo <= expected.min()
    assert expected.max() <= output.hi
    for dtype, limit in ((torch.float32, FLOAT32_EXACT), (torch.float64, FLOAT64_CARRIED), (torch.int64, 1 << 62)):
        if max(peak, output.magnitude, *(t.magnitude for t in inputs)) <= limit:
            got = op.evaluate(*(torch.from_numpy(a).to(dtype) for a in x))
            assert got.dtype == dtype
            np.testing.assert_array_equal(got.to(torch.int64).numpy(), expected)


@pytest.mark.parametrize(("lo", "hi"), [(-128, 127), (0, 255)])
@pytest.mark.parametrize("magnitude", [1, 127])
def test_narrow_products_are_exact(lo: int, hi: int, magnitude: int) -> None:
    if not has_narrow_products():
        pytest.skip("8-bit products are not exact or not fast on this machine, so they are not used")
    rng = np.random.default_rng(0)
    op = Dense(magnitude * rng.integers(-1, 2, (16, 64)), rng.integers(-1000, 1000, 16))
    tensor = Tensor((3, 64), lo, hi)
    x = torch.from_numpy(values(tensor, 20, 0))
    dtype = usable(op.narrow(tensor))
    assert dtype == (torch.uint8 if lo == 0 else torch.int8)
    assert torch.equal(op.evaluate(x.to(dtype)).long(), op.evaluate(x))


def test_wide_or_odd_operands_are_not_narrow() -> None:
    small, x = Dense(np.ones((8, 8)), np.zeros(8)), Tensor((1, 8), -128, 127)
    assert usable(small.narrow(x)) == (torch.int8 if has_narrow_products() else None)
    assert small.narrow(Tensor((1, 8), -128, 128)) is None
    assert small.narrow(Tensor((1, 8), 0, 256)) is None
    assert Dense(np.full((8, 8), 128), np.zeros(8)).narrow(x) is None
    assert Dense(np.ones((8, 8)), np.full(8, 1 << 31)).narrow(x) is None
    assert Dense(np.ones((9, 8)), np.zeros(9)).narrow(x) is None


@pytest.mark.parametrize("mode", ROUNDINGS)
def test_ties_and_signs_of_every_rounding(mode: str) -> None:
    x = list(range(-40, 41))
    expected = [rounded(Fraction(v, 8), mode) for v in x]
    for dtype in (torch.float32, torch.float64, torch.int64):
        assert requantize(torch.tensor(x, dtype=dtype), 3, mode, -5, 5).tolist() == expected


def test_roundings_differ() -> None:
    results = {mode: tuple(rounded(Fraction(v, 4), mode) for v in range(-7, 8)) for mode in ROUNDINGS}
    assert len(set(results.values())) == len(ROUNDINGS)


@given(st.integers(0, (1 << 62) - 1))
def test_isqrt_is_exact(value: int) -> None:
    assert isqrt(torch.tensor([value])).item() == math.isqrt(value)


@given(st.integers(0, (1 << 31) - 2), st.integers(-1, 1))
def test_isqrt_is_exact_around_squares(root: int, step: int) -> None:
    value = max(0, root * root + step)
    assert isqrt(torch.tensor([value])).item() == math.isqrt(value)


@given(st.integers(1, 1 << 26), st.integers(-1, 1))
def test_isqrt_of_float64_is_exact_around_squares(root: int, step: int) -> None:
    value = min(FLOAT64_CARRIED, root * root + step)
    assert isqrt(torch.tensor([value], dtype=torch.float64)).item() == math.isqrt(value)


@given(st.integers(1, (1 << 53) - 1), st.integers(1, (1 << 53) - 1))
def test_float_division_is_exact(numerator: int, divisor: int) -> None:
    assert divide(numerator, torch.tensor([divisor], dtype=torch.float64)).item() == numerator // divisor


@given(st.integers(-(1 << 40), 1 << 40), st.integers(0, 1 << 40))
def test_bits_is_the_smallest_type(lo: int, span: int) -> None:
    hi = lo + span
    width, signed = bits(lo, hi)
    assert signed == (lo < 0)

    def fits(w: int) -> bool:
        return (-(1 << (w - 1)) <= lo and hi < 1 << (w - 1)) if signed else hi < 1 << w

    assert fits(width)
    assert width == 1 or not fits(width - 1)


def test_carriers() -> None:
    limits = [(FLOAT32_EXACT + 1, torch.float64), (FLOAT32_EXACT, torch.float32), (FLOAT64_CARRIED + 1, torch.int64)]
    for peak, dtype in limits:
        assert carrier(peak) == dtype
    with pytest.raises(GraphError, match="needs 64 bits; at most 62 are exact"):
        carrier(1 << 62)


def test_wide_ranges_do_not_wrap_round() -> None:
    """Ranges are computed beyond 64 bits, so that what does not fit is seen."""
    op = Dense([[(1 << 31) - 1] * 4], [0])
    assert op.infer(Tensor((1, 4), 0, 1 << 61)).hi == 4 * ((1 << 31) - 1) << 61
    graph = Graph("wide", {"x": Tensor((1, 4), 0, 1 << 61)}, (Node("y", op, ("x",)),), "y")
    with pytest.raises(GraphError, match="at most 62 are exact"):
        reference.run(graph, np.zeros((1, 1, 4), dtype=np.int64))


# ---- inputs of the reference


def test_quantize_rounds_half_to_even_and_clips() -> None:
    graph = _one(Tensor((1, 6), -8, 7, 0.25))
    real = np.array([[[0.125, 0.375, -0.125, -0.375, 9.0, -9.0]]])
    assert reference.quantize(graph, real).tolist() == [[[0, 2, 0, -2, 7, -8]]]


def test_quantize_per_channel() -> None:
    graph = _one(Tensor((1, 2), -8, 7, (0.25, 1.0)))
    assert reference.quantize(graph, np.array([[[1.0, 1.0]]])).tolist() == [[[4, 1]]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_quantize_names_the_first_bad_number(bad: float) -> None:
    real = np.zeros((2, 1, 6))
    real[1, 0, 3] = bad
    with pytest.raises(UserError, match=rf"input is {bad} at index \(1, 0, 3\): clean the data"):
        reference.quantize(_one(Tensor((1, 6), -8, 7)), real)


@pytest.mark.parametrize("shape", [(6,), (1, 6), (1, 6, 1), (1, 2, 6), (0, 1, 6), (1, 1, 1, 6)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    graph = _one(Tensor((1, 6), -8, 7))
    for call in (reference.quantize, reference.run, reference.trace):
        with pytest.raises(
            UserError, match=r"input shape is \(.*\), the model takes \(samples, 1, 6\) with at least one"
        ):
            call(graph, np.zeros(shape, dtype=np.int64))


def test_real_values_and_values_out_of_range_are_refused() -> None:
    graph = _one(Tensor((1, 6), -8, 7))
    with pytest.raises(UserError, match=r"input is float64, the graph takes integers: use accel.reference.quantize"):
        reference.run(graph, np.zeros((1, 1, 6)))
    with pytest.raises(UserError, match=r"input values 0\.\.8 leave the declared range -8\.\.7"):
        reference.run(graph, np.arange(3, 9).reshape(1, 1, 6) * [0, 1, 1, 1, 1, 1])


def test_unknown_device_is_one_line() -> None:
    with pytest.raises(UserError, match=r"device 'warp' is not usable .*; try --device cpu") as caught:
        reference.run(_one(Tensor((1, 6), -8, 7)), np.zeros((1, 1, 6), dtype=np.int64), device="warp")
    assert "\n" not in str(caught.value)


def test_compiled_for_this_processor_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with products of 8 bits and with two graphs in one process."""
    graphs = [encoder(Shape(channels=16, hidden=24, features=8, heads=2), seed) for seed in (1, 2)]
    for graph in graphs * 2:
        assert torch.int8 in graph.carriers.values() or not has_narrow_products()
        x = values(graph.input, 23, 1)
        expected = reference.trace(graph, x)
        found = reference.trace(graph, x, device="native")
        assert all(np.array_equal(found[name], expected[name]) for name in graph.tensors)
        np.testing.assert_array_equal(reference.run(graph, x[:1], device="native"), expected[graph.output][:1])
    monkeypatch.setenv("CXX", "absent")
    with pytest.raises(ToolError, match=r"g\+\+: \$CXX is 'absent'"):
        reference.run(encoder(Shape(), 3), np.zeros((1, 4, 4), np.int64), device="native")


def test_batches_and_trace_agree(tiny_graph: Graph) -> None:
    x = values(tiny_graph.input, 23, 1)
    whole = reference.run(tiny_graph, x)
    np.testing.assert_array_equal(reference.run(tiny_graph, x, batch=5), whole)
    traced = reference.trace(tiny_graph, x, batch=7)
    assert list(traced) == list(tiny_graph.tensors)
    np.testing.assert_array_equal(traced[tiny_graph.output], whole)
    np.testing.assert_array_equal(traced[tiny_graph.input_name], x)


def _one(tensor: Tensor) -> Graph:
    op = Rescale([1], 1, "half_even", -8, 7)
    return Graph("one", {"x": tensor}, (Node("y", op, ("x",)),), "y")
