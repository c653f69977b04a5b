"""Add: what the HLS back end needs; the arithmetic is in accel_add.h."""

from __future__ import annotations

from pathlib import Path

from accel.graph import Tensor
from accel.kernel import Kernel
from accel.ops.add.op import Add

HEADER = Path(__file__).with_name("accel_add.h")


def kernel(op: Add, inputs: tuple[Tensor, ...], output: Tensor) -> Kernel:
    p, q = map(int, op.multipliers)
    return Kernel(
        "accel_add",
        HEADER,
        {"tokens": output.tokens, "channels": output.channels, "multiplier_a": p, "multiplier_b": q},
    )
