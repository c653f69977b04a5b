"""Exponential for the back ends."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.ops.exponential import cost, rtl
from accel.ops.exponential.kernel import kernel
from accel.ops.exponential.op import Exponential
from accel.ops.hardware import Hardware

HARDWARE: Hardware[Exponential, LaneFold] = Hardware(
    folds=rtl.folds,
    units=rtl.units,
    kernel=kernel,
    features=cost.FEATURES,
)
