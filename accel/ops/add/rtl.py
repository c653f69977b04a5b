"""Add in hardware: waits for a beat on both streams."""

from __future__ import annotations

from accel.graph import Tensor
from accel.hardware import Actor, Fold, Module, Port, Unit, consume, every, lane_folds, produce
from accel.ops.add.op import Add
from accel.target import Target


def folds(op: Add, inputs: tuple[Tensor, ...], output: Tensor) -> list[Fold]:
    """Lanes that divide the channels."""
    return lane_folds(output.channels)


def hardware(op: Add, inputs: tuple[Tensor, ...], output: Tensor, fold: Fold, target: Target) -> tuple[Unit, ...]:
    """One unit, one beat per cycle."""
    a, b = inputs
    lanes = fold["lanes"]
    p, q = map(int, op.multipliers)
    module = Module(
        "accel_add",
        {
            "LANES": lanes, "AW": a.width, "A_SIGNED": int(a.signed), "BW": b.width, "B_SIGNED": int(b.signed),
            "P": p, "Q": q, "YW": output.width,
        },
    )  # fmt: skip
    firings = output.tokens * output.channels // lanes
    always = every(firings)
    actor = Actor(firings, (consume("in0", always), consume("in1", always)), (produce("out", always, 1),))
    return (
        Unit(
            module,
            (Port("in0", lanes, a.width), Port("in1", lanes, b.width)),
            (Port("out", lanes, output.width),),
            (actor,),
        ),
    )
