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
    Unit,
    consume,
    per_row,
    produce,
)
from accel.ops.common import times
from accel.ops.common.serial import divide_unit, serial_folds
from accel.ops.exponential import rtl as exponential
from accel.ops.softmax.op import Softmax
from accel.target import Target
from accel.tensor import Tensor


def folds(op: Softmax, inputs: tuple[Tensor, ...], output: Tensor) -> list[LaneFold]:
    """Lanes that divide a row, or the rows of all heads at once; with both kinds of division and of products."""
    return times.with_tables(serial_folds(exponential.row_folds(op, inputs[0])))


def units(op: Softmax, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, target: Target) -> tuple[Unit, ...]:
    """Four units; rows wait in ordinary buffers between them."""
    (x,) = inputs
    if fold.heads > 1:
        return exponential.all_heads(op, x, output, fold, lambda x, y, fold: units(op, (x,), y, fold, target))
    lanes = fold.lanes
    heads, beats = x.channels // op.row, op.row // lanes
    rows = x.tokens * heads
    firings = rows * beats
    sum_width = (op.row * int(op.rom[0])).bit_length()
    inverse_peak = (1 << op.numerator_bits) // int(op.rom[0])
    shape = exponential.shape(op, x, lanes)
    row_end = Every(beats, beats - 1)
    elements = Port("in0", lanes, x.width)
    largest = exponential.largest_unit(shape, firings)
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


def _exp_module(op: Softmax, x: Tensor, shape: dict[str, int], sum_width: int, target: Target) -> Module:
    module = exponential.table_module("accel_softmax_exp", op, x, shape, op.exp_bits, target)
    return replace(module, params=module.params | {"SW": sum_width})
