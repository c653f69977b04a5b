"""Features of MatMul."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally, block_rams, index_bits
from accel.ops.common.array_cost import mac, replay


def matmul(t: Tally, part: Part) -> None:
    p = part.params
    keys, channels = (p["PE"], p["SIMD"]) if p["SCORES"] else (p["SIMD"], p["PE"])
    key_groups, channel_groups = p["KEYS"] // keys, p["CHANNELS"] // channels
    beats, passes = (channel_groups, key_groups) if p["SCORES"] else (key_groups, channel_groups)
    replay(t, p["SIDE"] * p["SIMD"] * p["AW"], beats, passes)
    for count in (channel_groups, p["HEADS"], keys, key_groups, p["GROUP"], p["HEADS"]):
        t.counter(count)
    t.registers(8)
    depth, width = 2 * p["HEADS"] * key_groups * channel_groups, channels * p["BW"]
    for factor in (p["HEADS"], channel_groups, key_groups):
        shifts = factor.bit_count()
        t.add(index_bits(depth), 2 * (shifts if shifts > 1 else 0), "address")
    t.logic("banks", keys)
    if p["BLOCK"]:
        t.bram += keys * block_rams(width, depth, t.target)
    else:
        t.lut_ram(width, depth, keys)
        t.registers(keys * width)
    t.registers(keys * width)
    for _ in range(p["SIDE"]):
        mac(t, p, p["BW"], bool(p["B_SIGNED"]))


FEATURES: Features = {
    "accel_matmul": matmul,
}
