"""Units of the decode engine in Verilator: the integers of the operators' definitions, at the predicted cycle.

Every test drives several configurations of a unit side by side, with operands at the ends of their ranges and random
ones. Faults are planted in each: a bit of a memory, a rounding without its half, a result a cycle early or late.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_bench import EngineUnit, UnitBench, flipped, pack, unpack, words

from accel.engine import contents, latency
from accel.errors import UserError
from accel.ops import Divide, Exponential, Softmax
from accel.ops.exponential.op import table
from accel.ops.softmax.op import exp_table

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
