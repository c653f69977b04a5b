"""Exponential: what the HLS back end needs; the arithmetic is in accel_exponential.h."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from accel.fold import LaneFold
from accel.kernel import Kernel, Table
from accel.numeric import bits
from accel.ops.exponential.op import Exponential, ScoreRows
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_exponential.h")


def kernel(op: Exponential, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold) -> Kernel:
    """Heads work side by side, or take turns."""
    (x,) = inputs
    lanes, side = fold.lanes, fold.heads
    width = side * lanes
    return Kernel(
        "accel_exponential",
        HEADER,
        (width,),
        width,
        constants(op, x, lanes, side),
        {"distance": bits(0, x.hi - x.lo)},
        {"rom": table(op, x, width)},
        reuse=x.channels // width,
    )


def constants(op: ScoreRows, x: Tensor, lanes: int, side: int) -> dict[str, int]:
    """Constants of kernels that read rows of scores, of `side` heads at once."""
    turns = x.channels // (op.row * side)
    return {
        "rows": x.tokens * turns,
        "beats": op.row // lanes,
        "lanes": lanes,
        "side": side,
        "width": side * lanes,
        "turns": turns,
        "least": x.lo,
        "entries": len(op.rom[: x.hi - x.lo + 1]),
        "causal": op.causal,
        "hidden_from": op.row - x.tokens,
    }


def table(op: ScoreRows, x: Tensor, copies: int) -> Table:
    """The entries that distances within x reach, for every element of a beat."""
    return Table(np.tile(op.rom[: x.hi - x.lo + 1], copies))
