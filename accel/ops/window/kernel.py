"""Window: what the HLS back end needs; the arithmetic is in accel_window.h."""

from __future__ import annotations

from pathlib import Path

from accel.fold import LaneFold
from accel.kernel import Kernel, Table
from accel.ops.window.op import Window
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_window.h")


def kernel(op: Window, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold) -> Kernel:
    """A window that stays within the sequence has no table."""
    (x,) = inputs
    lanes = fold.lanes
    beats, (start, stop), give = x.channels // lanes, op.span(x), max(0, op.first)
    constants, steps = op.constants(x), start + x.tokens + output.tokens - stop
    return Kernel(
        "accel_window" if constants.size else "accel_window_cut",
        HEADER,
        (lanes,),
        lanes,
        {
            "tokens": x.tokens,
            "steps": steps,
            "read": start,
            "read_end": start + x.tokens,
            "give": give,
            "give_end": give + output.tokens,
            "beats": beats,
            "lanes": lanes,
            "words": constants.size // lanes,
        },
        tables={"fill": Table(constants.ravel())} if constants.size else {},
        reuse=beats,
        cycles=steps * beats,
    )
