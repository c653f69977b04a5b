"""Pool for the back ends."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.ops.hardware import Hardware
from accel.ops.pool import cost, rtl
from accel.ops.pool.kernel import kernel
from accel.ops.pool.op import Pool

HARDWARE: Hardware[Pool, LaneFold] = Hardware(
    folds=rtl.folds,
    units=rtl.units,
    kernel=kernel,
    features=cost.FEATURES,
)
