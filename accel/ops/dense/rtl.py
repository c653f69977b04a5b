"""Dense in hardware: PE × SIMD multipliers, weights in a ROM, one pass over the inputs per PE outputs; or unrolled."""

from __future__ import annotations

from accel.graph import Tensor
from accel.hardware import Actor, Fold, Module, Port, Rom, Unit, consume, divisors, produce, window
from accel.numeric import signed_width
from accel.ops.common.multiply import array_folds, array_latency, packing
from accel.ops.dense import unrolled
from accel.ops.dense.op import Dense
from accel.target import Target


def folds(op: Dense, inputs: tuple[Tensor, ...], output: Tensor) -> list[Fold]:
    """Every PE dividing the outputs with every SIMD dividing the inputs; "unrolled" is for schedules that name it."""
    rows, columns = op.weight.shape
    return array_folds(divisors(rows), divisors(columns)) + unrolled.folds(op)


def hardware(op: Dense, inputs: tuple[Tensor, ...], output: Tensor, fold: Fold, target: Target) -> tuple[Unit, ...]:
    """One unit: SF = in / SIMD beats per pass, NF = out / PE passes per token."""
    (x,) = inputs
    if "unrolled" in fold:
        return (unrolled.unit(op, x, output, fold["unrolled"]),)
    rows, columns = op.weight.shape
    pe, simd = fold["pe"], fold["simd"]
    passes, beats = rows // pe, columns // simd
    weight_width = signed_width(op.weight)
    bias_width = min(signed_width(op.bias), output.width)
    packed = packing(target, fold, (x.width, x.signed), (weight_width, True))
    tiles = op.weight.reshape(passes, pe, beats, simd).transpose(0, 2, 1, 3)
    coded = tiles ^ (packed.inverted(pe)[:, None] * (1 << (weight_width - 1)))
    weights = Rom(coded.reshape(passes * beats, pe * simd), weight_width)
    module = Module(
        "accel_dense",
        {
            "ROWS": rows, "COLS": columns, "PE": pe, "SIMD": simd, "AW": x.width, "A_SIGNED": int(x.signed),
            "WW": weight_width, "OW": output.width, "BW": bias_width,
            "BLOCK": int(weights.is_deep(target)), **packed.params(),
        },
        {"WEIGHT_FILE": weights, "BIAS_FILE": Rom(op.bias.reshape(passes, pe), bias_width)},
    )  # fmt: skip
    firings = x.tokens * passes * beats
    actor = Actor(
        firings,
        (consume("in0", window(firings, passes * beats, 0, beats)),),
        (produce("out", window(firings, beats, beats - 1), array_latency(simd)),),
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
