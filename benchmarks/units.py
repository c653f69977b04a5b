"""Random units of designs: every operator with the shapes, widths and folds that transformers have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import engine_units
import numpy as np
from engine_units import EngineUnit

from accel.fold import StageFold, UnitFold
from accel.hardware import Module, Unit
from accel.image import Content
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
from accel.ops.dense import unrolled
from accel.ops.exponential.op import table as exponentials
from accel.ops.hardware import hardware_of
from accel.ops.softmax.op import exp_table
from accel.target import TARGETS, Cells, Target
from accel.tensor import Tensor
from hls.synthesis import sample

LARGEST = 3072
"""Products × bits of both operands: what is synthesized in a minute."""


class Part(NamedTuple):
    """A module to synthesize, and its ports."""

    kind: str
    module: Module
    pins: sample.Pins

    def files(self) -> dict[str, Content]:
        """All that its cells depend on."""
        return sample.files(self.module, self.pins)


class Draw:
    """Random operators of one kind for one target; the same seed gives the same parts."""

    def __init__(self, seed: int, target: Target) -> None:
        self.seed, self.rng = seed, np.random.default_rng(seed)
        self.target = target

    def pick(self, *values: int) -> int:
        return int(self.rng.choice(values))

    def often(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def tensor(self, tokens: int, channels: int, bits: int, unsigned: float = 0.3) -> Tensor:
        """Activations of a width, sometimes behind a ReLU."""
        if self.often(unsigned):
            return Tensor((tokens, channels), 0, (1 << bits) - 1)
        return Tensor((tokens, channels), -(1 << bits - 1), (1 << bits - 1) - 1)

    def weights(self, shape: tuple[int, ...], bits: int) -> np.ndarray:
        """Draw weights as training leaves them: normal, the largest at the end of the range."""
        top = (1 << bits - 1) - 1
        return np.clip(np.rint(self.rng.normal(0, max(top, 1) / 2, shape)), -top - (top == 0), max(top, 0)).astype(int)

    # ---- one method per kind: the parts of one random operator

    def dense(self) -> Iterator[Part]:
        x, op = self._dense((8, 10, 16, 24, 32, 48, 64, 96, 128))
        yield from self._units(op, (x,))

    def unrolled(self) -> Iterator[Part]:
        x, op = self._dense((4, 8, 10, 12, 16, 24))
        unit = unrolled.unit(op, x, op.infer(x), self.pick(1, 2, 3))
        yield Part("unrolled", unit.module, sample.pins_of(unit))

    def _dense(self, sizes: tuple[int, ...]) -> tuple[Tensor, Dense]:
        x = self.tensor(self.pick(1, 8, 16), self.pick(*sizes), self.pick(4, 8))
        weight = self.weights((self.pick(*sizes), x.channels), self.pick(2, 4, 8))
        return x, Dense(weight, np.rint(self.rng.normal(0, 40 * x.magnitude, len(weight))).astype(int))

    def matmul(self) -> Iterator[Part]:
        heads, tokens, size, bits = (
            self.pick(1, 2, 3, 4),
            self.pick(8, 16, 17, 24, 50, 64),
            self.pick(4, 6, 8, 16),
            self.pick(4, 8),
        )
        form = "scores" if self.often(0.5) else "values"
        b = self.tensor(tokens, heads * size, bits, 0)
        a = b if form == "scores" else self.tensor(tokens, heads * tokens, 8, 1)
        kv_heads = heads // self.pick(1, 1, heads)
        yield from self._units(MatMul(heads, form, kv_heads), (a, replace(b, shape=(tokens, kv_heads * size))))

    def softmax(self) -> Iterator[Part]:
        tokens, heads, bits = self.pick(8, 16, 32, 64), self.pick(1, 2, 4), self.pick(6, 8)
        x = self.tensor(tokens, heads * tokens, bits, 0)
        rom = exp_table(1 / self.pick(8, 16, 32), self.pick(4, 8), 1 << bits)
        op = Softmax(tokens, 4 if int(rom[0]) < 4095 else 8, rom, int(self.often(0.3)))
        yield from self._units(op, (x,), most_lanes=16, tables=True)

    def norm(self) -> Iterator[Part]:
        channels = self.pick(16, 32, 64, 96, 128)
        x = self.tensor(8, channels, self.pick(6, 8, 10), 0)
        op = Norm.of(x, "layer" if self.often(0.6) else "rms", 5, self.pick(4, 8), offset=self.pick(0, 100))
        if self.often(0.3):
            gamma, beta = self.rng.integers(64, 256, channels), self.rng.integers(-(1 << 12), 1 << 12, channels)
            op = Norm(op.form, op.guard, op.numerator_bits, op.shift + 7, op.lo, op.hi, op.offset, gamma, beta)
        yield from self._units(op, (x,), most_lanes=8, tables=True)

    def l2(self) -> Iterator[Part]:
        """Norm of wide inputs."""
        x = self.tensor(8, self.pick(16, 32, 64, 96), self.pick(12, 16, 20, 24), 0)
        gain = self.rng.normal(0, 8, x.channels if self.often(0.7) else 1)
        op = Norm.l2(gain, self.pick(5, 9), self.pick(8, 12, 16), guard=self.pick(12, 18), offset=self.pick(0, 377))
        yield from (part._replace(kind="l2") for part in self._units(op, (x,), most_lanes=4))

    def exponential(self) -> Iterator[Part]:
        tokens, heads, bits = self.pick(8, 16, 32, 64), self.pick(1, 2, 4), self.pick(6, 8, 10)
        x = self.tensor(tokens, heads * tokens, bits, 0)
        rom = exponentials(1 / self.pick(8, 16, 32), self.pick(8, 12), 1 << bits)
        yield from self._units(Exponential(tokens, rom, int(self.often(0.5))), (x,), most_lanes=8)

    def divide(self) -> Iterator[Part]:
        heads, size, bits = self.pick(1, 2, 4), self.pick(4, 8, 16), self.pick(8, 12, 16)
        a, b = self.tensor(8, heads * size, self.pick(16, 20, 24, 28), 0), Tensor((8, heads), 0, (64 << bits) - 64)
        top = 1 << self.pick(7, 11, 15)
        op = Divide.of(b, self.pick(0, 2, 4), -top, top - 1, least=bits - 1, kept=self.pick(0, 0, 9))
        yield from self._units(op, (a, b), most_lanes=4)

    def blockfloat(self) -> Iterator[Part]:
        x = self.tensor(8, self.pick(16, 32, 64, 96), self.pick(12, 16, 20, 24), 0.1)
        op = BlockFloat(self.pick(4, 8, 9, 10, 12), self.pick(0, 16, 32) if x.channels % 32 == 0 else 0)
        yield from self._units(op, (x,), most_lanes=16)

    def add(self) -> Iterator[Part]:
        a, b = self.tensor(8, 64, self.pick(4, 8), 0.1), self.tensor(8, 64, self.pick(8, 14, 18), 0)
        multipliers = (1 << self.pick(0, 2, 4, 7), 1) if self.often(0.7) else self.rng.integers(1, 128, 2)
        yield from self._units(Add(multipliers), (a, b), most_lanes=32, tables=True)

    def mul(self) -> Iterator[Part]:
        a, b = self.tensor(8, 64, self.pick(4, 6, 8, 12), 0.3), self.tensor(8, 64, self.pick(4, 8), 0.3)
        yield from self._units(Mul(), (a, b), most_lanes=16, tables=True)

    def pool(self) -> Iterator[Part]:
        x = self.tensor(self.pick(8, 16, 64), self.pick(16, 32, 64, 96), self.pick(4, 8), 0.2)
        yield from self._units(Pool(), (x,), most_lanes=32)

    def window(self) -> Iterator[Part]:
        """A class token selected or prepended, padding on both sides, a range."""
        x = self.tensor(self.pick(8, 16, 64), self.pick(16, 32, 64, 96), self.pick(4, 8, 16), 0.2)
        before, behind = ((0, 1 - x.tokens), (1, 0), (2, 3), (-4, -2))[self.pick(0, 1, 1, 2, 3)]
        fill = np.rint(self.rng.normal(0, 30, (before + x.tokens + behind, x.channels))).astype(int)
        yield from self._units(Window(-before, fill), (x,), most_lanes=16)

    def embedding(self) -> Iterator[Part]:
        x = Tensor((self.pick(8, 16, 64), 1), 0, self.pick(10, 32, 63, 128) - 1)
        table = self.weights((x.hi + 1, self.pick(16, 20, 24, 32, 48, 64)), self.pick(4, 8))
        yield from self._units(Embedding(table), (x,), most_lanes=16)

    def rescale(self) -> Iterator[Part]:
        """Shifts, and the multipliers that scales of any value need, shared or one per channel."""
        x = self.tensor(8, 64, self.pick(10, 12, 14, 16, 18, 20, 24), 0.1)
        bits, style, precision = self.pick(4, 8), self.pick(0, 1, 1, 1, 2, 2), self.pick(8, 14, 16, 17, 18, 19, 20)
        rounding = str(self.rng.choice(["half_even", "half_even", "half_up", "half_away", "floor"]))
        lo, hi = (0, (1 << bits) - 1) if self.often(0.3) else (-(1 << bits - 1), (1 << bits - 1) - 1)
        multiplier = self.rng.integers(1 << precision - 2, 1 << precision, (1, 1, 64)[style])
        shift = max(1, x.width - bits - self.pick(0, 1, 2)) + precision * (style > 0)
        yield from self._stages(
            Rescale(multiplier if style else [1], shift, rounding, lo, hi), x, self.pick(1, 1, 2, 4)
        )

    def lookup(self) -> Iterator[Part]:
        x, bits = self.tensor(8, 64, self.pick(4, 5, 6, 8), 0.2), self.pick(4, 8)
        at = np.arange(x.lo, x.hi + 1) / max(x.magnitude, 1) * self.pick(2, 4)
        gelu = at / (1 + np.exp(-1.7 * at))
        yield from self._stages(
            Lookup(np.rint(gelu / gelu.max() * ((1 << bits - 1) - 1)).astype(int), x.lo), x, self.pick(1, 2, 4, 8, 16)
        )

    def position(self) -> Iterator[Part]:
        x = self.tensor(self.pick(8, 16, 64), self.pick(16, 32, 64), self.pick(8, 12, 16), 0)
        table = np.rint(self.rng.normal(0, 30, x.shape)).astype(int)
        yield from self._stages(Position(table, self.pick(1, 2, 16, 23, 45, 91)), x, self.pick(1, 2, 4, 8, 16))

    def rotary(self) -> Iterator[Part]:
        heads, size = self.pick(1, 2, 4), self.pick(8, 16)
        x = self.tensor(self.pick(8, 16, 64), heads * size, self.pick(6, 8, 10), 0)
        cos, sin = (np.rint(self.rng.normal(0, 60, (x.tokens, size))).astype(int) for _ in range(2))
        yield from self._units(Rotary(cos, sin if self.often(0.7) else 0 * sin), (x,), most_lanes=8, tables=True)

    def adapter(self) -> Iterator[Part]:
        name = str(self.rng.choice(["accel_gather", "accel_scatter", "accel_pass"]))
        width, ratio = self.pick(4, 8, 12, 16, 32, 64, 128), self.pick(2, 3, 4, 8, 16)
        narrow, wide = width, width * ratio
        if name == "accel_pass":
            ends, params = (wide, wide), {"WIDTH": wide}
        else:
            ends = (narrow, wide) if name == "accel_gather" else (wide, narrow)
            params = {"WIDTH": width, "RATIO": ratio}
        pins = [("input", "s0_valid", 1), ("output", "s0_ready", 1), ("input", "s0_last", 1)]
        pins += [("input", "s0_data", ends[0]), ("input", "m0_room", 1), ("output", "m0_take", 1)]
        pins += [("output", "m0_valid", 1), ("output", "m0_last", 1), ("output", "m0_data", ends[1])]
        yield Part("adapter", Module(name, params), pins)

    def buffer(self) -> Iterator[Part]:
        bits = self.pick(4, 8, 12, 16, 20, 24, 32, 48, 64, 96, 128, 256)
        module, pins = sample.buffer(bits, self.pick(2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048))
        yield Part("buffer", module, pins)

    def engine(self) -> Iterator[EngineUnit]:
        yield from engine_units.draw(self.seed)

    # ---- units of an operator

    def _units(self, op: Op, inputs: tuple[Tensor, ...], most_lanes: int = 0, tables: bool = False) -> Iterator[Part]:
        """Most of the smaller ones with `tables` make their products in look-up tables, where those have a way."""
        hardware, output = hardware_of(op), op.infer(*inputs)
        possible = hardware.folds(op, inputs, output)
        folds = [fold for fold in possible if self._fits(fold, inputs, most_lanes)]
        fold = folds[self.rng.integers(len(folds))]
        in_tables = replace(fold, multiply="lut")
        if tables and fold.lanes <= 4 and self.often(0.6) and in_tables in possible:
            fold = in_tables
        for unit in hardware.units(op, inputs, output, fold, self.target):
            yield Part(op.kind, unit.module, sample.pins_of(unit))

    def _fits(self, fold: UnitFold, inputs: tuple[Tensor, ...], most_lanes: int) -> bool:
        if most_lanes:
            return fold.lanes <= most_lanes and fold.multiply == "dsp"
        products = fold.products // fold.heads
        return not fold.unrolled and products >= 2 and products * inputs[0].width * inputs[-1].width <= LARGEST

    def _stages(self, op: Op, x: Tensor, lanes: int) -> Iterator[Part]:
        hardware, output = hardware_of(op), op.infer(x)
        folds = hardware.folds(op, (x,), output)
        fold = folds[self.rng.integers(len(folds))] if folds else StageFold()
        for stage in hardware.stages(op, (x,), output, fold.on(lanes), self.target):
            yield Part(op.kind, stage.module, sample.pins_of(stage))


KINDS: tuple[str, ...] = (
    "dense", "unrolled", "matmul", "softmax", "norm", "add", "mul", "pool", "window", "embedding", "rescale", "lookup",
    "position", "rotary", "l2", "exponential", "divide", "blockfloat", "adapter", "buffer", "engine",
)  # fmt: skip


Drawn = Part | EngineUnit


def kinds(target: str) -> list[str]:
    """Kinds that have samples on a target."""
    return [kind for kind in KINDS if kind != "engine" or target in engine_units.FAMILIES]


def draw(kind: str, seed: int, target: str) -> list[Drawn]:
    """The parts of one random operator of a kind, or engine; the same arguments give the same parts."""
    method: Callable[[], Iterator[Drawn]] = getattr(Draw(seed, TARGETS[target]), kind)
    return list(method())


def counts(parts: list[Drawn], target: str) -> list[Cells]:
    """Synthesized cells of some of the parts that were drawn together. Raises ToolError with yosys' message."""
    own = [part for part in parts if isinstance(part, EngineUnit)]
    if own:
        return engine_units.counts(own, target)
    return [sample.counts(part.module, part.pins, target) for part in parts if isinstance(part, Part)]


__all__ = ["KINDS", "Part", "Unit", "counts", "draw", "kinds"]
