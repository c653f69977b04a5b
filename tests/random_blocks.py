"""Random transformer blocks: any shape, width, rounding, norm, activation and fold; degenerate weights and inputs.

    python tests/random_blocks.py 1234 rtl      what seed 1234 is; whether RTL (or csim, native) equals the reference

`block(seed)` is a function of the seed alone; `blocks` draws the same with hypothesis.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from accel import reference
from accel.building import Builder, Edge
from accel.dataflow.schedule import Schedule, folds_of
from accel.errors import MismatchError
from accel.graph import Graph
from accel.hardware import divisors
from accel.numeric import ROUNDINGS
from accel.op import Op
from accel.ops import Add, Dense, Lookup, MatMul, Mul, Norm, Pool, Position, Rescale, Rotary, Softmax
from accel.ops.softmax.op import exp_table
from accel.target import TARGETS
from accel.tensor import Tensor
from accel.verification.difference import first_difference
from hls import rtl
from hls.projects import project
from hls.simulation import simulate

Edges = dict[str, np.ndarray]
Integer = Callable[[int, int], int]
"""A number from lo to hi, both included."""
COMMAND = "python tests/random_blocks.py {seed} {level}"


@dataclass(frozen=True)
class Block:
    """A graph of one or two transformer blocks, samples for it, and how it is built."""

    graph: Graph
    x: np.ndarray
    schedule: Schedule
    io_type: str


def block(seed: int) -> Block:
    """The block of a seed, in every process and with every version of hypothesis."""
    rng = np.random.default_rng(seed)
    return made(Maker(lambda lo, hi: int(rng.integers(lo, hi, endpoint=True))))


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    """The same for hypothesis, which makes what fails as small as it can."""
    return made(Maker(lambda lo, hi: draw(st.integers(lo, hi))))


def made(maker: Maker) -> Block:
    """What a maker draws: embedding, positions, attention, feed-forward, norms, pool, head."""
    graph = maker.graph(maker.encoder(), "block")
    folds = {node.name: maker.pick(*options) for node in graph if (options := folds_of(graph, node))}
    schedule = Schedule(folds, target=maker.pick(*TARGETS))
    return Block(graph, samples(graph.input, maker.rng), schedule, maker.pick("io_stream", "io_parallel"))


def samples(spec: Tensor, rng: np.random.Generator) -> np.ndarray:
    """All zero, all lowest, all highest, equal rows, some rows zero, both extremes mixed, and random ones."""
    shape, zero = spec.shape, min(max(0, spec.lo), spec.hi)
    free = rng.integers(spec.lo, spec.hi + 1, (4, *shape))
    chosen = [np.full(shape, value) for value in (zero, spec.lo, spec.hi)]
    chosen.append(np.broadcast_to(free[0, :1], shape))
    chosen.append(np.where(rng.random((shape[0], 1)) < 0.5, zero, free[1]))
    chosen.append(np.where(rng.random(shape) < 0.5, spec.lo, spec.hi))
    return np.stack([*chosen, free[2], free[3]])


class Maker(Builder):
    """Grows a graph; `integer` decides all that shapes it, `rng` only fills arrays."""

    def __init__(self, integer: Integer) -> None:
        super().__init__()
        self.integer = integer
        self.rng = np.random.default_rng(self.integer(0, 2**32 - 1))

    def pick(self, *options: Any) -> Any:
        return options[self.integer(0, len(options) - 1)]

    def width(self) -> int:
        return self.integer(2, 12)

    def add(self, op: Op, *inputs: Edge, scale: ArrayLike = 1.0, name: str = "") -> Edge:
        return super().add(op, *inputs, scale=scale, name=name or f"{op.kind}{len(self.tensors) - 1}")

    def encoder(self) -> Edge:
        tokens, self.heads = self.integer(1, 5), self.integer(1, 4)
        self.kv_heads = self.pick(*divisors(self.heads))
        channels, self.causal = self.heads * self.integer(1, 4), self.pick(0, 1)
        x = self.dense(self.input(Tensor((tokens, self.integer(1, 6)), *self.range())), channels)
        if self.pick(False, True):
            reach = 1 << self.integer(0, 12)
            x = self.add(Position(self.values((tokens, channels), reach), self.integer(1, 9)), x)
        x = self.narrow(x)
        self.norms = [self.pick("layer", "rms", ""), self.pick("before", "after")]
        for _ in range(self.pick(1, 1, 1, 2)):
            x = self.residual(x, self.attention)
            x = self.residual(x, self.feed_forward)
        x = self.norm(x) if self.pick(False, True) else x
        x = self.add(Pool(), x) if self.pick(False, True) else x
        if self.pick(False, True):
            x = self.dense(x, self.integer(1, 5))
        return self.narrow(x) if self.pick(False, True) else x

    def residual(self, x: Edge, layer: Any) -> Edge:
        _, place = self.norms
        inner = layer(self.norm(x) if place == "before" else x)
        total = self.narrow(self.add(Add([self.integer(1, 16), self.integer(1, 16)]), x, inner))
        return self.norm(total) if place == "after" else total

    def attention(self, x: Edge) -> Edge:
        channels, tokens = self.tensor(x).channels, self.tensor(x).tokens
        shared = channels // self.heads * self.kv_heads
        q, k, v = (self.narrow(self.dense(x, count)) for count in (channels, shared, shared))
        size = channels // self.heads
        if self.pick(False, True):
            cos, sin = (self.values((tokens, size), 1 << self.integer(1, 8)) for _ in range(2))
            turn = Rotary(cos, sin if size % 2 == 0 else 0 * sin)
            q, k = (self.narrow(self.add(turn, edge)) for edge in (q, k))
        scores = self.narrow(self.add(MatMul(self.heads, "scores", self.kv_heads), q, k))
        return self.dense(self.narrow(self.weighted(scores, v)), channels)

    def weighted(self, scores: Edge, v: Edge) -> Edge:
        spec, bits = self.tensor(scores), self.width()
        rom = exp_table(self.pick(1 / 8, 1 / 2, 1 / 64, 1 / 512), bits, spec.hi - spec.lo + 1)
        shares = self.add(Softmax(spec.tokens, bits, rom, self.causal), scores)
        return self.add(MatMul(self.heads, "values", self.kv_heads), shares, v)

    def feed_forward(self, x: Edge) -> Edge:
        width = self.integer(1, 8)
        hidden = self.activated(self.dense(x, width))
        if self.pick(False, True):
            hidden = self.narrow(self.add(Mul(), hidden, self.narrow(self.dense(x, width))))  # gated
        return self.dense(hidden, self.tensor(x).channels)

    def activated(self, hidden: Edge) -> Edge:
        if self.pick(False, True):
            hidden = self.narrow(hidden, unsigned=True)  # ReLU
        else:
            hidden = self.narrow(hidden)
            spec, (lo, hi) = self.tensor(hidden), self.range()
            entries = spec.hi - spec.lo + 1
            smooth = np.linspace(lo, hi, entries).clip(lo // 8).astype(np.int64)
            table = self.pick(smooth, self.rng.integers(lo, hi + 1, entries), np.full(entries, hi))
            hidden = self.add(Lookup(table, spec.lo), hidden)
        return hidden

    def norm(self, x: Edge) -> Edge:
        form, bits = self.norms[0], self.width()
        if not form:
            return x
        spec = self.tensor(x)
        offset = self.pick(0, 1, 999)
        op = Norm.of(spec, form, self.integer(0, bits - 1), bits, guard=self.integer(4, 8), offset=offset)
        if self.pick(False, True):
            fraction, reach = self.integer(0, 6), 1 << self.integer(1, 7)
            gamma = self.values((self.pick(1, spec.channels),), reach)
            beta = self.values((self.pick(1, spec.channels),), 1 << self.integer(0, op.shift + fraction + bits))
            op = replace(op, shift=op.shift + fraction, gamma=gamma, beta=beta)
        return self.add(op, x)

    def dense(self, x: Edge, outputs: int) -> Edge:
        reach = 1 << (self.width() - 1)
        weight = self.values((outputs, self.tensor(x).channels), reach)
        return self.add(Dense(weight, self.values((outputs,), 1 << self.integer(0, 12))), x)

    def narrow(self, x: Edge, unsigned: bool = False) -> Edge:
        """To a drawn width: far too small, fitting, or saturating; by a shift, one multiplier or one per channel."""
        spec = self.tensor(x)
        lo, hi = (0, (1 << self.width()) - 1) if unsigned else self.range()
        gain = self.pick(1.0, 2.0, 5.0, 40.0, 0.2) * max(-lo, hi) / max(spec.magnitude, 1)
        count = self.pick(0, 1, spec.channels)
        if not count:
            multiplier, shift = np.array([1]), max(0, round(-np.log2(gain)))
        else:
            shift = max(0, round(-np.log2(gain))) + self.integer(0, 8)
            scalar = max(1, round(gain * 2.0**shift))
            multiplier = self.rng.integers(scalar, 2 * scalar + 1, count)
        return self.add(Rescale(multiplier, shift, self.pick(*ROUNDINGS), lo, hi), x)

    def range(self) -> tuple[int, int]:
        """Signed, symmetric, unsigned, or lopsided."""
        top = 1 << self.width()
        return self.pick((-top // 2, top // 2 - 1), (1 - top // 2, top // 2 - 1), (0, top - 1), (-top // 3, top // 4))

    def values(self, shape: tuple[int, ...], reach: int) -> np.ndarray:
        """Constants in -reach..reach - 1: random, extreme, all lowest, mostly zero, or all zero."""
        free = self.rng.integers(-reach, reach, shape)
        kind = self.pick(*["random"] * 6, "extreme", "lowest", "sparse", "zero")
        if kind == "extreme":
            return np.where(free < 0, -reach, reach - 1)
        if kind == "lowest":
            return np.full(shape, -reach)
        return free * {"random": 1, "zero": 0, "sparse": self.rng.random(shape) < 0.2}[kind]


def check(seed: int, level: str, draw: Callable[[int], Block] = block, command: str = COMMAND) -> None:
    """Raise AssertionError, with the command that repeats it, unless all edges of a level are right."""
    try:
        compare(draw(seed), level, seed)
    except Exception as error:  # whatever goes wrong with a valid graph is a failure of the level
        text = f"{type(error).__name__}: {error}; repeat with: {command.format(seed=seed, level=level)}"
        raise AssertionError(text) from error


def compare(one: Block, level: str, seed: int = 0) -> None:
    """Raise MismatchError unless every edge of a level is the reference's; `seed` is that of random pauses."""
    expected = reference.trace(one.graph, one.x)
    for edges in {"rtl": _rtl, "csim": _csim, "native": _native}[level](one, seed):
        if missing := expected.keys() - edges.keys():
            raise MismatchError(f"{level}: no trace of {sorted(missing)}")
        if found := first_difference(one.graph, level, expected, edges):
            raise MismatchError(str(found))


def _native(one: Block, seed: int) -> Iterator[Edges]:
    yield reference.trace(one.graph, one.x, device="native")


def _rtl(one: Block, seed: int) -> Iterator[Edges]:
    """Without pauses, every output in the cycle that is predicted; then with pauses."""
    design = rtl.lower(one.graph, one.schedule)
    free = simulate.run(design, one.x, trace=True)
    yield _edges(one, free)
    beats = np.array(design.structure.prediction.beats[: len(free.beats)])
    late = np.flatnonzero(free.beats != beats)
    if late.size:
        at = int(late[0])
        raise MismatchError(f"rtl: output beat {at} comes in cycle {free.beats[at]}, predicted is {beats[at]}")
    yield _edges(one, simulate.run(design, one.x, stall=0.3, seed=seed, trace=True))


def _edges(one: Block, ran: simulate.Simulation) -> Edges:
    """What was traced; the output is what came out of the design."""
    return {**(ran.edges or {}), one.graph.output: ran.outputs}


def _csim(one: Block, seed: int) -> Iterator[Edges]:
    with tempfile.TemporaryDirectory(prefix="accel-") as folder:
        made = project.write(one.graph, Path(folder) / "project", "Vitis", one.io_type)
        made.compile()
        yield made.trace(one.x)


def describe(one: Block) -> str:
    """One line per node."""
    lines = [
        f"x {one.graph.input.shape} {one.graph.input.lo}..{one.graph.input.hi}; {one.schedule.target}, {one.io_type}"
    ]
    for node in one.graph:
        spec = one.graph.tensors[node.name]
        fold = one.schedule.folds.get(node.name, "")
        lines.append(f"{node.name} <- {', '.join(node.inputs)}: {spec.shape} {spec.lo}..{spec.hi} {fold}")
    return "\n".join(lines)


def main(arguments: list[str], draw: Callable[[int], Block] = block, command: str = COMMAND) -> int:
    seed, level = int(arguments[0]), arguments[1] if len(arguments) > 1 else "rtl"
    print(describe(draw(seed)))
    try:
        check(seed, level, draw, command)
    except AssertionError as error:
        print(error)
        return 1
    print(f"{level} equals the reference")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
