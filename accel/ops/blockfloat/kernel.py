"""BlockFloat: what the HLS back end needs; the arithmetic is in accel_blockfloat.h."""

from __future__ import annotations

from pathlib import Path

from accel.fold import LaneFold
from accel.kernel import Kernel, symmetric
from accel.numeric import bits
from accel.ops.blockfloat.op import BlockFloat
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_blockfloat.h")


def kernel(op: BlockFloat, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold) -> Kernel:
    """A group in one beat makes it one pipeline."""
    (x,) = inputs
    lanes, most = fold.lanes, op.exponent(x)
    beats = op.size(x) // lanes
    return Kernel(
        "accel_blockfloat" if beats > 1 else "accel_blockfloat_pipelined",
        HEADER,
        (lanes,),
        lanes,
        {
            "rows": x.size // op.size(x),
            "beats": beats,
            "lanes": lanes,
            "bits": op.bits,
            "most": most,
            "top": min(op.top, x.magnitude),  # as wide as what is clipped
        },
        {"wide": symmetric(2 * x.magnitude), "exponent": bits(0, most)},
        reuse=x.channels // lanes,
    )
