"""Lookup: what the HLS back end needs; the arithmetic is in accel_lookup.h."""

from __future__ import annotations

from pathlib import Path

from accel.graph import Tensor
from accel.kernel import Kernel, Table
from accel.numeric import bits
from accel.ops.lookup.op import Lookup

HEADER = Path(__file__).with_name("accel_lookup.h")


def kernel(op: Lookup, inputs: tuple[Tensor, ...], output: Tensor) -> Kernel:
    (x,) = inputs
    reachable = op.table[x.lo - op.base : x.hi - op.base + 1]
    return Kernel(
        "accel_lookup",
        HEADER,
        {"tokens": x.tokens, "channels": x.channels, "entries": len(reachable), "base": x.lo},
        {"index": bits(0, len(reachable) - 1)},
        {"table": Table(reachable)},
    )
