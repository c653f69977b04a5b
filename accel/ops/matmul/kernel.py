"""MatMul: what the HLS back end needs; the arithmetic is in accel_matmul.h."""

from __future__ import annotations

from pathlib import Path

from accel.graph import Tensor
from accel.hardware import Fold
from accel.kernel import Kernel
from accel.ops.matmul.op import MatMul

HEADER = Path(__file__).with_name("accel_matmul.h")


def kernel(op: MatMul, inputs: tuple[Tensor, ...], output: Tensor, fold: Fold) -> Kernel:
    a, b = inputs
    pe, simd, size = fold["pe"], fold["simd"], b.channels // op.heads
    scores = op.form == "scores"
    rows, columns = (b.tokens, size) if scores else (size, b.tokens)
    key_lanes, channel_lanes = (pe, simd) if scores else (simd, pe)
    return Kernel(
        "accel_matmul",
        HEADER,
        (simd, channel_lanes),
        pe,
        {
            "tokens": a.tokens,
            "keys": b.tokens,
            "heads": op.heads,
            "size": size,
            "scores": int(scores),
            "passes": rows // pe,
            "beats": columns // simd,
            "pe": pe,
            "simd": simd,
            "groups": b.channels // channel_lanes,
            "key_lanes": key_lanes,
            "channel_lanes": channel_lanes,
        },
        reuse=op.heads * rows * columns // (pe * simd),
    )
