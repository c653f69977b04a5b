"""Graphs for the HLS tests: every operator in random settings, and a transformer block with hostile names."""

from __future__ import annotations

import numpy as np

from accel.building import Builder, Edge
from accel.dataflow.schedule import Schedule, is_stage, unit_folds_of
from accel.graph import Graph
from accel.numeric import ROUNDINGS
from accel.op import Op
from accel.ops import (
    Add,
    BlockFloat,
    Dense,
    Divide,
    Embedding,
    Exponential,
    Lookup,
    MatMul,
    Mul,
    Norm,
    Pool,
    Position,
    Rescale,
    Rotary,
    Softmax,
    Window,
)
from accel.ops.exponential.op import table as exponentials
from accel.ops.softmax.op import exp_table
from accel.tensor import Tensor

HOSTILE = [
    "/blocks.0/attn/q", 'quote"', "back\\slash", "int", "a b;\n#error", "$(touch owned)", "../up", "*/ } x", "n0", "x",
    "layer2_out", "naïve ☃", "", "-rf", "%s", "config2", "result_t", "nnet::array<int, 1>", "'", "`", "//", "{",
    "input",
]  # fmt: skip


def everything(seed: int) -> Graph:
    """Every operator, every rounding, form and optional constant, on random shapes, widths and values."""
    rng = np.random.default_rng(seed)
    tokens = int(rng.integers(2, 6))
    build = Builder()
    x = build.input(Tensor((tokens, int(rng.integers(2, 7))), *_range(rng, 8)), "source")
    ends = []
    for branch in (_rescales, _attention, _norms, _elementwise, _rotations, _tokens):
        ends += branch(build, rng, _narrow(build, rng, x, int(rng.integers(2, 7))))
    total = None
    for end in ends:
        branch = _dense(build, rng, build.add(Pool(), end), 2)
        total = build.add(Add(rng.integers(1, 4, 2)), total, branch) if total else branch
    return build.graph(total, "hls")


def language(seed: int) -> Graph:
    """What only language models have: shared exponents, exponentials and their division, a norm of wide inputs."""
    rng = np.random.default_rng(seed)
    tokens, heads, size = int(rng.integers(2, 6)), int(rng.integers(1, 4)), 2 * int(rng.integers(1, 4))
    build = Builder()
    source = build.input(Tensor((tokens, int(rng.integers(2, 7))), *_range(rng, 8)), "source")
    x = _narrow(build, rng, source, heads * size, 20)
    x = build.add(BlockFloat(int(rng.integers(4, 12)), int(rng.choice([0, size, 2]))), x)
    scores = build.add(MatMul(heads, "scores"), x, x)
    spare = max(0, build.tensor(scores).width - 9)
    scores = build.add(Rescale([1], spare, "half_up", -256, 255), scores)
    weights = build.add(Exponential(tokens, exponentials(1 / 16, 12, 4096), int(rng.integers(0, 2))), scores)
    ones = np.repeat(np.eye(heads, dtype=np.int64), tokens, axis=1)
    sums = build.add(Dense(ones, np.zeros(heads, np.int64)), weights)
    values = build.add(MatMul(heads, "values"), weights, x)
    divide = Divide.of(build.tensor(sums), int(rng.integers(-4, 5)), -(1 << 15), (1 << 15) - 1, least=11)
    mixed = build.add(divide, values, sums)
    normed = build.add(Norm.l2(rng.normal(0, 9, heads * size), 4, 12, offset=int(rng.integers(0, 99))), mixed)
    return build.graph(_dense(build, rng, normed, 3), "language")


def _range(rng: np.random.Generator, bits: int) -> tuple[int, int]:
    """A signed, unsigned or lopsided range of `bits` bits."""
    top = 1 << bits
    choices = [(-top // 2, top // 2 - 1), (0, top - 1), (-top // 3, 5), (3, top - 1)]
    return choices[rng.integers(len(choices))]


def _dense(build: Builder, rng: np.random.Generator, source: Edge, outputs: int, bits: int = 4) -> Edge:
    x = build.tensor(source)
    weight = rng.integers(-(1 << bits - 1), 1 << bits - 1, (outputs, x.channels))
    return build.add(Dense(weight, rng.integers(-200, 200, outputs)), source)


def _narrow(
    build: Builder, rng: np.random.Generator, source: Edge, outputs: int, bits: int = 8, rounding: str = "half_even"
) -> Edge:
    """Dense and a rescale that uses most of a range of `bits` bits."""
    wide = _dense(build, rng, source, outputs)
    lo, hi = _range(rng, bits)
    shift = int(rng.integers(4, 12))
    scalar = max(1, (max(-lo, hi) << shift) // build.tensor(wide).magnitude)
    multiplier = rng.integers(scalar, 3 * scalar + 1, rng.choice([1, outputs]))
    return build.add(Rescale(multiplier, shift, rounding, lo, hi), wide)


def _rescales(build: Builder, rng: np.random.Generator, source: Edge) -> list[Edge]:
    """All roundings, where ties are frequent (a small shift), with multiplier 1, one for all, one per channel."""
    pairs = [tuple(_dense(build, rng, source, 3, 8) for _ in range(2)) for _ in range(2)]  # a stream has few readers
    results = []
    for number, rounding in enumerate(ROUNDINGS):
        edge, other = pairs[number % 2]
        results.append(build.add(Rescale([1], 2, rounding, -1000, 1000), edge))
        results.append(build.add(Rescale(rng.integers(1, 9, 3), 3, rounding, -4000, 900), other))
    exact = build.add(Rescale([1 << 20], 0, "floor", -(1 << 45), 1 << 45), edge)  # wider than `int`
    far = build.add(Rescale([3], 34, "half_even", -7, 40), exact)  # all results small, the shift wider than they are
    total = build.add(Rescale([5], 40, "half_away", 2, 2), exact)  # empty choice
    for result in [*results, far]:
        total = build.add(Add((1, 1)), total, result)
    return [total]


def _attention(build: Builder, rng: np.random.Generator, source: Edge) -> list[Edge]:
    """Heads, causal or not, few and many bits; one query token; a product of an edge with itself."""
    ends = []
    tokens = build.tensor(source).tokens
    for causal, bits in ((0, 8), (1, int(rng.choice([4, 12, 16])))):
        heads, size, group = (int(n) for n in rng.integers(1, 4, 3))
        q, k, v = (_narrow(build, rng, source, heads * size * n) for n in (group, 1, 1))
        scores = build.add(MatMul(heads * group, "scores", heads), q, k)
        logits = build.add(Rescale([1], 6, "half_up", -90, 127), scores)
        shares = build.add(Softmax(tokens, bits, exp_table(1 / 16, bits, 4096), causal), logits)
        ends.append(build.add(MatMul(heads * group, "values", heads), shares, v))
    one = build.add(Pool(), q)
    against = build.add(MatMul(heads * group, "scores", heads), one, k)
    small = build.add(Rescale([1], 8, "half_even", -128, 127), against)
    mixed = build.add(Softmax(tokens, 8, exp_table(1 / 8, 8, 256), 1), small)  # one query sees every key
    ends.append(build.add(MatMul(heads * group, "values", heads), mixed, v))
    ends.append(build.add(MatMul(heads, "scores"), k, k))
    return ends


def _norms(build: Builder, rng: np.random.Generator, source: Edge) -> list[Edge]:
    """LayerNorm and RMSNorm, plain, with an offset, with gamma and beta (scalar or per channel)."""
    ends = []
    for form in ("layer", "rms"):
        channels = int(rng.integers(2, 9))
        x = _narrow(build, rng, source, channels)
        plain = Norm.of(build.tensor(x), form, 5, 8, offset=int(rng.integers(0, 2)) * 999)
        ends.append(build.add(plain, x))
        affine = Norm(
            form, plain.guard, plain.numerator_bits, plain.shift + 4, -100, 127,
            gamma=rng.integers(-20, 40, channels), beta=rng.integers(-(1 << 24), 1 << 24, rng.choice([1, channels])),
        )  # fmt: skip
        ends.append(build.add(affine, x))
    lone = _narrow(build, rng, source, 1)
    ends.append(build.add(Norm.of(build.tensor(lone), "layer", 4, 6), lone))
    return ends


def _elementwise(build: Builder, rng: np.random.Generator, source: Edge) -> list[Edge]:
    """Lookup inside a larger table, Position, Add and Mul of an edge with itself; factors wider than `int`."""
    x = _narrow(build, rng, source, 5)
    spec = build.tensor(x)
    table = rng.integers(-3000, 3000, spec.hi - spec.lo + 9)
    looked = build.add(Lookup(table, spec.lo - 4), x)
    placed = build.add(Position(rng.integers(-500, 500, spec.shape), int(rng.integers(1, 99))), looked)
    doubled = build.add(Add((3, 5)), placed, placed)
    wide = build.add(Position(rng.integers(-500, 500, spec.shape), 1 << 33), x)
    wider = build.add(Add((1 << 32, 1)), x, wide)
    squared = build.add(Mul(), x, x)
    gated = build.add(Mul(), x, wide)
    return [
        doubled,
        build.add(Rescale([1], 5, "half_up", -999, 999), squared),
        build.add(Rescale([1], 35, "half_even", -999, 999), gated),
        build.add(Rescale([1], 31, "half_away", -999, 999), wider),
    ]


def _rotations(build: Builder, rng: np.random.Generator, source: Edge) -> list[Edge]:
    """Pairs of channels turned, with a table that two heads share, and a product with a table of all channels."""
    period = 2 * int(rng.integers(1, 4))
    x = _narrow(build, rng, source, 2 * period)
    cos, sin = rng.integers(-127, 128, (2, build.tensor(source).tokens, period))
    gate = rng.integers(-127, 128, (build.tensor(source).tokens, 2 * period))
    turned = build.add(Rotary(cos, sin), x)
    return [turned, build.add(Rotary(gate, np.zeros_like(gate)), x)]


def _tokens(build: Builder, rng: np.random.Generator, source: Edge) -> list[Edge]:
    """Windows within the sequence and beyond both its ends; rows of a table that is larger than its input's range."""
    x = _narrow(build, rng, source, 3)
    tokens, identifiers = build.tensor(source).tokens, _narrow(build, rng, source, 1)
    spec = build.tensor(identifiers)
    selected = build.add(Window(int(rng.integers(0, tokens)), np.zeros((1, 3))), x)
    around = build.add(Window(-2, rng.integers(-9999, 9999, (tokens + 3, 3))), x)
    before = build.add(Window(-1, rng.integers(-9, 9, (tokens, 3))), x)
    table = rng.integers(-300, 300, (spec.hi - spec.lo + 5, 4))
    return [selected, around, before, build.add(Embedding(table, spec.lo - 3), identifiers)]


def block(seed: int = 0) -> Graph:
    """A transformer block: attention, residuals, both norms, lookup, pool; every name is a trap for some language."""
    rng = np.random.default_rng(seed)
    tokens, channels, heads = 5, 8, 2
    names = iter(HOSTILE)
    build = Builder()
    x = build.input(Tensor((tokens, channels), -128, 127), next(names))

    def add(op: Op, *inputs: Edge) -> Edge:
        return build.add(op, *inputs, name=next(names, f"edge {len(build.tensors) - 1}"))

    def linear(source: Edge, outputs: int) -> Edge:
        weight = rng.integers(-7, 8, (outputs, build.tensor(source).channels))
        wide = add(Dense(weight, rng.integers(-99, 99, outputs)), source)
        return add(Rescale([1], 5, "half_even", -128, 127), wide)

    def norm(source: Edge, form: str) -> Edge:
        return add(Norm.of(build.tensor(source), form, 5, 8), source)

    source = add(Position(rng.integers(-99, 99, (tokens, channels)), 1), x)
    q, k, v = (linear(source, channels) for _ in range(3))
    logits = add(Rescale([1], 6, "half_even", -128, 127), add(MatMul(heads, "scores"), q, k))
    shares = add(Softmax(tokens, 8, exp_table(1 / 16, 8, 256), 0), logits)
    attended = add(Rescale([1], 8, "half_even", -128, 127), add(MatMul(heads, "values"), shares, v))
    middle = norm(add(Add((1, 2)), source, linear(attended, channels)), "layer")
    hidden = add(Lookup(np.maximum(np.arange(-128, 128), 0), -128), linear(middle, 2 * channels))
    final = norm(add(Add((4, 1)), middle, linear(hidden, channels)), "rms")
    return build.graph(add(Pool(), final), "hls")


def folded(graph: Graph, seed: int, heads: bool) -> Schedule:
    """Random folds without unrolled matrices; the heads of attention side by side, or in turns."""
    rng, folds = np.random.default_rng(seed), {}
    for node in graph:
        if not is_stage(node):
            options = unit_folds_of(graph, node)
            whole = [fold for fold in options if fold.heads > 1 and heads]
            options = whole or [fold for fold in options if fold.heads == 1 and not fold.unrolled]
            folds[node.name] = options[rng.integers(len(options))]
    return Schedule(folds)


def samples(graph: Graph, count: int, seed: int = 0) -> np.ndarray:
    """Random integers of the graph's input, the extremes among them."""
    rng = np.random.default_rng(seed)
    x = rng.integers(graph.input.lo, graph.input.hi + 1, (count, *graph.input.shape))
    x[0], x[1] = graph.input.lo, graph.input.hi
    return x
