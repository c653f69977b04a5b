"""Rescale: what the HLS back end needs; the arithmetic is in accel_rescale.h."""

from __future__ import annotations

from pathlib import Path

from accel.graph import Tensor
from accel.kernel import Kernel, Table
from accel.numeric import ROUNDINGS, bits
from accel.ops.rescale.op import Rescale

HEADER = Path(__file__).with_name("accel_rescale.h")


def kernel(op: Rescale, inputs: tuple[Tensor, ...], output: Tensor) -> Kernel:
    (x,) = inputs
    peak = op.peak(x)
    return Kernel(
        "accel_rescale",
        HEADER,
        {
            "tokens": x.tokens,
            "channels": x.channels,
            "multipliers": len(op.multiplier),
            "shift": op.shift,
            "rounding": ROUNDINGS.index(op.rounding),
            "lo": output.lo,
            "hi": output.hi,
        },
        {"product": bits(min(-peak, output.lo), max(peak, output.hi))},
        {"multiplier": Table(op.multiplier)},
    )
