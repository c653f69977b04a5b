"""Softmax in hardware: row maximum, exponentials and their sum, one division per row, scaling."""

from __future__ import annotations

from dataclasses import replace

from accel.fold import LaneFold
from accel.hardware import (
    ALWAYS,
    Actor,
    Every,
    Module,
    Port,
    Rom,
    Unit,
    consume,
    lane_folds,
    per_row,
    produce,
    side_by_side,
)
from accel.ops.common import times
from accel.ops.common.serial import divide_unit, serial_folds
from accel.ops.softmax.op import Softmax
from accel.target import Target
from accel.tensor import Tensor


def folds(op: Softmax, inputs: tuple[Tensor, ...], output: Tensor) -> list[LaneFold]:
    """Lanes that divide a row, or the rows of all heads at once; with both kinds of division and of products."""
    heads = inputs[0].channels // op.row
    whole = [LaneFold(op.row, heads)] if heads > 1 else []
    return times.with_tables(serial_folds(lane_folds(op.row) + whole))


def units(op: Softmax, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, target: Target) -> tuple[Unit, ...]:
    """Four units; rows wait in ordinary buffers between them."""
    (x,) = inputs
    if fold.heads > 1:
        one = tuple(replace(edge, shape=(x.tokens, op.row), scale=1.0) for edge in (x, output))
        return side_by_side(units(op, one[:1], one[1], replace(fold, heads=1), target), fold.heads)
    lanes = fold.lanes
    heads, beats = x.channels // op.row, op.row // lanes
    rows = x.tokens * heads
    firings = rows * beats
    sum_width = (op.row * int(op.rom[0])).bit_length()
    inverse_peak = (1 << op.numerator_bits) // int(op.rom[0])
    shape = {
        "LANES": lanes, "BEATS": beats, "HEADS": heads, "TOKENS": x.tokens, "CAUSAL": int(bool(op.causal)),
        "XW": x.width, "X_SIGNED": int(x.signed),
    }  # fmt: skip
    row_end = Every(beats, beats - 1)
    elements = Port("in0", lanes, x.width)
    largest = Unit(
        Module("accel_softmax_max", shape),
        (elements,),
        (Port("max", 1, x.width),),
        (Actor(firings, (consume("in0"),), (produce("max", row_end, 1 + _levels(lanes)),)),),
    )
    exponentials = Unit(
        _exp_module(op, x, shape, sum_width, target),
        (elements, Port("max", 1, x.width)),
        (Port("exp", lanes, op.exp_bits), Port("sum", 1, sum_width)),
        (
            Actor(
                firings,
                (consume("in0"), per_row(beats, "max")),
                (produce("exp", ALWAYS, 4), produce("sum", row_end, 6)),
            ),
        ),
    )
    divide = divide_unit("sum", "inverse", sum_width, inverse_peak, op.numerator_bits, 0, rows, fold.unrolled)
    inverse_width = divide.outputs[0].width
    digits = times.digits(0, inverse_peak) if fold.multiply == "lut" else 0
    scale = Unit(
        Module(
            "accel_softmax_scale",
            {
                "LANES": lanes,
                "BEATS": beats,
                "EW": op.exp_bits,
                "FW": inverse_width,
                "SHIFT": op.shift,
                "YW": op.out_bits,
                "DIGITS": digits,
            },
        ),
        (Port("exp", lanes, op.exp_bits), Port("inverse", 1, inverse_width)),
        (Port("out", lanes, op.out_bits),),
        (
            Actor(
                firings,
                (consume("exp"), per_row(beats, "inverse")),
                (produce("out", ALWAYS, 5 if digits else 3),),
            ),
        ),
    )
    return largest, exponentials, divide, scale


def _levels(lanes: int) -> int:
    """Registers of `accel_largest`: four numbers a level."""
    return max(1, -(-(lanes - 1).bit_length() // 2))


def _exp_module(op: Softmax, x: Tensor, shape: dict[str, int], sum_width: int, target: Target) -> Module:
    rom = Rom.of(op.rom[: x.hi - x.lo + 1].reshape(-1, 1), op.exp_bits)
    params = shape | {"DEPTH": rom.depth, "EW": op.exp_bits, "SW": sum_width, "BLOCK": int(rom.is_deep(target))}
    return Module("accel_softmax_exp", params, {"ROM_FILE": rom})
