"""Rotary: what the HLS back end needs; the arithmetic is in accel_rotary.h."""

from __future__ import annotations

from pathlib import Path

from accel.fold import LaneFold
from accel.kernel import Kernel, Table
from accel.ops.rotary.op import Rotary
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_rotary.h")


def kernel(op: Rotary, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold) -> Kernel:
    lanes = fold.lanes
    cos, sin = op.words("cos", lanes), op.words("sin", lanes)
    words, beats = len(cos) // output.tokens, output.channels // lanes
    constants = {"tokens": output.tokens, "turns": beats // words, "words": words, "lanes": lanes}
    tables = {"cos": Table(cos.ravel())}
    if not op.turns:
        return Kernel("accel_rotary_alone", HEADER, (lanes,), lanes, constants, tables=tables, reuse=beats)
    tables["sin"] = Table(sin.ravel())
    constants["pairs"] = lanes // 2
    return Kernel("accel_rotary", HEADER, (lanes,), lanes, constants, tables=tables, reuse=beats)
