"""Add in hardware: waits for a beat on both streams."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.hardware import Long, Unit, lane_folds
from accel.ops.add.op import Add
from accel.ops.common import pairwise, times
from accel.target import Target
from accel.tensor import Tensor


def folds(op: Add, inputs: tuple[Tensor, ...], output: Tensor) -> list[LaneFold]:
    """Lanes that divide the channels; products of both kinds unless both factors are shifts."""
    lanes = lane_folds(output.channels)
    return lanes if all(times.is_shift(int(factor)) for factor in op.multipliers) else times.with_tables(lanes)


def units(op: Add, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, target: Target) -> tuple[Unit, ...]:
    """One unit, one beat per cycle."""
    p, q = map(Long, op.multipliers)
    tables = fold.multiply == "lut"
    params = {"P": p, "Q": q, "TABLES": int(tables)}
    return (pairwise.unit("accel_add", inputs, output, fold, 3 if tables else 1, params),)
