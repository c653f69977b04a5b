"""Add in hardware: waits for a beat on both streams."""

from __future__ import annotations

from accel.graph import Tensor
from accel.hardware import Fold, Unit, lane_folds
from accel.ops.add.op import Add
from accel.ops.common import pairwise
from accel.target import Target


def folds(op: Add, inputs: tuple[Tensor, ...], output: Tensor) -> list[Fold]:
    """Lanes that divide the channels."""
    return lane_folds(output.channels)


def hardware(op: Add, inputs: tuple[Tensor, ...], output: Tensor, fold: Fold, target: Target) -> tuple[Unit, ...]:
    """One unit, one beat per cycle."""
    p, q = map(int, op.multipliers)
    return (pairwise.unit("accel_add", inputs, output, fold, 1, {"P": p, "Q": q}),)
