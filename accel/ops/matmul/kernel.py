"""MatMul: what the HLS back end needs; the arithmetic is in accel_matmul.h."""

from __future__ import annotations

from pathlib import Path

from accel.graph import Tensor
from accel.kernel import Kernel
from accel.ops.matmul.op import MatMul

HEADER = Path(__file__).with_name("accel_matmul.h")


def kernel(op: MatMul, inputs: tuple[Tensor, ...], output: Tensor) -> Kernel:
    a, b = inputs
    return Kernel(
        f"accel_matmul_{op.form}",
        HEADER,
        {"tokens": a.tokens, "keys": b.tokens, "heads": op.heads, "size": b.channels // op.heads},
    )
