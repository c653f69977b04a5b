"""Dense: what the HLS back end needs; the arithmetic is in accel_dense.h."""

from __future__ import annotations

from pathlib import Path

from accel.graph import Tensor
from accel.kernel import Kernel, Table
from accel.ops.dense.op import Dense

HEADER = Path(__file__).with_name("accel_dense.h")


def kernel(op: Dense, inputs: tuple[Tensor, ...], output: Tensor) -> Kernel:
    outputs, fan_in = op.weight.shape
    return Kernel(
        "accel_dense",
        HEADER,
        {"tokens": output.tokens, "inputs": fan_in, "outputs": outputs},
        tables={"weight": Table(op.weight), "bias": Table(op.bias)},
    )
