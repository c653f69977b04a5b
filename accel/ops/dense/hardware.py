"""Dense for the back ends."""

from __future__ import annotations

from accel.fold import MatrixFold
from accel.ops.dense import cost, rtl
from accel.ops.dense.kernel import kernel
from accel.ops.dense.op import Dense
from accel.ops.hardware import Hardware

HARDWARE: Hardware[Dense, MatrixFold] = Hardware(
    folds=rtl.folds,
    units=rtl.units,
    kernel=kernel,
    features=cost.FEATURES,
    refusal=rtl.refusal,
)
