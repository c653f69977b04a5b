"""Units of the decode engine in Verilator: the integers of the operators' definitions, at the predicted cycle.

Every test drives several configurations of a unit side by side, with operands at the ends of their ranges and random
ones. Faults are planted in each: a bit of a memory, a rounding without its half, a result a cycle early or late.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_bench import EngineUnit, UnitBench, at, flipped, pack, unpack, words

from accel.engine import contents, latency
from accel.errors import UserError
from accel.hardware import Long
from accel.ops import Divide, Exponential, Norm, Softmax
from accel.ops.exponential.op import table
from accel.ops.softmax.op import exp_table

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


# ---- exponentials, their sum and its reciprocal


@dataclass(frozen=True)
class SoftmaxCase:
    """Heads of at most `keys` keys, divided by a Divide or as a Softmax does it."""

    lanes: int
    rom: np.ndarray
    keys: int
    slow: bool = False
    block: bool = False
    kept: int = 0
    table: bool = False
    softmax: int = 0
    layers: int = 1
    least: int = 6
    score_bits: int = 10

    @property
    def share_bits(self) -> int:
        return int(self.rom[0]).bit_length()

    @property
    def peak(self) -> int:
        return int(self.rom[0]) * self.keys

    @property
    def divide(self) -> Divide:
        return Divide(self.peak.bit_length() + 18, self.least, 4, -99999, 99999)

    @property
    def numerator(self) -> int:
        return self.share_bits + self.softmax + 4 if self.softmax else self.divide.numerator_bits

    @property
    def inverse_bits(self) -> int:
        return self.softmax + 5 if self.softmax else self.divide.inverse_peak.bit_length()

    @property
    def significant(self) -> int:
        return 0 if self.softmax else Divide.significant

    @property
    def delay(self) -> int:
        division = latency.RECIPROCAL_TABLE if self.table else latency.reciprocal(self.inverse_bits, self.significant)
        return latency.factor(self.lanes, self.slow, division)

    def unit(self, number: int) -> EngineUnit:
        rows = contents.by_layer(np.stack([self.rom >> layer for layer in range(self.layers)]))
        files = {f"exp{number}.hex": words(rows, self.share_bits)}
        if self.table:
            found = contents.reciprocal_words(self.divide, self.kept, self.peak)
            files[f"reciprocal{number}.hex"] = words(found, Divide.significant)
        params: dict[str, int | str] = {
            "P": self.lanes, "SCORE_BITS": self.score_bits, "SHARE_BITS": self.share_bits,
            "SUM_BITS": self.peak.bit_length(), "DEPTH": len(self.rom), "LAYERS": self.layers, "LW": 2,
            "SLOW": int(self.slow), "BLOCK": int(self.block), "FILE": f"exp{number}.hex", "TABLE": int(self.table),
            "KEPT": self.kept, "NUMERATOR": self.numerator, "LEAST": 0 if self.softmax else self.least,
            "QBITS": self.inverse_bits, "SIGNIFICANT": self.significant, "MW": 20, "JW": 6,
            "RECIPROCAL_FILE": f"reciprocal{number}.hex",
        }  # fmt: skip
        lanes = self.lanes
        inputs = {"valid": 1, "first": 1, "last": 1, "layer": 2, "visible": lanes, "scores": lanes * self.score_bits}
        inputs["largest"] = self.score_bits
        outputs = {"shares": lanes * self.share_bits, "multiplier": 20, "spare": 6}
        return EngineUnit("accel_engine_softmax", params, inputs, outputs, files)

    def factor(self, total: int) -> tuple[int, int]:
        if self.softmax:
            return (1 << self.numerator) // total, 0
        if self.kept:
            more = max(0, total.bit_length() - self.kept)
            total = total >> more << more
        inverse = (1 << self.numerator) // max(total, 1 << self.least)
        spare = max(0, inverse.bit_length() - Divide.significant)
        return inverse >> spare, spare


class Heads:
    """Random heads behind each other, with pauses, and what comes of them."""

    def __init__(self, case: SoftmaxCase, seed: int, cycles: int = 1500) -> None:
        rng, p, bits = np.random.default_rng(seed), case.lanes, case.score_bits
        self.rows = {
            name: np.zeros((cycles, n), np.int64)
            for name, n in (
                ("valid", 1), ("first", 1), ("last", 1), ("layer", 1), ("visible", p), ("scores", p), ("largest", 1),
            )
        }  # fmt: skip
        self.shares: list[tuple[int, np.ndarray]] = []
        self.factors: list[tuple[int, tuple[int, int]]] = []
        self.totals: list[int] = []
        cycle = 3
        while cycle < cycles - case.keys // p - 64:
            keys = int(rng.choice([1, case.keys, rng.integers(1, case.keys + 1)]))
            blocks, layer = -(-keys // p), int(rng.integers(case.layers))
            spread = int(rng.choice([1, 20, 1 << (bits - 1)]))
            scores = rng.integers(-spread, spread, blocks * p)
            scores[rng.random(blocks * p) < 0.05] = -(1 << (bits - 1))
            largest = scores[:keys].max()
            seen = np.arange(blocks * p) < keys
            self.add(case, cycle, layer, scores.reshape(blocks, p), largest, seen.reshape(blocks, p))
            cycle += blocks + int(rng.choice([0, 0, 3]))

    def add(
        self, case: SoftmaxCase, cycle: int, layer: int, scores: np.ndarray, largest: int, seen: np.ndarray
    ) -> None:
        rom, blocks = case.rom >> layer, len(scores)
        op = Exponential(int(seen.sum()), rom)
        exact = op.evaluate(torch.tensor(scores.ravel()[: op.row])[None, None]).numpy().ravel()
        shares = np.zeros(scores.shape, np.int64)
        shares.ravel()[: op.row] = exact
        span = slice(cycle, cycle + blocks)
        values = (1, 0, 0, layer, seen, scores, largest)
        for name, value in zip(self.rows, values, strict=True):
            self.rows[name][span] = value
        self.rows["first"][cycle] = 1
        self.rows["last"][cycle + blocks - 1] = 1
        self.shares += [(cycle + block, shares[block]) for block in range(blocks)]
        self.totals.append(int(shares.sum()))
        self.factors.append((cycle + blocks - 1, case.factor(self.totals[-1])))

    def packed(self, unit: EngineUnit) -> dict[str, np.ndarray]:
        return {name: pack(value, unit.inputs[name] // value.shape[1]) for name, value in self.rows.items()}


SOFTMAXES = [
    SoftmaxCase(8, table(1 / 16, 7, 256), 64, kept=9, table=True),
    SoftmaxCase(16, table(1 / 16, 7, 256), 32, kept=5, table=True, layers=3),
    SoftmaxCase(4, table(1 / 16, 8, 256), 16, kept=10, table=True, slow=True),
    SoftmaxCase(8, table(1 / 64, 12, 4096), 100, slow=True, block=True, least=11),
    SoftmaxCase(16, table(1 / 64, 10, 1000), 64, slow=True, kept=7, least=9),
    SoftmaxCase(2, exp_table(1 / 16, 8, 256), 20, softmax=8),
    SoftmaxCase(1, exp_table(1 / 16, 4, 256), 9, softmax=4, slow=True),
    SoftmaxCase(8, table(1 / 16, 7, 256), 64, kept=1, table=True),
]


def softmax_wrong(case: SoftmaxCase, heads: Heads, result: dict[str, np.ndarray], early: int = 0) -> tuple[int, int]:
    """Wrong shares and wrong factors, `early` cycles before the predicted one."""
    shares = unpack(result["shares"], case.share_bits)
    factors = np.concatenate([unpack(result["multiplier"], 20), unpack(result["spare"], 6)], 1)
    delay = latency.shares(case.slow) - early
    wrong = sum((shares[cycle + delay] != row).any() for cycle, row in heads.shares)
    return int(wrong), sum(tuple(factors[cycle + case.delay - early]) != pair for cycle, pair in heads.factors)


def test_exponentials_and_the_reciprocals_of_their_sums(tmp_path: Path) -> None:
    units = [case.unit(number) for number, case in enumerate(SOFTMAXES)]
    bench = UnitBench(tmp_path, units)
    bench.lint()
    heads = [Heads(case, number) for number, case in enumerate(SOFTMAXES)]
    rows = [each.packed(unit) for each, unit in zip(heads, units, strict=True)]
    results = bench.run(rows)
    for case, each, result in zip(SOFTMAXES, heads, results, strict=True):
        assert softmax_wrong(case, each, result) == (0, 0), str(case)
        assert all(softmax_wrong(case, each, result, early=1)), "a cycle less is noticed"
    flipped(tmp_path, "exp0.hex", 1, 0)
    leading = f"{heads[2].totals[0]:b}".ljust(10, "0")[1:10]
    flipped(tmp_path, "reciprocal2.hex", int(leading, 2), 0)
    results = bench.run(rows)
    assert softmax_wrong(SOFTMAXES[0], heads[0], results[0])[0]
    assert softmax_wrong(SOFTMAXES[2], heads[2], results[2])[1]


def test_the_expected_factors_are_those_of_the_operators() -> None:
    rng = np.random.default_rng(0)
    for case in SOFTMAXES:
        if case.softmax or case.kept:
            continue
        total = rng.integers(1 << case.least, case.peak, 50)
        a = rng.integers(-(1 << 16), 1 << 16, 50)
        y = case.divide.evaluate(torch.tensor(a)[None, :, None], torch.tensor(total)[None, :, None]).numpy().ravel()
        for i in range(50):
            factor, spare = case.factor(int(total[i]))
            shift = case.divide.numerator_bits - spare - case.divide.fraction
            assert y[i] == np.clip((int(a[i]) * factor + (1 << (shift - 1))) >> shift, -99999, 99999)
    op = Softmax(6, 8, SOFTMAXES[5].rom)
    x = rng.integers(-128, 128, (1, 20, 6))
    shares = op.rom.wide()[np.minimum(x.max(-1, keepdims=True) - x, len(op.rom) - 1)]
    inverse = np.array([SOFTMAXES[5].factor(int(total))[0] for total in shares.sum(-1)[0]])[None, :, None]
    y = np.minimum((shares * inverse + (1 << (op.shift - 1))) >> op.shift, 255)
    np.testing.assert_array_equal(op.evaluate(torch.tensor(x)).numpy(), y)


def test_a_table_of_reciprocals_needs_inverses_with_all_bits() -> None:
    assert len(contents.reciprocal_words(Divide(30, 6, 4, -9, 9), 9, (1 << 13) - 1)) == 256
    with pytest.raises(UserError, match="numerator_bits of at least 31"):
        contents.reciprocal_words(Divide(30, 6, 4, -9, 9), 9, 1 << 13)
