"""Mul in hardware: waits for a beat on both streams; a product per lane."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.hardware import Unit, lane_folds
from accel.ops.common import pairwise, times
from accel.ops.mul.op import Mul
from accel.target import Target
from accel.tensor import Tensor


def folds(op: Mul, inputs: tuple[Tensor, ...], output: Tensor) -> list[LaneFold]:
    """Lanes that divide the channels, products of both kinds."""
    return times.with_tables(lane_folds(output.channels))


def units(op: Mul, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, target: Target) -> tuple[Unit, ...]:
    """One unit, one beat per cycle."""
    digits = times.digits(inputs[1].lo, inputs[1].hi) if fold.multiply == "lut" else 0
    return (pairwise.unit("accel_mul", inputs, output, fold, 3 if digits else 2, {"DIGITS": digits}),)
