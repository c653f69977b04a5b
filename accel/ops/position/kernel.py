"""Position: what the HLS back end needs; the arithmetic is in accel_position.h."""

from __future__ import annotations

from pathlib import Path

from accel.fold import LaneFold
from accel.kernel import Kernel, Table
from accel.ops.position.op import Position
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_position.h")


def kernel(op: Position, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold) -> Kernel:
    lanes = fold.lanes
    return Kernel(
        "accel_position",
        HEADER,
        (lanes,),
        lanes,
        {"beats": output.size // lanes, "lanes": lanes, "multiplier": op.multiplier},
        tables={"table": Table(op.table.wide())},
        reuse=output.channels // lanes,
    )
