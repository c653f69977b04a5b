"""Divide in hardware: one serial division per head of a token, the leading bits of its result, products and shifts."""

from __future__ import annotations

from dataclasses import replace

from accel.fold import LaneFold
from accel.hardware import ALWAYS, Actor, Module, Port, Unit, consume, lane_folds, produce
from accel.ops.common.leading import leading_unit, scaled_unit
from accel.ops.common.serial import divide_unit, serial_folds
from accel.ops.divide.op import Divide
from accel.target import Target
from accel.tensor import Tensor


def folds(op: Divide, inputs: tuple[Tensor, ...], output: Tensor) -> list[LaneFold]:
    """Lanes that divide the channels of a head; the division serial or unrolled."""
    return serial_folds(lane_folds(output.channels // inputs[1].channels))


def units(op: Divide, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, target: Target) -> tuple[Unit, ...]:
    """Three units: reciprocal, its mantissa, products; one more in front that keeps leading bits of the divisor.

    Heads follow each other as tokens do.
    """
    a, b = inputs
    rows = b.tokens * b.channels
    a, output = (replace(x, shape=(rows, x.size // rows), scale=1.0) for x in (a, output))
    kept = [_kept_unit(op, b.width, rows)] if op.kept else []
    source = "kept" if kept else "in1"
    inverse = divide_unit(source, "inverse", b.width, op.inverse_peak, op.numerator_bits, op.least, rows, fold.unrolled)
    width = inverse.outputs[0].width
    mantissa = op.factor_peak.bit_length()
    leading = leading_unit(("inverse", "factor", "place"), width, mantissa, 1, (0, op.spare), True, rows)
    factor, place = leading.outputs
    scaled = scaled_unit(a, output, fold.lanes, factor, place, op.shifts[0], op.factor_peak)
    return *kept, inverse, leading, scaled


def _kept_unit(op: Divide, width: int, rows: int) -> Unit:
    """The leading bits of divisors."""
    actor = Actor(rows, (consume("in1"),), (produce("kept", ALWAYS, 2),))
    module = Module("accel_divide_kept", {"XW": width, "KEPT": op.kept})
    return Unit(module, (Port("in1", 1, width),), (Port("kept", 1, width),), (actor,))
