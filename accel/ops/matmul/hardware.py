"""MatMul for the back ends."""

from __future__ import annotations

from accel.fold import MatrixFold
from accel.ops.hardware import Hardware
from accel.ops.matmul import cost, rtl
from accel.ops.matmul.kernel import kernel
from accel.ops.matmul.op import MatMul

HARDWARE: Hardware[MatMul, MatrixFold] = Hardware(
    folds=rtl.folds,
    units=rtl.units,
    kernel=kernel,
    features=cost.FEATURES,
)
