"""The rounding behind the array in Verilator: y = clip(round(x · m / 2^s), lo, hi), s below 0 too, at its cycle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from engine_bench import EngineUnit, UnitBench, at, pack, unpack

from accel.engine.rounding import shifted

LANES, MULTIPLIER = 2, 8


@dataclass(frozen=True)
class RoundCase:
    """Widths, shifts, and whether halves may go to the even neighbour."""

    bits: int
    least: int
    most: int
    out: int
    even: bool = False

    @property
    def places(self) -> int:
        return max(1, (self.most - self.least).bit_length())

    def unit(self) -> EngineUnit:
        params: dict[str, int | str] = {
            "LANES": LANES, "XW": self.bits, "MW": MULTIPLIER, "YW": self.out, "LEAST": self.least, "MOST": self.most,
            "SW": self.places, "EVEN": int(self.even),
        }  # fmt: skip
        inputs = {"x": LANES * self.bits, "m": LANES * MULTIPLIER, "places": self.places, "even": 1}
        outputs = {"product": LANES * (self.bits + MULTIPLIER + 1), "y": LANES * self.out}
        inputs |= {"lo": self.out, "hi": self.out}
        return EngineUnit("accel_engine_round", params, inputs, outputs, has_reset=False)


CASES = [
    RoundCase(12, 3, 6, 9), RoundCase(12, 0, 6, 9, True), RoundCase(10, -3, 4, 8), RoundCase(10, -3, 4, 8, True),
    RoundCase(12, 1, 1, 9, True), RoundCase(9, 0, 30, 6, True), RoundCase(9, 2, 30, 16),
    RoundCase(18, 3, 20, 9), RoundCase(19, 3, 20, 9, True), RoundCase(20, 3, 20, 16), RoundCase(21, 3, 20, 9),
]  # fmt: skip


def test_what_is_rounded(tmp_path: Path) -> None:
    units, count = [case.unit() for case in CASES], 4000
    bench = UnitBench(tmp_path, units)
    bench.lint()
    rows, expected, cycles = [], [], np.arange(count)
    for number, case in enumerate(CASES):
        rng, top = np.random.default_rng(number), 1 << (case.bits - 1)
        x = rng.integers(-top, top, (count, LANES)) >> rng.integers(0, case.bits, (count, 1))
        x[:2] = -top, top - 1
        m = rng.integers(0, 1 << MULTIPLIER, (count, LANES)) >> rng.integers(0, MULTIPLIER, (count, 1))
        places, even = rng.integers(0, case.most - case.least + 1, count), rng.integers(0, 2, count)
        lo, hi = (
            sign * rng.integers(0, 1 << (case.out - 1), count) >> rng.integers(0, case.out, count) for sign in (-1, 1)
        )
        columns = {"x": x, "m": m, "places": places, "even": even, "lo": lo, "hi": hi}
        widths = {name: bits // (LANES if name in "xm" else 1) for name, bits in units[number].inputs.items()}
        rows.append({
            name: pack(np.concatenate([value, value[:4] * 0]), widths[name]) for name, value in columns.items()
        })  # fmt: skip
        shifts = case.least + places
        roundings = np.where(even & case.even, "half_even", "half_up")
        expected.append(
            [shifted(x[i] * m[i], int(shifts[i]), str(roundings[i]), int(lo[i]), int(hi[i])) for i in range(count)]
        )
    for case, result, y in zip(CASES, bench.run(rows), expected, strict=True):
        found = unpack(result["y"], case.out, signed=True)
        np.testing.assert_array_equal(at(found, cycles, 2)[: count - 1], y[: count - 1], str(case))
        assert (at(found, cycles, 1)[: count - 1] != y[: count - 1]).any()
