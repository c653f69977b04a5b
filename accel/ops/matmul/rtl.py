"""MatMul in hardware: the second operand of a sequence is held on chip twice, the first streams through."""

from __future__ import annotations

from dataclasses import replace

from accel.fold import MatrixFold
from accel.hardware import ALWAYS, Actor, Every, Module, Port, Unit, Use, consume, divisors, produce, side_by_side
from accel.ops.common.multiply import array_folds, array_latency, packing
from accel.ops.matmul.op import MatMul
from accel.target import Target
from accel.tensor import Tensor

FILLED_EARLY = -1
"""A filled half may be read the cycle after its last write: two cycles sooner than a beat leaves a buffer, plus one."""


def _sizes(op: MatMul, b: Tensor) -> tuple[int, int, int, int]:
    """Keys, channels of a head, and the matrix as rows × columns."""
    keys, channels = b.tokens, op.size(b)
    return (keys, channels, keys, channels) if op.form == "scores" else (keys, channels, channels, keys)


def folds(op: MatMul, inputs: tuple[Tensor, ...], output: Tensor) -> list[MatrixFold]:
    """Every PE dividing the rows with every SIMD dividing the columns of the product; or all products of all heads."""
    *_, rows, columns = _sizes(op, inputs[1])
    whole = [replace(fold, heads=op.heads) for fold in array_folds([rows], [columns]) if op.heads > 1]
    return array_folds(divisors(rows), divisors(columns)) + whole


def units(op: MatMul, inputs: tuple[Tensor, ...], output: Tensor, fold: MatrixFold, target: Target) -> tuple[Unit, ...]:
    """One unit, in which heads take turns; or (a fold with "heads") one for every head of the second operand."""
    if fold.heads == 1:
        return (_unit(op, inputs, output, fold, 1, target),)
    a, b, y = (replace(x, shape=(x.tokens, x.channels // op.kv_heads), scale=1.0) for x in (*inputs, output))
    shared = MatMul(op.group, op.form, 1)
    return side_by_side((_unit(shared, (a, b), y, fold, op.group, target),), op.kv_heads)


def _unit(op: MatMul, inputs: tuple[Tensor, ...], output: Tensor, fold: MatrixFold, side: int, target: Target) -> Unit:
    """Two actors: loading the second operand, and computing with `side` heads that share it at once."""
    a, b = inputs
    keys, channels, rows, columns = _sizes(op, b)
    pe, simd = fold.pe, fold.simd
    passes, beats, turns = rows // pe, columns // simd, op.group // side
    scores = op.form == "scores"
    key_lanes, channel_lanes = (pe, simd) if scores else (simd, pe)
    depth = 2 * op.kv_heads * (keys // key_lanes) * (channels // channel_lanes)
    module = Module(
        "accel_matmul",
        {
            "SCORES": int(scores), "HEADS": op.kv_heads, "GROUP": turns, "SIDE": side,
            "KEYS": keys, "CHANNELS": channels, "PE": pe, "SIMD": simd,
            "AW": a.width, "A_SIGNED": int(a.signed), "BW": b.width, "B_SIGNED": int(b.signed), "OW": output.width,
            **packing(target, fold, (a.width, a.signed), (b.width, b.signed)).params(),
            "BLOCK": int(depth >= 64 and depth * channel_lanes * b.width >= target.block_from),
        },
    )  # fmt: skip
    loads = b.tokens * b.channels // channel_lanes
    load = Actor(
        loads,
        (consume("in1"),),
        (Use("half", Every(loads), Every(loads, loads - 1), FILLED_EARLY),),
    )
    firings = a.tokens * op.kv_heads * turns * passes * beats
    compute = Actor(
        firings,
        (
            consume("in0", Every(passes * beats, 0, beats)),
            Use("half", ALWAYS, Every(firings, firings - 1)),
        ),
        (produce("out", Every(beats, beats - 1), array_latency(simd)),),
    )
    return Unit(
        module,
        (Port("in0", side * simd, a.width), Port("in1", channel_lanes, b.width)),
        (Port("out", side * pe, output.width),),
        (load, compute),
        places={"half": 2},
        multipliers=side * pe * simd,
    )
