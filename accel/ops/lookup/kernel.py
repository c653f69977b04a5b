"""Lookup: what the HLS back end needs; the arithmetic is in accel_lookup.h."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from accel.fold import LaneFold
from accel.kernel import Kernel, Table
from accel.numeric import bits
from accel.ops.lookup.op import Lookup
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_lookup.h")


def kernel(op: Lookup, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold) -> Kernel:
    (x,) = inputs
    lanes = fold.lanes
    reachable = op.table[x.lo - op.base : x.hi - op.base + 1]
    return Kernel(
        "accel_lookup",
        HEADER,
        (lanes,),
        lanes,
        {"beats": x.size // lanes, "lanes": lanes, "entries": len(reachable), "base": x.lo},
        {"index": bits(0, len(reachable) - 1)},
        {"table": Table(np.tile(reachable, lanes))},
        reuse=x.channels // lanes,
    )
