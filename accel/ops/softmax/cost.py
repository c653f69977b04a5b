"""Features of Softmax's units but the division."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally, index_bits
from accel.ops.common.cost import digits, read_by_round, round_, sums


def _mask(t: Tally, p: dict[str, int]) -> None:
    """`accel_softmax_mask`."""
    t.counter(p["BEATS"])
    if p["CAUSAL"]:
        row = p["BEATS"] * p["LANES"]
        t.counter(p["HEADS"])
        t.counter(row + 1)
        t.add(row.bit_length(), p["LANES"], "visible")


def softmax_max(t: Tally, part: Part) -> None:
    p = part.params
    _mask(t, p)
    left, levels = p["LANES"], 0
    while left > 1 or not levels:
        left, levels = -(-left // 4), levels + 1
        t.registers(left * p["XW"])
    t.delay(4, levels)
    t.registers(p["XW"] + 2)
    t.add(p["XW"], p["LANES"], "compared")
    t.logic("chosen", p["XW"] * p["LANES"])


def softmax_exp(t: Tally, part: Part) -> None:
    p = part.params
    _mask(t, p)
    lanes, x, address = p["LANES"], p["XW"], max(1, index_bits(p["DEPTH"]))
    distance = max(x, address) + 1
    t.registers(5 + 2)
    t.delay(3, 4)
    t.add(distance, lanes, "distances")
    t.add(distance, lanes, "compared")
    t.registers(lanes * (min(distance, x + 1) + address))
    if p["CAUSAL"]:
        t.delay(lanes, 4)
    t.logic("clipped", lanes * address)
    for _ in range(lanes):
        t.rom(part.roms["ROM_FILE"], bool(p["BLOCK"]))
    t.logic("seen", lanes * p["EW"] * p["CAUSAL"])
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
    "accel_softmax_max": softmax_max,
    "accel_softmax_exp": softmax_exp,
    "accel_softmax_scale": softmax_scale,
}
