"""Embedding: what the HLS back end needs; the arithmetic is in accel_embedding.h."""

from __future__ import annotations

from pathlib import Path

from accel.fold import LaneFold
from accel.kernel import Kernel, Table
from accel.numeric import bits
from accel.ops.embedding.op import Embedding
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_embedding.h")


def kernel(op: Embedding, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold) -> Kernel:
    (x,) = inputs
    rows, lanes = op.reachable(x), fold.lanes
    beats = output.channels // lanes
    return Kernel(
        "accel_embedding",
        HEADER,
        (1,),
        lanes,
        {"tokens": x.tokens, "beats": beats, "lanes": lanes, "entries": len(rows), "base": x.lo},
        {"index": bits(0, len(rows) - 1)},
        {"table": Table(rows.ravel())},
        reuse=beats,
    )
