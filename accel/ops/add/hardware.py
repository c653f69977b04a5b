"""Add for the back ends."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.ops.add import cost, rtl
from accel.ops.add.kernel import kernel
from accel.ops.add.op import Add
from accel.ops.hardware import Hardware

HARDWARE: Hardware[Add, LaneFold] = Hardware(
    folds=rtl.folds,
    units=rtl.units,
    kernel=kernel,
    features=cost.FEATURES,
)
