"""Features of Exponential's units, which Softmax shares."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally, index_bits


def mask(t: Tally, p: dict[str, int]) -> None:
    """`accel_softmax_mask`."""
    t.counter(p["BEATS"])
    if p["CAUSAL"]:
        row = p["BEATS"] * p["LANES"]
        t.counter(p["HEADS"])
        t.counter(row + 1)
        t.add(row.bit_length(), p["LANES"], "visible")


def entries(t: Tally, part: Part) -> None:
    """`accel_exponentials`: distances, and a memory per lane."""
    p = part.params
    lanes, x, address = p["LANES"], p["XW"], max(1, index_bits(p["DEPTH"]))
    distance = max(x, address) + 1
    t.add(distance, lanes, "distances")
    t.add(distance, lanes, "compared")
    t.registers(lanes * (min(distance, x + 1) + address))
    if p["CAUSAL"]:
        t.delay(lanes, 4)
    t.logic("clipped", lanes * address)
    for _ in range(lanes):
        t.rom(part.roms["ROM_FILE"], bool(p["BLOCK"]))
    t.logic("seen", lanes * p["EW"] * p["CAUSAL"])


def largest(t: Tally, part: Part) -> None:
    p = part.params
    mask(t, p)
    left, levels = p["LANES"], 0
    while left > 1 or not levels:
        left, levels = -(-left // 4), levels + 1
        t.registers(left * p["XW"])
    t.delay(4, levels)
    t.registers(p["XW"] + 2)
    t.add(p["XW"], p["LANES"], "compared")
    t.logic("chosen", p["XW"] * p["LANES"])


def exponential(t: Tally, part: Part) -> None:
    mask(t, part.params)
    t.delay(2, 4)
    entries(t, part)


FEATURES: Features = {
    "accel_softmax_max": largest,
    "accel_exponential": exponential,
}
