"""Dense: what the HLS back end needs; the arithmetic is in accel_dense.h, or in an adder graph written for the node."""

from __future__ import annotations

from pathlib import Path

from accel.graph import Tensor
from accel.hardware import Fold
from accel.kernel import Kernel, Table
from accel.ops.dense import adders
from accel.ops.dense.op import Dense

HEADER = Path(__file__).with_name("accel_dense.h")


def kernel(op: Dense, inputs: tuple[Tensor, ...], output: Tensor, fold: Fold) -> Kernel:
    """Weights lie pass by pass and beat by beat: PE rows of SIMD each are one word."""
    if "unrolled" in fold:
        return adders.kernel(op, inputs[0], output)
    rows, columns = op.weight.shape
    pe, simd = fold["pe"], fold["simd"]
    passes, beats = rows // pe, columns // simd
    return Kernel(
        "accel_dense",
        HEADER,
        (simd,),
        pe,
        {"tokens": output.tokens, "passes": passes, "beats": beats, "pe": pe, "simd": simd, "word": pe * simd},
        tables={
            "weight": Table(op.weight.reshape(passes, pe, beats, simd).transpose(0, 2, 1, 3).ravel()),
            "bias": Table(op.bias),
        },
        reuse=passes * beats,
    )
