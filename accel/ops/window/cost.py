"""Features of Window."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally, index_bits


def window(t: Tally, part: Part) -> None:
    p = part.params
    lanes = p["LANES"]
    t.counter(p["STEPS"] + 1)
    t.counter(p["GROUPS"])
    for edge, free in (("READ", 0), ("READ_END", p["STEPS"]), ("GIVE", 0), ("GIVE_END", p["STEPS"])):
        t.add(index_bits(p["STEPS"] + 1), p[edge] != free, "compared")
    if p["CONSTANTS"]:
        t.counter(p["CONSTANTS"])
        t.rom(part.roms["FILL_FILE"], bool(p["BLOCK"]))
        t.registers(5 + lanes * (2 * p["XW"] + p["YW"]))
        t.delay(1, 3)
        t.logic("chosen", lanes * p["YW"])
    else:
        t.registers(2 + lanes * p["YW"])


FEATURES: Features = {
    "accel_window": window,
}
