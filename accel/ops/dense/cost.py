"""Features of Dense, folded and unrolled."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally, index_bits
from accel.ops.common.array_cost import mac, replay
from accel.ops.common.cost import adders


def dense(t: Tally, part: Part) -> None:
    p = part.params
    n, m = p.get("N", 1), p.get("M", 1)
    wide = p["SIMD"] // n * m
    beats, passes = p["COLS"] // wide, p["ROWS"] // p["PE"]
    replay(t, wide * p["AW"], beats, passes)
    t.counter(beats * passes)
    t.counter(passes)
    t.registers(1)
    t.rom(part.roms["WEIGHT_FILE"], bool(p["BLOCK"]))
    if n < m:
        selected = p["PE"] * p["SIMD"] * p["AW"]
        t.rom(part.roms["INDEX_FILE"], bool(p["BLOCK"]))
        t.select(m - n + 1, selected, "selection")
        t.registers(selected, "selection")
        t.registers(index_bits(beats * passes) + 4)
    bias = part.roms["BIAS_FILE"]
    t.table(bias, "bias")
    t.registers(bias.columns)
    mac(t, p, p["WW"], True)


FEATURES: Features = {
    "accel_dense": dense,
    "accel_unrolled": adders,
}
