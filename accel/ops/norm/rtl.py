"""Norm in hardware: sums of a token, square root, division, scaling; tokens wait in ordinary buffers between them."""

from __future__ import annotations

import math

import numpy as np

from accel.fold import LaneFold
from accel.hardware import ALWAYS, Actor, Every, Long, Module, Port, Rom, Unit, consume, lane_folds, per_row, produce
from accel.numeric import bits, signed_width
from accel.ops.common import times
from accel.ops.common.leading import leading_unit, scaled_unit
from accel.ops.common.serial import divide_unit, isqrt_unit, serial_folds
from accel.ops.norm.op import Norm
from accel.target import Target
from accel.tensor import Tensor


def folds(op: Norm, inputs: tuple[Tensor, ...], output: Tensor) -> list[LaneFold]:
    """Lanes that divide a row; root and division serial or unrolled; products of both kinds, but for form "l2"."""
    found = serial_folds(lane_folds(op.row or output.channels))
    return found if op.form == "l2" else times.with_tables(found)


def units(op: Norm, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, target: Target) -> tuple[Unit, ...]:
    """Four units: statistics, root, inverse, scale. Rows follow each other as tokens do."""
    x, output = op.rows(*inputs), op.rows(output)
    if op.form == "l2":
        return _over_length(op, x, output, fold)
    variance = op.variance_peak(x)
    root_peak = max(math.isqrt(variance << (2 * op.guard)), 1 << op.guard)
    tables = fold.multiply == "lut"
    stats = _stats(op, x, fold.lanes, tables)
    rows, unrolled = x.tokens, fold.unrolled
    root = isqrt_unit("variance", "root", _variance_width(op, x), 2 * op.guard, root_peak, rows, unrolled)
    root_width = root.outputs[0].width
    inverse = divide_unit("root", "inverse", root_width, op.inverse_peak(), op.numerator_bits, op.guard, rows, unrolled)
    return stats, root, inverse, _scale(op, x, output, fold.lanes, inverse.outputs[0].width, tables)


def _over_length(op: Norm, x: Tensor, output: Tensor, fold: LaneFold) -> tuple[Unit, ...]:
    """Five units of form "l2": squares, their leading bits, root, inverse, scale."""
    lanes, rows, unrolled = fold.lanes, x.tokens, fold.unrolled
    beats, width, places = x.channels // lanes, _variance_width(op, x), op.exponents(x)
    module = Module(
        "accel_norm_squares",
        {
            "LANES": lanes, "BEATS": beats, "XW": x.width, "X_SIGNED": int(x.signed), "VW": width,
            "OFFSET": Long(op.offset),
        },
    )  # fmt: skip
    sums = Actor(rows * beats, (consume("in0"),), (produce("square", Every(beats, beats - 1), 5),))
    squares = Unit(module, (Port("in0", lanes, x.width),), (Port("square", 1, width),), (sums,))
    leading = leading_unit(("square", "mantissa", "place"), width, 2 * op.guard, 2, places, False, rows)
    root_peak = (1 << op.root_bits) - 1
    root = isqrt_unit("mantissa", "root", 2 * op.guard, 2 * op.fraction, root_peak, rows, unrolled)
    inverse = divide_unit(
        "root", "inverse", op.root_bits, op.inverse_peak(), op.numerator_bits, op.least, rows, unrolled
    )
    gamma = op.gamma.wide()
    gains = Rom.of(np.resize(gamma, (beats if gamma.size > 1 else 1, lanes)), signed_width(gamma))
    scale = scaled_unit(
        x, output, lanes, inverse.outputs[0], leading.outputs[1], op.shift + places[0], op.inverse_peak(),
        gains, op.gamma.magnitude,
    )  # fmt: skip
    return squares, leading, root, inverse, scale


def _sum_range(x: Tensor) -> tuple[int, int]:
    return min(-1, x.channels * x.lo), max(0, x.channels * x.hi)


def _sum_width(x: Tensor) -> int:
    return bits(*_sum_range(x))[0]


def _variance_width(op: Norm, x: Tensor) -> int:
    return bits(0, op.variance_peak(x))[0]


def _stats(op: Norm, x: Tensor, lanes: int, tables: bool) -> Unit:
    beats = x.channels // lanes
    firings = x.tokens * beats
    variance_width = _variance_width(op, x)
    row_end = Every(beats, beats - 1)
    module = Module(
        "accel_norm_stats",
        {
            "LAYER": int(op.form == "layer"), "LANES": lanes, "BEATS": beats, "XW": x.width, "X_SIGNED": int(x.signed),
            "TW": _sum_width(x), "VW": variance_width, "OFFSET": Long(op.offset),
            "XDIGITS": tables * times.digits(x.lo, x.hi), "TDIGITS": tables * times.digits(*_sum_range(x)),
        },
    )  # fmt: skip
    results = (Port("variance", 1, variance_width), Port("sum", 1, _sum_width(x)))
    actor = Actor(
        firings,
        (consume("in0"),),
        tuple(produce(port.edge, row_end, 10 if tables else 6) for port in results),
    )
    return Unit(module, (Port("in0", lanes, x.width),), results, (actor,))


def _scale(op: Norm, x: Tensor, output: Tensor, lanes: int, inverse_width: int, tables: bool) -> Unit:
    beats = x.channels // lanes
    firings = x.tokens * beats
    product, total = op.product_peak(x), op.sum_peak(x)
    params = {
        "LAYER": int(op.form == "layer"), "LANES": lanes, "BEATS": beats, "XW": x.width, "X_SIGNED": int(x.signed),
        "TW": _sum_width(x), "UW": op.centred_bits(x), "RW": inverse_width, "PW": bits(-product, product)[0],
        "AW": bits(-total, total)[0], "SHIFT": op.shift, "LO": Long(output.lo), "HI": Long(output.hi),
        "YW": output.width, "DIGITS": times.digits(0, op.inverse_peak()) if tables else 0,
    }  # fmt: skip
    roms = {}
    if op.has_affine:
        gamma, beta = (values.wide() + [0] * x.channels for values in (op.gamma, op.beta))
        count = times.digits(int(gamma.min()), int(gamma.max())) if tables else 0
        gamma = gamma + (times.offset(count) if count else 0)
        for name, short, values in (("GAMMA_FILE", "GW", gamma), ("BETA_FILE", "BW", beta)):
            width = 2 * count if count and short == "GW" else signed_width(values)
            params[short] = width
            roms[name] = Rom.of(values.reshape(beats, lanes), width)
        params["AFFINE"] = 1
    rows = (Port("inverse", 1, inverse_width), Port("sum", 1, _sum_width(x)))
    actor = Actor(
        firings,
        (consume("in0"), *(per_row(beats, port.edge) for port in rows)),
        (produce("out", ALWAYS, 8 + tables if op.has_affine else 6),),
    )
    return Unit(
        Module("accel_norm_scale", params, roms),
        (Port("in0", lanes, x.width), *rows),
        (Port("out", lanes, output.width),),
        (actor,),
    )
