"""Operators alone between the ends of a design, on the values where their hardware is most likely to be wrong.

Zeros, the ends of a range, powers of two and their neighbours, ties at every place, all of them in rows of every size.
`test_edges.py` compares all levels on them, and plants faults into the modules that they must find.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from accel.building import Builder
from accel.dataflow.schedule import Schedule, unit_folds_of
from accel.fold import LaneFold
from accel.graph import Graph
from accel.op import Op
from accel.ops import BlockFloat, Dense, Divide, Exponential, Norm, Rescale, Rotary
from accel.ops.exponential.op import table
from accel.tensor import Tensor

SAMPLES = 24


@dataclass(frozen=True)
class Case:
    """A graph whose last node is the operator, samples for it, and the fold of that node."""

    graph: Graph
    x: np.ndarray
    fold: LaneFold

    @property
    def schedule(self) -> Schedule:
        """The matrices that bring the operator its inputs make all their products at once."""
        folds = {node.name: unit_folds_of(self.graph, node) for node in self.graph if isinstance(node.op, Dense)}
        whole = {
            name: max(options, key=lambda fold: (not fold.unrolled, fold.products)) for name, options in folds.items()
        }
        return Schedule({**whole, self.graph.nodes[-1].name: self.fold})


def hard(rng: np.random.Generator, shape: tuple[int, ...], lo: int, hi: int) -> np.ndarray:
    """Integers in lo..hi. Each row along the last axis has a size of its own; some rows are all 0, all lo or all hi."""
    rows = (int(np.prod(shape[:-1])), shape[-1])
    reach = rng.integers(0, max(-lo, hi).bit_length() + 1, (rows[0], 1))
    power, odd = 1 << rng.integers(0, reach + 1, rows), 2 * rng.integers(0, 128, rows) + 1
    kinds = [
        power,
        power - 1,
        power + 1,
        odd << rng.integers(0, reach + 1, rows),
        rng.integers(0, (1 << reach) + 1, rows),
    ]
    values = np.choose(rng.integers(0, len(kinds) + 1, rows), [np.zeros(rows, np.int64), *kinds])
    values = np.where((lo < 0) & (rng.random(rows) < 0.5), -values, values)
    place, alone = rng.integers(0, rows[1], (rows[0], 1)), rng.random((rows[0], 1)) < 0.25
    values = np.where(alone & (np.arange(rows[1]) != place), 0, values)  # one channel decides, wherever it lies
    same, ends = rng.random((rows[0], 1)) < 0.2, rng.choice([0, lo, hi], (rows[0], 1))
    found: np.ndarray = np.clip(np.where(same, ends, values), lo, hi).reshape(shape)
    return found


def alone(op: Op, x: Tensor, row: int, seed: int, lanes: int, **fold: Any) -> Case:
    """An operator of one input, on hard rows of `row` channels."""
    build = Builder()
    graph = build.graph(build.add(op, build.input(x, "x"), name="y"), "edges")
    values = hard(np.random.default_rng(seed), (SAMPLES, x.tokens, x.channels // row, row), x.lo, x.hi)
    return Case(graph, values.reshape(SAMPLES, *x.shape), LaneFold(lanes, **fold))


def signed(tokens: int, channels: int, bits: int) -> Tensor:
    return Tensor((tokens, channels), -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def divided(op: Divide, a: Tensor, b: Tensor, seed: int, lanes: int, **fold: Any) -> Case:
    """Divide, with the dividends and then the divisors among the channels of the only input."""
    rng, build = np.random.default_rng(seed), Builder()
    x = build.input(Tensor((a.tokens, a.channels + b.channels), min(a.lo, b.lo), max(a.hi, b.hi)), "x")
    every, none = np.eye(a.channels + b.channels, dtype=np.int64), np.zeros(a.channels + b.channels, np.int64)
    parts = [(every[: a.channels], a), (every[a.channels :], b)]
    ends = [build.add(Dense(rows, none[: len(rows)]), x) for rows, _ in parts]
    ends = [build.add(Rescale([1], 0, "floor", t.lo, t.hi), end) for end, (_, t) in zip(ends, parts, strict=True)]
    heads = (SAMPLES, a.tokens, b.channels, a.channels // b.channels)
    dividends, divisors = hard(rng, heads, a.lo, a.hi), hard(rng, (SAMPLES, *b.shape), b.lo, b.hi)
    least = rng.random(divisors.shape) < 0.3
    divisors = np.where(least, np.clip((1 << op.least) + rng.integers(-1, 2, b.shape), b.lo, b.hi), divisors)
    values = np.concatenate([dividends.reshape(SAMPLES, *a.shape), divisors], axis=2)
    return Case(build.graph(build.add(op, *ends, name="y"), "edges"), values, LaneFold(lanes, **fold))


def exponentials(
    tokens: int, count: int, causal: int, entries: int, x: Tensor, lanes: int, seed: int, **fold: Any
) -> Case:
    """Scores of `count` heads whose largest is beside the table's end, or at a key that is hidden."""
    op = Exponential(x.channels // count, table(1 / 8, 9, entries), causal)
    made = alone(op, x, op.row, seed, lanes, **fold)
    rng, rows = np.random.default_rng(seed), made.x.reshape(SAMPLES, tokens, count, op.row)
    near = np.clip(rows[::2].max(-1, keepdims=True) - len(op.rom) + rng.integers(-2, 4, rows[::2].shape), x.lo, x.hi)
    rows[::2] = np.where(rng.random(rows[::2].shape) < 0.5, near, rows[::2])
    rows[1::4, ..., -1] = x.hi
    return made


def turned(heads: int, size: int, lanes: int, seed: int, sine: bool, **fold: Any) -> Case:
    rng, x = np.random.default_rng(seed), signed(5, heads * size, 9)
    cos, sin = rng.integers(-128, 128, (2, x.tokens, size))
    return alone(Rotary(cos, sin if sine else 0 * sin), x, size, seed, lanes, **fold)


def l2(
    x: Tensor, gain: np.ndarray, lanes: int, seed: int, *, guard: int, offset: int, row: int = 0, root: int = 0,
    **fold: Any,
) -> Case:  # fmt: skip
    op = Norm.l2(gain, min(7, guard), 12, guard=guard, root_fraction=root, offset=offset, row=row)
    return alone(op, x, row or x.channels, seed, lanes, **fold)


GAINS = np.random.default_rng(0).normal(0, 9, 8)
CASES: dict[str, Case] = {
    "blockfloat of groups": alone(BlockFloat(6, 6), signed(3, 12, 14), 6, 0, 2),
    "blockfloat of unsigned tokens": alone(BlockFloat(5), Tensor((4, 5), 0, 1023), 5, 1, 1),
    "blockfloat of a beat": alone(BlockFloat(4, 4), signed(3, 8, 9), 4, 2, 4),
    "blockfloat that changes nothing": alone(BlockFloat(8), signed(2, 6, 8), 6, 3, 3),
    "blockfloat wider than its input": alone(BlockFloat(12, 2), signed(2, 4, 7), 2, 21, 1),
    "exponentials of causal rows": exponentials(5, 2, 1, 4096, signed(5, 12, 8), 2, 4),
    "exponentials of all heads": exponentials(4, 3, 1, 4096, signed(4, 15, 8), 5, 22, heads=3),
    "exponentials of a beat": exponentials(3, 2, 0, 4096, Tensor((3, 10), 0, 255), 5, 5),
    "exponentials of few keys": exponentials(4, 1, 1, 4096, signed(4, 4, 7), 1, 6),
    "division": divided(Divide(36, 3, 4, -2000, 2000), signed(3, 6, 20), Tensor((3, 2), 0, 4095), 7, 1),
    "division by tokens": divided(Divide(20, 2, -3, -300, 255), signed(4, 4, 12), Tensor((4, 1), 0, 63), 8, 2),
    "division with the least shift": divided(
        Divide(9, 1, 8, -2000, 2000), signed(2, 4, 12), Tensor((2, 2), 0, 500), 20, 1
    ),
    "division by leading bits": divided(
        Divide(36, 3, 4, -2000, 2000, 4), signed(3, 6, 20), Tensor((3, 2), 0, 4095), 23, 1
    ),
    "division by few bits": divided(Divide(20, 2, -3, -300, 255, 9), signed(4, 4, 12), Tensor((4, 1), 0, 63), 24, 2),
    "pipelined division by one bit": divided(
        Divide(30, 1, 3, -(1 << 15), (1 << 15) - 1, 1), signed(2, 4, 16), Tensor((2, 2), 0, 999), 25, 2, unrolled=2
    ),
    "pipelined division": divided(
        Divide(30, 1, 3, -(1 << 15), (1 << 15) - 1), signed(2, 4, 16), Tensor((2, 2), 0, 999), 9, 2, unrolled=2
    ),
    "l2 of tokens": l2(signed(4, 8, 20), GAINS, 2, 10, guard=12, offset=0),
    "l2 of heads": l2(signed(3, 8, 9), np.array([2.5]), 4, 11, guard=8, offset=3, row=4),
    "l2 of a beat": l2(Tensor((3, 4), 0, 4095), GAINS[:4], 4, 12, guard=10, offset=1 << 30, unrolled=1),
    "l2 with much offset": l2(signed(3, 4, 6), GAINS[:4], 1, 13, guard=6, offset=1 << 10),
    "l2 by a table": l2(signed(4, 8, 18), GAINS, 2, 26, guard=5, root=8, offset=9),
    "l2 by a table, in a beat": l2(signed(3, 4, 12), GAINS[:4], 4, 27, guard=4, root=6, offset=0, unrolled=2),
    "l2 without gains": l2(signed(2, 4, 9), np.zeros(4), 2, 18, guard=8, offset=1),
    "l2 with the least shift": alone(Norm("l2", 8, 16, 9, -999, 999, gamma=(7,)), signed(2, 4, 9), 4, 19, 2),
    "rotary": turned(2, 6, 4, 14, True),
    "rotary of a head": turned(1, 4, 4, 15, True),
    "rotary in tables": turned(3, 4, 2, 16, True, multiply="lut"),
    "rotary without sines": turned(2, 4, 2, 17, False),
}
