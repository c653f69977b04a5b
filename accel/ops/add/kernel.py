"""Add: what the HLS back end needs; the arithmetic is in accel_add.h."""

from __future__ import annotations

from pathlib import Path

from accel.fold import LaneFold
from accel.kernel import Kernel
from accel.ops.add.op import Add
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_add.h")


def kernel(op: Add, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold) -> Kernel:
    lanes = fold.lanes
    p, q = map(int, op.multipliers)
    return Kernel(
        "accel_add",
        HEADER,
        (lanes, lanes),
        lanes,
        {"beats": output.size // lanes, "lanes": lanes, "multiplier_a": p, "multiplier_b": q},
        reuse=output.channels // lanes,
    )
