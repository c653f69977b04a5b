"""MatMul: what the HLS back end needs; the arithmetic is in accel_matmul.h."""

from __future__ import annotations

from pathlib import Path

from accel.fold import MatrixFold
from accel.kernel import Kernel
from accel.ops.matmul.op import MatMul
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_matmul.h")


def kernel(op: MatMul, inputs: tuple[Tensor, ...], output: Tensor, fold: MatrixFold) -> Kernel:
    """All heads of a token at once (a fold with "heads") are a beat side by side; otherwise they take turns."""
    a, b = inputs
    pe, simd, size = fold.pe, fold.simd, op.size(b)
    side = fold.heads
    held = -(-side // op.group)  # heads of b at once
    turns = op.heads // side
    scores = op.form == "scores"
    rows, columns = (b.tokens, size) if scores else (size, b.tokens)
    key_lanes, channel_lanes = (pe, held * simd) if scores else (simd, held * pe)
    reuse, groups = turns * rows * columns // (pe * simd), b.channels // channel_lanes
    return Kernel(
        "accel_matmul",
        HEADER,
        (side * simd, channel_lanes),
        side * pe,
        {
            "tokens": a.tokens,
            "keys": b.tokens,
            "turns": turns,
            "side": side,
            "group": op.group,
            "size": size,
            "scores": int(scores),
            "passes": rows // pe,
            "beats": columns // simd,
            "pe": pe,
            "simd": simd,
            "in_lanes": side * simd,
            "out_lanes": side * pe,
            "channels": b.channels,
            "groups": groups,
            "key_lanes": key_lanes,
            "channel_lanes": channel_lanes,
        },
        reuse=reuse,
        cycles=max(a.tokens * reuse, b.tokens * groups),  # of the two processes
    )
