"""Window for the back ends."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.ops.hardware import Hardware
from accel.ops.window import cost, rtl
from accel.ops.window.kernel import kernel
from accel.ops.window.op import Window

HARDWARE: Hardware[Window, LaneFold] = Hardware(
    folds=rtl.folds,
    units=rtl.units,
    kernel=kernel,
    features=cost.FEATURES,
)
