"""Mul: what the HLS back end needs; the arithmetic is in accel_mul.h."""

from __future__ import annotations

from pathlib import Path

from accel.fold import LaneFold
from accel.kernel import Kernel
from accel.ops.mul.op import Mul
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_mul.h")


def kernel(op: Mul, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold) -> Kernel:
    lanes = fold.lanes
    return Kernel(
        "accel_mul",
        HEADER,
        (lanes, lanes),
        lanes,
        {"beats": output.size // lanes, "lanes": lanes},
        reuse=output.channels // lanes,
    )
