"""Dense in hardware: PE × SIMD multipliers, weights in a ROM, one pass over the inputs per PE outputs; or unrolled."""

from __future__ import annotations

from accel.graph import Tensor
from accel.hardware import Actor, Fold, Module, Port, Rom, Unit, consume, divisors, produce, window
from accel.numeric import signed_width
from accel.ops.common.tree import tree_registers
from accel.ops.dense import unrolled
from accel.ops.dense.op import Dense


def folds(op: Dense, inputs: tuple[Tensor, ...], output: Tensor) -> list[Fold]:
    """Every PE dividing the outputs with every SIMD dividing the inputs; "unrolled" is for schedules that name it."""
    rows, columns = op.weight.shape
    return [{"pe": pe, "simd": simd} for pe in divisors(rows) for simd in divisors(columns)] + unrolled.folds(op)


def hardware(op: Dense, inputs: tuple[Tensor, ...], output: Tensor, fold: Fold) -> tuple[Unit, ...]:
    """One unit: SF = in / SIMD beats per pass, NF = out / PE passes per token."""
    (x,) = inputs
    if "unrolled" in fold:
        return (unrolled.unit(op, x, output, fold["unrolled"]),)
    rows, columns = op.weight.shape
    pe, simd = fold["pe"], fold["simd"]
    passes, beats = rows // pe, columns // simd
    weight_width = signed_width(op.weight)
    bias_width = min(signed_width(op.bias), output.width)
    tiles = op.weight.reshape(passes, pe, beats, simd).transpose(0, 2, 1, 3).reshape(passes * beats, pe * simd)
    weights = Rom.pack(tiles, weight_width)
    module = Module(
        "accel_dense",
        {
            "ROWS": rows, "COLS": columns, "PE": pe, "SIMD": simd, "AW": x.width, "A_SIGNED": int(x.signed),
            "WW": weight_width, "OW": output.width, "BW": bias_width,
            "WEIGHT_BLOCK": int(weights.is_deep),
        },
        {"WEIGHT_FILE": weights, "BIAS_FILE": Rom.pack(op.bias.reshape(passes, pe), bias_width)},
    )  # fmt: skip
    firings = x.tokens * passes * beats
    actor = Actor(
        firings,
        (consume("in0", window(firings, passes * beats, 0, beats)),),
        (produce("out", window(firings, beats, beats - 1), 4 + tree_registers(simd)),),
    )
    return (
        Unit(
            module,
            (Port("in0", simd, x.width),),
            (Port("out", pe, output.width),),
            (actor,),
            multipliers=pe * simd,
        ),
    )
