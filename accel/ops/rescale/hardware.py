"""Rescale for the back ends."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.ops.hardware import Hardware
from accel.ops.rescale import cost, rtl
from accel.ops.rescale.kernel import kernel
from accel.ops.rescale.op import Rescale

HARDWARE: Hardware[Rescale, LaneFold] = Hardware(
    folds=rtl.folds,
    stages=rtl.stages,
    kernel=kernel,
    features=cost.FEATURES,
)
