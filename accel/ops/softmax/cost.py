"""Features of Softmax's units but the maximum and the division."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally, index_bits
from accel.ops.common.cost import digits, read_by_round, round_, sums
from accel.ops.exponential.cost import entries, mask


def softmax_exp(t: Tally, part: Part) -> None:
    p = part.params
    lanes = p["LANES"]
    mask(t, p)
    t.registers(5 + 2)
    t.delay(3, 4)
    entries(t, part)
    sums(t, min(p["EW"] + index_bits(lanes), p["SW"]), lanes)
    t.add(p["SW"], 1, "total")
    t.registers(2 * p["SW"])


def softmax_scale(t: Tally, part: Part) -> None:
    p = part.params
    lanes, product, count = p["LANES"], p["EW"] + p["FW"], p.get("DIGITS", 0)
    rounding = p | {"MODE": 1, "LO": 0}
    t.counter(p["BEATS"])
    t.registers(3)
    t.delay(1, 5 if count else 3)
    if count:
        t.add(2 * count, 1, "fields")
        t.registers(2 * count + lanes * p["EW"])
        digits(t, lanes, p["EW"] + 1, count, product)
    else:
        t.multiply(p["EW"], p["FW"], lanes, signed=False)
        t.registers(lanes * read_by_round(product, rounding), "products")
    round_(t, lanes, product + 1, p["YW"], rounding, signed=False)


FEATURES: Features = {
    "accel_softmax_exp": softmax_exp,
    "accel_softmax_scale": softmax_scale,
}
