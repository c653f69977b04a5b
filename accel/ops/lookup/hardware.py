"""Lookup for the back ends."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.ops.hardware import Hardware
from accel.ops.lookup import cost, rtl
from accel.ops.lookup.kernel import kernel
from accel.ops.lookup.op import Lookup

HARDWARE: Hardware[Lookup, LaneFold] = Hardware(
    stages=rtl.stages,
    kernel=kernel,
    features=cost.FEATURES,
)
