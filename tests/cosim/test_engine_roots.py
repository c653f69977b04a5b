"""Roots and means of norms in Verilator, as test_engine_units.py has the other units."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_bench import MODES, EngineUnit, UnitBench, at, flipped, pack, unpack, words

from accel.engine import contents, latency
from accel.hardware import Long
from accel.ops import Norm, Rescale

# ---- root of a Norm


@dataclass(frozen=True)
class RootCase:
    """A Norm, the width of its v, and how its root is found."""

    norm: Norm
    bits: int
    table: bool = False
    block: bool = False
    gain: int = 1

    @property
    def exponents(self) -> int:
        return 7

    @property
    def multiplier_bits(self) -> int:
        return (self.norm.inverse_peak() * self.gain).bit_length()

    def unit(self, name: str) -> EngineUnit:
        norm = self.norm
        params: dict[str, int | str] = {
            "TABLE": int(self.table), "L2": int(norm.form == "l2"), "GUARD": norm.guard, "FRACTION": norm.fraction,
            "NUMERATOR": norm.numerator_bits, "LEAST": norm.least, "VW": self.bits, "GAIN": Long(self.gain),
            "MW": self.multiplier_bits, "EW": self.exponents, "STEPS": latency.STEPS, "BLOCK": int(self.block),
            "FILE": name,
        }  # fmt: skip
        memories = {name: words(contents.root_words(norm, self.gain), self.multiplier_bits)} if self.table else {}
        outputs = {"multiplier": self.multiplier_bits, "exponent": self.exponents}
        return EngineUnit("accel_engine_root", params, {"valid": 1, "v": self.bits}, outputs, memories)

    @property
    def latency(self) -> int:
        norm = self.norm
        if self.table:
            return latency.ROOT_TABLE
        shape = self.bits, norm.guard, norm.fraction, norm.numerator_bits, norm.least
        return latency.root(*shape, l2=norm.form == "l2", gain=self.gain)

    def expected(self, v: int) -> tuple[int, int]:
        norm, more = self.norm, 0
        if norm.form == "l2":
            more = max(-norm.guard, math.ceil((v.bit_length() - 2 * norm.guard) / 2))
            square = v >> (2 * more) if more >= 0 else v << (-2 * more)
        else:
            square = v << (2 * norm.guard)
        return self.gain * (
            (1 << norm.numerator_bits) // max(math.isqrt(square << (2 * norm.fraction)), 1 << norm.least)
        ), more

    def operands(self, rng: np.random.Generator) -> list[int]:
        """Ends of the range, powers of two with their neighbours, and numbers of every width."""
        ends = [0, 1, 2, 3, (1 << self.bits) - 1]
        ends += [(1 << k) + more for k in range(2, self.bits) for more in (-1, 0, 1)]
        widths = rng.integers(1, self.bits + 1, 300)
        return ends + [int(rng.integers(0, 1 << min(62, int(w)))) for w in widths]


def l2(guard: int, fraction: int = 0) -> Norm:
    whole = guard + fraction
    return Norm("l2", guard, 2 * whole, 2 * whole, -(1 << 15), (1 << 15) - 1, fraction=fraction)


ROOTS = [
    RootCase(l2(5), 36, table=True),
    RootCase(l2(5), 36, table=True, block=True, gain=11),
    RootCase(l2(6), 53, table=True),
    RootCase(l2(5), 7, table=True),
    RootCase(l2(5, 8), 41, table=True),
    RootCase(l2(18), 53),
    RootCase(l2(5, 8), 41),
    RootCase(l2(4), 40, gain=13),
    RootCase(l2(2), 9),
    RootCase(Norm("rms", 8, 36, 20, -128, 127), 37),
    RootCase(Norm("layer", 3, 25, 20, -128, 127), 24, gain=3),
]


def root_rows(cases: list[RootCase]) -> tuple[list[list[int]], list[dict[str, np.ndarray]], np.ndarray]:
    """Operands, what drives them, one every 32 cycles, and those cycles."""
    operands = [case.operands(np.random.default_rng(number)) for number, case in enumerate(cases)]
    count, rows = max(len(values) for values in operands), []
    cycles = np.arange(count) * 32 + 5
    for case, values in zip(cases, operands, strict=True):
        values += values[:1] * (count - len(values))
        valid, v = np.zeros(count * 32 + 64, np.int64), np.zeros((count * 32 + 64), np.int64)
        valid[cycles], v[cycles] = 1, values
        rows.append({"valid": pack(valid, 1), "v": pack(v, case.bits)})
    return operands, rows, cycles


def root_found(case: RootCase, result: dict[str, np.ndarray]) -> np.ndarray:
    multiplier = unpack(result["multiplier"], case.multiplier_bits)
    return np.concatenate([multiplier, unpack(result["exponent"], case.exponents, signed=True)], 1)


def test_roots_of_norms(tmp_path: Path) -> None:
    bench = UnitBench(tmp_path, [case.unit(f"root{number}.hex") for number, case in enumerate(ROOTS)])
    bench.lint()
    operands, rows, cycles = root_rows(ROOTS)
    results = bench.run(rows)
    for case, values, result in zip(ROOTS, operands, results, strict=True):
        found, expected = root_found(case, result), np.array([case.expected(v) for v in values])
        np.testing.assert_array_equal(at(found, cycles, case.latency), expected, str(case))
        np.testing.assert_array_equal(at(found, cycles[1:], 0), expected[:-1], "the last result stays")
        assert (at(found, cycles, case.latency - 1) != expected).any(), "a cycle less is noticed"
    flipped(tmp_path, "root0.hex", 1 << 9, 3)
    found = root_found(ROOTS[0], bench.run(rows)[0])
    expected = np.array([ROOTS[0].expected(v) for v in operands[0]])
    assert (at(found, cycles, ROOTS[0].latency) != expected).any(), "a wrong bit of the memory is noticed"


@pytest.mark.parametrize("case", [ROOTS[0], ROOTS[4], ROOTS[5], ROOTS[6]])
def test_the_expected_root_is_that_of_the_operator(case: RootCase) -> None:
    norm = replace(case.norm, shift=case.norm.numerator_bits - 4, lo=-9999, hi=9999, offset=3)
    for scale in (1, 30, 1000, 30000):
        x = np.random.default_rng(scale).integers(-scale, scale + 1, 16)
        factor, more = case.expected(int((x * x).sum()) + 3)
        shift = norm.shift + more
        y = np.clip((x * factor + (1 << (shift - 1))) >> shift, -9999, 9999)
        np.testing.assert_array_equal(norm.evaluate(torch.tensor(x)[None, None]).numpy()[0, 0], y)
        if case.table:
            v = int((x * x).sum()) + 3
            cut = v >> (2 * more) if more >= 0 else v << (-2 * more)
            assert contents.root_words(case.norm)[cut] == factor


# ---- the mean that is subtracted


@dataclass(frozen=True)
class MeanCase:
    """Rows of `channels` numbers of `bits` bits, and the rounding of their mean."""

    channels: int
    bits: int
    rescale: Rescale
    offset: int = 0

    @property
    def widths(self) -> tuple[int, int]:
        """Of the sum, and of the sum of squares."""
        return self.bits + self.channels.bit_length(), 2 * self.bits + self.channels.bit_length()

    def unit(self) -> EngineUnit:
        total, squares = self.widths
        params: dict[str, int | str] = {
            "CHANNELS": self.channels, "TW": total, "SW": squares, "MULTIPLIER": Long(self.rescale.multiplier[0]),
            "SHIFT": self.rescale.shift, "MODE": MODES.index(self.rescale.rounding), "LO": Long(self.rescale.lo),
            "HI": Long(self.rescale.hi), "MW": self.bits, "OFFSET": Long(self.offset), "VW": squares + 1,
        }  # fmt: skip
        outputs = {"mean": self.bits, "done": 1, "v": squares + 1}
        return EngineUnit("accel_engine_mean", params, {"valid": 1, "total": total, "squares": squares}, outputs)


MEANS = [
    MeanCase(16, 12, Rescale([1], 4, "half_up", -2048, 2047), 9),
    MeanCase(48, 18, Rescale([43691], 21, "half_up", -(1 << 17), (1 << 17) - 1), 1 << 20),
    MeanCase(6, 9, Rescale([21845], 17, "half_even", -200, 200)),
]


def test_squares_of_differences_from_the_mean_in_one_pass(tmp_path: Path) -> None:
    units = [case.unit() for case in MEANS]
    bench = UnitBench(tmp_path, units)
    bench.lint()
    rows, expected, count = [], [], 300
    cycles = np.arange(count) * 8 + 2
    for number, case in enumerate(MEANS):
        rng, top = np.random.default_rng(number), 1 << (case.bits - 1)
        x = rng.integers(-top, top, (count, case.channels)) >> rng.integers(0, case.bits, (count, 1))
        x[0], x[1] = -top, top - 1
        mean = case.rescale.evaluate(torch.tensor(x.sum(1)[None, :, None])).numpy().ravel()
        expected.append((mean, ((x - mean[:, None]) ** 2).sum(1) + case.offset))
        values = np.zeros((3, count * 8 + 8), np.int64)
        values[:, cycles] = np.ones(count), x.sum(1), (x * x).sum(1)
        rows.append(
            {k: pack(v, units[number].inputs[k]) for k, v in zip(("valid", "total", "squares"), values, strict=True)}
        )
    for case, (mean, v), result in zip(MEANS, expected, bench.run(rows), strict=True):
        found = unpack(result["mean"], case.bits, signed=True)[:, 0]
        np.testing.assert_array_equal(at(found, cycles, latency.MEAN), mean)
        assert (at(found, cycles, latency.MEAN - 1) != mean).any()
        found = unpack(result["v"], case.widths[1] + 1)[:, 0]
        np.testing.assert_array_equal(at(found, cycles, latency.CENTRED), v)
        assert (at(found, cycles, latency.CENTRED - 1) != v).any()
        np.testing.assert_array_equal(np.flatnonzero(result["done"]), cycles + latency.CENTRED)
