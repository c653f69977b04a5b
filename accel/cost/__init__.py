"""Resources of a unit, a buffer or a design, without synthesis: cells as open synthesis counts them.

    estimate(unit or stage, target) → Cells        buffer(bits, depth, target) → Cells

Block RAMs and hard multipliers follow from geometry; the rest has prices that were fitted on recorded syntheses
(`prices.json`, written by `benchmarks/cost_fit.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

from accel.cost import model
from accel.hardware import Module, Stage, Unit
from accel.logic.part import Part
from accel.target import TARGETS, Cells

DEEP = 64
"""Entries from which a buffer is worth a block RAM."""


def estimate(part: Unit | Stage | Module, target: str) -> Cells:
    """Cells of one unit or stage on a target of `accel.target`."""
    module = part if isinstance(part, Module) else part.module
    copies = part.copies if isinstance(part, Unit) else 1
    return total([model.predict(Part.of(module), TARGETS[target])] * copies)


def buffer(bits: int, depth: int, target: str) -> Cells:
    """Cells of the buffer of `depth` beats of `bits` bits."""
    params = {"WIDTH": bits + 1, "DEPTH": depth, "BLOCK": int(depth > DEEP)}
    return model.predict(Part("accel_fifo", params, {}), TARGETS[target])


def total(counts: Iterable[Cells]) -> Cells:
    """Sum over the parts of a design."""
    return sum(counts, Cells())


__all__ = ["DEEP", "Cells", "buffer", "estimate", "total"]
