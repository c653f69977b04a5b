"""BlockFloat for the back ends."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.ops.blockfloat import cost, rtl
from accel.ops.blockfloat.kernel import kernel
from accel.ops.blockfloat.op import BlockFloat
from accel.ops.hardware import Hardware

HARDWARE: Hardware[BlockFloat, LaneFold] = Hardware(
    folds=rtl.folds,
    units=rtl.units,
    kernel=kernel,
    features=cost.FEATURES,
)
