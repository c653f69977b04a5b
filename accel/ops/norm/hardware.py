"""Norm for the back ends."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.ops.hardware import Hardware
from accel.ops.norm import cost, rtl
from accel.ops.norm.kernel import kernel
from accel.ops.norm.op import Norm

HARDWARE: Hardware[Norm, LaneFold] = Hardware(
    folds=rtl.folds,
    units=rtl.units,
    kernel=kernel,
    features=cost.FEATURES,
)
