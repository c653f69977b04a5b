"""Features of Rescale's rounding; products are those of `accel.ops.common.cost`."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally
from accel.ops.common.cost import round_


def rescale(t: Tally, part: Part) -> None:
    p = part.params
    t.registers(2)
    t.delay(1, 2)
    round_(t, p["LANES"], p["XW"], p["YW"], p, bool(p["X_SIGNED"]))


FEATURES: Features = {
    "accel_rescale": rescale,
}
