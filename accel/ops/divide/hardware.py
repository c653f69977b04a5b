"""Divide for the back ends."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.ops.divide import cost, rtl
from accel.ops.divide.kernel import kernel
from accel.ops.divide.op import Divide
from accel.ops.hardware import Hardware

HARDWARE: Hardware[Divide, LaneFold] = Hardware(
    folds=rtl.folds,
    units=rtl.units,
    kernel=kernel,
    features=cost.FEATURES,
)
