"""Position: what the HLS back end needs; the arithmetic is in accel_position.h."""

from __future__ import annotations

from pathlib import Path

from accel.graph import Tensor
from accel.kernel import Kernel, Table
from accel.ops.position.op import Position

HEADER = Path(__file__).with_name("accel_position.h")


def kernel(op: Position, inputs: tuple[Tensor, ...], output: Tensor) -> Kernel:
    return Kernel(
        "accel_position",
        HEADER,
        {"tokens": output.tokens, "channels": output.channels, "multiplier": op.multiplier},
        tables={"table": Table(op.table)},
    )
