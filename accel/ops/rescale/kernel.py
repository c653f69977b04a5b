"""Rescale: what the HLS back end needs; the arithmetic is in accel_rescale.h."""

from __future__ import annotations

from pathlib import Path

from accel.fold import LaneFold
from accel.kernel import Kernel, Table
from accel.numeric import ROUNDINGS, bits
from accel.ops.rescale.op import Rescale
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_rescale.h")


def kernel(op: Rescale, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold) -> Kernel:
    (x,) = inputs
    lanes, peak = fold.lanes, op.peak(x)
    beats = x.channels // lanes
    return Kernel(
        "accel_rescale",
        HEADER,
        (lanes,),
        lanes,
        {
            "tokens": x.tokens,
            "beats": beats,
            "lanes": lanes,
            "multipliers": len(op.multiplier),
            "multiplier_lanes": min(lanes, len(op.multiplier)),
            "shift": op.shift,
            "rounding": ROUNDINGS.index(op.rounding),
            "lo": output.lo,
            "hi": output.hi,
        },
        {"product": bits(min(-peak, output.lo), max(peak, output.hi))},
        {"multiplier": Table(op.multiplier.wide())},
        reuse=beats,
    )
