"""Rescale in hardware: a stage behind whatever produces its input, with a product in front unless it is a shift."""

from __future__ import annotations

from accel.fold import LaneFold, StageFold
from accel.hardware import Long, Module, Stage
from accel.numeric import ROUNDINGS
from accel.ops.common import times
from accel.ops.rescale.op import Rescale
from accel.target import Target
from accel.tensor import Tensor

LATENCY = 2
"""Cycles of the rounding: one to round, one to clip."""


def folds(op: Rescale, inputs: tuple[Tensor, ...], output: Tensor) -> list[StageFold]:
    """How the product is made; none where it is a shift."""
    return [] if op.is_shift else times.folds()


def stages(
    op: Rescale, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, target: Target
) -> tuple[Stage, ...]:
    """The product if there is one, and the rounding."""
    (x,) = inputs
    made = () if op.is_shift else (times.stage(op.multiplier.wide(), x, fold, target),)
    x = x if op.is_shift else times.product(x, op.multiplier.wide())
    params = {
        "LANES": fold.lanes, "XW": x.width, "X_SIGNED": int(x.signed), "SHIFT": op.shift,
        "MODE": ROUNDINGS.index(op.rounding), "LO": Long(output.lo), "HI": Long(output.hi), "YW": output.width,
    }  # fmt: skip
    return (*made, Stage(Module("accel_rescale", params), fold.lanes, output.width, LATENCY))
