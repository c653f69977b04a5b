"""Features of Pool."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally


def pool(t: Tally, part: Part) -> None:
    p = part.params
    t.registers(p["LANES"] * p["YW"] + 2)
    t.counter(p["TOKENS"])
    t.counter(p["GROUPS"])
    t.lut_ram(p["LANES"] * p["YW"], p["GROUPS"])
    t.add(p["YW"], p["LANES"])
    t.logic("held", p["LANES"] * p["YW"])


FEATURES: Features = {
    "accel_pool": pool,
}
