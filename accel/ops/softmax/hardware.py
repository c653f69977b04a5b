"""Softmax for the back ends."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.ops.hardware import Hardware
from accel.ops.softmax import cost, rtl
from accel.ops.softmax.kernel import kernel
from accel.ops.softmax.op import Softmax

HARDWARE: Hardware[Softmax, LaneFold] = Hardware(
    folds=rtl.folds,
    units=rtl.units,
    kernel=kernel,
    features=cost.FEATURES,
)
