"""Mul for the back ends."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.ops.hardware import Hardware
from accel.ops.mul import cost, rtl
from accel.ops.mul.kernel import kernel
from accel.ops.mul.op import Mul

HARDWARE: Hardware[Mul, LaneFold] = Hardware(
    folds=rtl.folds,
    units=rtl.units,
    kernel=kernel,
    features=cost.FEATURES,
)
