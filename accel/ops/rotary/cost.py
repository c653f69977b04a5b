"""Features of Rotary."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally
from accel.ops.common.cost import constants, digits


def rotary(t: Tally, part: Part) -> None:
    """A DSP48 contains the registers in front of its product: of x, and the one behind the memory."""
    p = part.params
    lanes, products = p["LANES"], p["LANES"] * (1 + p["TURNS"])
    t.counter(p["WORDS"])
    t.counter(p["HEADS"])
    t.counter(p["WORDS"] * p["TOKENS"])
    t.delay(2, 3 + p["TURNS"] + (p["DIGITS"] > 0))
    x, table = p["XW"] + (not p["X_SIGNED"]), part.roms["TABLE_FILE"]
    hard = not p["DIGITS"] and t.multiply(x, p["TW"], products, p["YW"])
    operands = "hard" if hard else "operands"
    constants(t, table, bool(p["BLOCK"]), operands)
    t.registers(2 * lanes * p["XW"], operands)
    if p["DIGITS"]:
        digits(t, products, x, p["DIGITS"], p["YW"])
    else:
        t.registers(products * p["YW"], "hard" if hard else "products")
    if p["TURNS"]:
        t.add(p["YW"], lanes, "fused")
        t.registers(lanes * p["YW"], "fused")


FEATURES: Features = {
    "accel_rotary": rotary,
}
