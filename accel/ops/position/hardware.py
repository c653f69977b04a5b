"""Position for the back ends."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.ops.hardware import Hardware
from accel.ops.position import cost, rtl
from accel.ops.position.kernel import kernel
from accel.ops.position.op import Position

HARDWARE: Hardware[Position, LaneFold] = Hardware(
    folds=rtl.folds,
    stages=rtl.stages,
    kernel=kernel,
    features=cost.FEATURES,
)
