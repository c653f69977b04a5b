"""Mul in hardware: waits for a beat on both streams; a multiplier per lane."""

from __future__ import annotations

from accel.graph import Tensor
from accel.hardware import Actor, Fold, Module, Port, Unit, consume, every, lane_folds, produce
from accel.ops.mul.op import Mul
from accel.target import Target


def folds(op: Mul, inputs: tuple[Tensor, ...], output: Tensor) -> list[Fold]:
    """Lanes that divide the channels."""
    return lane_folds(output.channels)


def hardware(op: Mul, inputs: tuple[Tensor, ...], output: Tensor, fold: Fold, target: Target) -> tuple[Unit, ...]:
    """One unit, one beat per cycle."""
    a, b = inputs
    lanes = fold["lanes"]
    module = Module(
        "accel_mul",
        {
            "LANES": lanes, "AW": a.width, "A_SIGNED": int(a.signed), "BW": b.width, "B_SIGNED": int(b.signed),
            "YW": output.width,
        },
    )  # fmt: skip
    firings = output.size // lanes
    always = every(firings)
    actor = Actor(firings, (consume("in0", always), consume("in1", always)), (produce("out", always, 2),))
    return (
        Unit(
            module,
            (Port("in0", lanes, a.width), Port("in1", lanes, b.width)),
            (Port("out", lanes, output.width),),
            (actor,),
        ),
    )
