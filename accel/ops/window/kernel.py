"""Window: what the HLS back end needs; the arithmetic is in accel_window.h."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from accel.graph import Tensor
from accel.hardware import Fold
from accel.kernel import Kernel, Table
from accel.ops.window.op import Window

HEADER = Path(__file__).with_name("accel_window.h")


def kernel(op: Window, inputs: tuple[Tensor, ...], output: Tensor, fold: Fold) -> Kernel:
    """A window that stays within the sequence has one word of constants, which is never read."""
    (x,) = inputs
    lanes = fold["lanes"]
    beats, (start, stop), give = x.channels // lanes, op.span(x), max(0, op.first)
    constants = op.constants(x)
    table = constants if constants.size else np.zeros((1, lanes), dtype=np.int64)
    return Kernel(
        "accel_window",
        HEADER,
        (lanes,),
        lanes,
        {
            "tokens": x.tokens,
            "steps": start + x.tokens + output.tokens - stop,
            "read": start,
            "give": give,
            "give_end": give + output.tokens,
            "beats": beats,
            "lanes": lanes,
            "words": table.size // lanes,
        },
        tables={"fill": Table(table.ravel())},
        reuse=beats,
    )
