"""Features of Divide's own unit; the others are those of all divisions."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally, index_bits


def divide_kept(t: Tally, part: Part) -> None:
    """Leading bits: a level of logic per doubling of the places that a bit fills, then a mask."""
    width = part.params["XW"]
    t.registers(4 + 3 * width)
    t.logic("kept", width * (1 + index_bits(width) / 2))


FEATURES: Features = {"accel_divide_kept": divide_kept}
