"""Features of Position."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally
from accel.ops.common.cost import constant, constants, low_zeros, scaled


def position(t: Tally, part: Part) -> None:
    """A DSP48 contains the product, the sum, and the registers in front of them."""
    p = part.params
    lanes, x, table = p["LANES"], p["XW"] + (not p["X_SIGNED"]), part.roms["TABLE_FILE"]
    t.counter(p["BEATS"])
    t.registers(3)
    t.delay(1, 3)
    if p["TABLES"]:
        constant(t, lanes, x, p["MULTIPLIER"], p["YW"])
    hard = not p["TABLES"] and scaled(t, x, p["MULTIPLIER"], lanes)
    constants(t, table, bool(p["BLOCK"]), "hard" if hard else "registers")
    t.registers(0 if p["TABLES"] else 2 * lanes * p["XW"], "hard" if hard else "operands")
    t.add(p["YW"] - low_zeros(p["MULTIPLIER"]), lanes, "fused" if hard else "adders")
    t.registers(lanes * p["YW"], "fused" if hard else "registers")


FEATURES: Features = {
    "accel_position": position,
}
