"""Embedding for the back ends."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.ops.embedding import cost, rtl
from accel.ops.embedding.kernel import kernel
from accel.ops.embedding.op import Embedding
from accel.ops.hardware import Hardware

HARDWARE: Hardware[Embedding, LaneFold] = Hardware(
    folds=rtl.folds,
    units=rtl.units,
    kernel=kernel,
    features=cost.FEATURES,
)
