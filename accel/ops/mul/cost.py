"""Features of Mul."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally
from accel.ops.common.cost import digits


def mul(t: Tally, part: Part) -> None:
    p = part.params
    lanes, a, b = p["LANES"], p["AW"], p["BW"]
    if p["DIGITS"]:
        t.delay(2, 3)
        t.registers(lanes * (a + 2 * p["DIGITS"]), "operands")
        t.add(2 * p["DIGITS"], lanes, "fields")
        digits(t, lanes, a + (not p["A_SIGNED"]), p["DIGITS"], p["YW"])
        return
    t.registers(4)
    hard = t.multiply(a + (not p["A_SIGNED"]), b + (not p["B_SIGNED"]), lanes, p["YW"])
    t.registers(lanes * (a + b), "hard" if hard else "operands")
    t.registers(lanes * p["YW"], "hard" if hard else "products")


FEATURES: Features = {
    "accel_mul": mul,
}
