"""Features of Add."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally
from accel.ops.common.cost import constant, low_zeros, scaled


def add(t: Tally, part: Part) -> None:
    p = part.params
    lanes, bits = p["LANES"], p["YW"] - max(low_zeros(p["P"]), low_zeros(p["Q"]))
    factors = ((p["P"], p["AW"] + (not p["A_SIGNED"])), (p["Q"], p["BW"] + (not p["B_SIGNED"])))
    if p["TABLES"]:
        t.delay(2, 3)
        for factor, width in factors:
            constant(t, lanes, width, factor, p["YW"])
        t.add(bits, lanes)
        t.registers(lanes * p["YW"])
        return
    t.registers(2)
    fused = sum(scaled(t, width, factor, lanes) for factor, width in factors) == len(factors)
    t.add(bits, lanes, "fused" if fused else "adders")
    t.registers(lanes * p["YW"], "fused" if fused else "registers")


FEATURES: Features = {
    "accel_add": add,
}
