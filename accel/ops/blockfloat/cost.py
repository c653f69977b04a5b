"""Features of BlockFloat's units."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally


def exponent(t: Tally, part: Part) -> None:
    """Bits of magnitudes that every exponent leaves alone are not kept."""
    p = part.params
    lanes, x = p["LANES"], p["XW"]
    high = max(0, x - (p["BITS"] - 1))
    t.counter(p["BEATS"])
    t.registers(3 + 2)
    t.delay(2, 3)
    if p["X_SIGNED"]:
        t.add(x, lanes, "magnitudes")
    t.registers(lanes * high)
    t.logic("any", high * lanes / 3)
    t.registers(2 * high + p["EW"])
    t.logic("found", high * p["EW"])


def round_(t: Tally, part: Part) -> None:
    p = part.params
    lanes, wide = p["LANES"], max(p["XW"], p["BITS"] + p["MOST"]) + 2
    t.counter(p["BEATS"])
    t.delay(2, 3)
    t.registers(p["MOST"] + 2 * p["MOST"] + 2 * (p["BITS"] + p["MOST"]))
    t.logic("decoded", 3 * p["MOST"])
    t.registers(lanes * (p["XW"] + wide + p["YW"]))
    t.add(wide, lanes, "halves")
    t.logic("masked", lanes * p["MOST"])
    t.add(wide, 2 * lanes, "compared")
    t.logic("clipped", lanes * p["YW"])


FEATURES: Features = {
    "accel_blockfloat_exponent": exponent,
    "accel_blockfloat_round": round_,
}
