"""Pool: what the HLS back end needs; the arithmetic is in accel_pool.h."""

from __future__ import annotations

from pathlib import Path

from accel.fold import LaneFold
from accel.kernel import Kernel
from accel.ops.pool.op import Pool
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_pool.h")


def kernel(op: Pool, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold) -> Kernel:
    (x,) = inputs
    lanes = fold.lanes
    beats = x.channels // lanes
    constants = {"tokens": x.tokens, "beats": beats, "lanes": lanes}
    return Kernel("accel_pool", HEADER, (lanes,), lanes, constants, reuse=beats, cycles=x.tokens * beats)
