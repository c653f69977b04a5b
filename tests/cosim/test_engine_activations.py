"""Rotary positions and activations of the decode engine in Verilator, as test_engine_units.py has the other units."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_bench import MODES, EngineUnit, UnitBench, at, flipped, pack, unpack, words

from accel.engine import contents, latency
from accel.hardware import Long
from accel.ops import Lookup, Mul, Rescale, Rotary

# ---- rotary positions


@pytest.mark.parametrize(("lanes", "size", "slow"), [(8, 16, False), (4, 4, True), (8, 4, True)])
def test_rotary_positions(lanes: int, size: int, slow: bool, tmp_path: Path) -> None:
    rng, context, bits, out = np.random.default_rng(size), 12, 16, 10
    angles = rng.uniform(-np.pi, np.pi, (context, size // 2))
    turns = 2047 * np.stack([np.cos(angles), np.sin(angles)])
    cos, sin = np.repeat(np.rint(turns), 2, axis=-1).astype(np.int64)
    sin[:, ::2] *= -1
    cos[0], sin[0] = -2047, 2047  # the largest sums
    table_ = contents.rotary_words(cos, sin, lanes)
    params: dict[str, int | str] = {
        "P": lanes, "XW": bits, "TW": 12, "DEPTH": len(table_), "BLOCK": int(slow), "FILE": "rotary.hex", "LEAST": 11,
        "MOST": 13, "SW": 2, "YW": out, "SLOW": int(slow),
    }  # fmt: skip
    address = max(1, (len(table_) - 1).bit_length())
    inputs = {"address": address, "turn": 1, "data": lanes * bits, "places": 2, "lo": out, "hi": out}
    unit = EngineUnit(
        "accel_engine_rotary", params, inputs, {"result": lanes * out}, {"rotary.hex": words(table_, 12)}, False
    )
    bench = UnitBench(tmp_path, [unit])
    bench.lint()
    count, blocks = 600, max(1, size // lanes)
    position, block = rng.integers(0, context, count), rng.integers(0, blocks, count)
    data = rng.integers(-(1 << 15), 1 << 15, (count, lanes)) >> rng.integers(0, 15, (count, 1))
    data[:40] = rng.choice([-(1 << 15), (1 << 15) - 1], (40, lanes))
    turn, places, key = rng.random(count) < 0.9, rng.integers(0, 3, count), rng.random(count) < 0.5
    hi = np.where(key, 127, 511)
    expected = np.empty_like(data)
    tables = np.tile(cos, (1, max(1, lanes // size))), np.tile(sin, (1, max(1, lanes // size)))
    for i in range(count):
        span = slice(block[i] * lanes, (block[i] + 1) * lanes)
        op = Rotary(tables[0][position[i] : position[i] + 1, span], tables[1][position[i] : position[i] + 1, span])
        x = torch.tensor(data[i])[None, None]
        rescale = Rescale([1], int(11 + places[i]) if turn[i] else 0, "half_up", int(-hi[i]), int(hi[i]))
        expected[i] = rescale.evaluate(op.evaluate(x) if turn[i] else x).numpy().ravel()
    rows = {
        "address": pack(np.append((position * blocks + block)[1:], [0] * 8), address), "turn": pack(turn, 1),
        "data": pack(data, bits), "places": pack(places, 2), "lo": pack(-hi, out), "hi": pack(hi, out),
    }  # fmt: skip
    delay, cycles = latency.rotary(slow), np.arange(1, count - 4)  # no address is in front of the first

    def wrong(early: int = 0) -> int:
        found = unpack(bench.run([rows])[0]["result"], out, signed=True)
        return int((at(found, cycles, delay - early) != expected[cycles]).any(1).sum())

    assert wrong() == 0
    assert wrong(early=1)
    flipped(tmp_path, "rotary.hex", 3, 20)
    assert wrong()


# ---- activations by a table


def rescale_params(name: str, op: Rescale) -> dict[str, int | str]:
    return {
        f"{name}_MULTIPLIER": Long(op.multiplier[0]), f"{name}_SHIFT": op.shift,
        f"{name}_MODE": MODES.index(op.rounding), f"{name}_LO": Long(op.lo), f"{name}_HI": Long(op.hi),
    }  # fmt: skip


@dataclass(frozen=True)
class GateCase:
    form: int
    slow: bool
    narrowed: Rescale
    opened: Rescale
    layers: int = 1

    lanes, bits, out, gate_bits = 4, 12, 9, 11

    @property
    def lookup(self) -> Lookup:
        lo, hi = self.narrowed.lo, self.narrowed.hi
        rom = np.rint(255 / (1 + np.exp(-np.arange(lo, hi + 1) / 16.0))).astype(np.int64)
        return Lookup(rom if self.form else rom - 200, lo)

    def unit(self, number: int) -> EngineUnit:
        rom = self.lookup.table.wide()
        rows = contents.by_layer(np.stack([rom - layer for layer in range(self.layers)]))
        params = {
            "P": self.lanes, "XW": self.bits, "FORM": self.form, "BASE": self.lookup.base, "DEPTH": len(rom), "TW": 10,
            "LAYERS": self.layers, "LW": 2, "BLOCK": int(self.slow), "FILE": f"gate{number}.hex", "OW": self.gate_bits,
            "LEAST": 5, "MOST": 7, "SW": 2, "YW": self.out if self.form else 10, "SLOW": int(self.slow),
            **rescale_params("NARROW", self.narrowed), **rescale_params("OPENED", self.opened),
        }  # fmt: skip
        inputs = {"valid": 1, "odd": 1, "layer": 2, "data": self.lanes * self.bits, "places": 2}
        inputs |= {"lo": self.out, "hi": self.out} if self.form else {"lo": 10, "hi": 10}
        outputs = {"result": self.lanes * (self.out if self.form else 10)}
        return EngineUnit("accel_engine_gate", params, inputs, outputs, {f"gate{number}.hex": words(rows, 10)}, False)

    def opens(self, x: np.ndarray, layer: int) -> torch.Tensor:
        """The operators up to what the second half is multiplied with."""
        wide = torch.tensor(x)[None, None]
        lookup = Lookup(self.lookup.table.wide() - layer, self.lookup.base)
        entry = lookup.evaluate(self.narrowed.evaluate(wide))
        return self.opened.evaluate(Mul().evaluate(wide, entry)) if self.form else entry


GATES = [
    GateCase(2, False, Rescale([1], 3, "half_up", -64, 63), Rescale([1], 8, "half_up", -1024, 1023)),
    GateCase(2, True, Rescale([1], 5, "half_even", -30, 63), Rescale([5], 10, "half_even", -800, 1000), layers=3),
    GateCase(1, False, Rescale([3], 4, "floor", -100, 100), Rescale([1], 9, "half_away", -256, 255)),
    GateCase(1, True, Rescale([1], 4, "ceil", -100, 100), Rescale([1], 9, "half_toward_zero", -256, 255)),
    GateCase(0, False, Rescale([1], 0, "half_up", -2048, 2047), Rescale([1], 0, "half_up", 0, 0)),
    GateCase(0, True, Rescale([1], 2, "away", -300, 300), Rescale([1], 0, "half_up", 0, 0)),
]


@dataclass
class GateRun:
    """Blocks of data, and the results that are expected: (cycle of the block, values)."""

    rows: dict[str, np.ndarray]
    expected: list[tuple[int, np.ndarray]]


def gate_run(case: GateCase, unit: EngineUnit, seed: int, count: int = 500) -> GateRun:
    rng, lanes, top = np.random.default_rng(seed), case.lanes, 1 << (case.bits - 1)
    data = rng.integers(-top, top, (count, lanes)) >> rng.integers(0, 8, (count, 1))
    data[:30] = rng.choice([-top, top - 1], (30, lanes))
    valid, odd = np.zeros(count, np.int64), np.zeros(count, np.int64)
    places, layer = rng.integers(0, 3, count), rng.integers(0, case.layers, count)
    hi = rng.choice([127, 255], count)
    expected, cycle = [], 2
    while cycle < count - 20:
        first, second = cycle, cycle + (int(rng.choice([1, 1, 4])) if case.form == 2 else 0)
        valid[[first, second]], odd[second] = 1, int(case.form == 2)
        y = case.opens(data[first], int(layer[first]))
        if case.form == 2:
            rescale = Rescale([1], int(5 + places[second]), "half_up", int(-hi[second]), int(hi[second]))
            y = rescale.evaluate(Mul().evaluate(y, torch.tensor(data[second])[None, None]))
        expected.append((second, y.numpy().ravel()))
        cycle = second + int(rng.choice([1, 1, 3]))
    columns = {"valid": valid, "odd": odd, "layer": layer, "data": data, "places": places, "lo": -hi, "hi": hi}
    rows = {k: pack(v, unit.inputs[k] // (lanes if k == "data" else 1)) for k, v in columns.items()}
    return GateRun(rows, expected)


def gate_wrong(case: GateCase, run: GateRun, result: dict[str, np.ndarray], early: int = 0) -> int:
    found = unpack(result["result"], case.out if case.form else 10, signed=True)
    delay = latency.gate(case.form, case.slow) - early
    return sum(int((found[cycle + delay] != y).any()) for cycle, y in run.expected)


def test_activations_by_a_table(tmp_path: Path) -> None:
    units = [case.unit(number) for number, case in enumerate(GATES)]
    unrounded = GateCase(1, False, GATES[2].narrowed, Rescale([1], 9, "floor", -256, 255)).unit(6)
    bench = UnitBench(tmp_path, [*units, unrounded])
    bench.lint()
    runs = [gate_run(case, unit, number) for number, (case, unit) in enumerate(zip(GATES, units, strict=True))]
    results = bench.run([*(run.rows for run in runs), runs[2].rows])
    for case, run, result in zip(GATES, runs, results, strict=False):
        assert gate_wrong(case, run, result) == 0, str(case)
        assert gate_wrong(case, run, result, early=1), "a cycle less is noticed"
    assert gate_wrong(GATES[2], runs[2], results[6]), "a rounding without its half is noticed"
    flipped(tmp_path, "gate0.hex", 64, 0)
    assert gate_wrong(GATES[0], runs[0], bench.run([*(run.rows for run in runs), runs[2].rows])[0])
