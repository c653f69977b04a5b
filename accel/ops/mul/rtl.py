"""Mul in hardware: waits for a beat on both streams; a multiplier per lane."""

from __future__ import annotations

from accel.graph import Tensor
from accel.hardware import Fold, Unit, lane_folds
from accel.ops.common import pairwise
from accel.ops.mul.op import Mul
from accel.target import Target


def folds(op: Mul, inputs: tuple[Tensor, ...], output: Tensor) -> list[Fold]:
    """Lanes that divide the channels."""
    return lane_folds(output.channels)


def hardware(op: Mul, inputs: tuple[Tensor, ...], output: Tensor, fold: Fold, target: Target) -> tuple[Unit, ...]:
    """One unit, one beat per cycle."""
    return (pairwise.unit("accel_mul", inputs, output, fold, 2, {}),)
