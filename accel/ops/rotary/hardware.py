"""Rotary for the back ends."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.ops.hardware import Hardware
from accel.ops.rotary import cost, rtl
from accel.ops.rotary.kernel import kernel
from accel.ops.rotary.op import Rotary

HARDWARE: Hardware[Rotary, LaneFold] = Hardware(
    folds=rtl.folds,
    units=rtl.units,
    kernel=kernel,
    features=cost.FEATURES,
)
