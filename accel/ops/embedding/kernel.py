"""Embedding: what the HLS back end needs; the arithmetic is in accel_embedding.h."""

from __future__ import annotations

from pathlib import Path

from accel.graph import Tensor
from accel.kernel import Kernel, Table
from accel.numeric import bits
from accel.ops.embedding.op import Embedding

HEADER = Path(__file__).with_name("accel_embedding.h")


def kernel(op: Embedding, inputs: tuple[Tensor, ...], output: Tensor) -> Kernel:
    (x,) = inputs
    rows = op.reachable(x)
    return Kernel(
        "accel_embedding",
        HEADER,
        {"tokens": x.tokens, "channels": output.channels, "entries": len(rows), "base": x.lo},
        {"index": bits(0, len(rows) - 1)},
        {"table": Table(rows)},
    )
