"""Pool in hardware: running sums of a token's channels, given out with the last token."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.hardware import Actor, Every, Module, Port, Unit, consume, lane_folds, produce
from accel.ops.pool.op import Pool
from accel.target import Target
from accel.tensor import Tensor


def folds(op: Pool, inputs: tuple[Tensor, ...], output: Tensor) -> list[LaneFold]:
    """Lanes that divide the channels."""
    return lane_folds(output.channels)


def units(op: Pool, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, target: Target) -> tuple[Unit, ...]:
    """One unit, one beat per cycle."""
    (x,) = inputs
    lanes = fold.lanes
    groups = x.channels // lanes
    module = Module(
        "accel_pool",
        {
            "LANES": lanes, "TOKENS": x.tokens, "GROUPS": groups, "XW": x.width, "X_SIGNED": int(x.signed),
            "YW": output.width,
        },
    )  # fmt: skip
    firings = x.tokens * groups
    actor = Actor(
        firings,
        (consume("in0"),),
        (produce("out", Every(firings, firings - groups, groups), 1),),
    )
    return (Unit(module, (Port("in0", lanes, x.width),), (Port("out", lanes, output.width),), (actor,)),)
