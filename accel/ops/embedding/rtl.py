"""Embedding in hardware: one memory of all rows, read beat by beat while the identifier is held."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.hardware import ALWAYS, Actor, Module, Port, Rom, Unit, lane_folds, per_row, produce
from accel.ops.embedding.op import Embedding
from accel.target import Target
from accel.tensor import Tensor


def folds(op: Embedding, inputs: tuple[Tensor, ...], output: Tensor) -> list[LaneFold]:
    """Lanes that divide the channels of the output; identifiers come one by one."""
    return lane_folds(output.channels)


def units(
    op: Embedding, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, target: Target
) -> tuple[Unit, ...]:
    """One unit, one beat per cycle. Only the rows that the input's range reaches are stored."""
    (x,) = inputs
    lanes = fold.lanes
    groups = output.channels // lanes
    rows = op.reachable(x)
    table = Rom.of(rows.reshape(-1, lanes), output.width)
    module = Module(
        "accel_embedding",
        {
            "LANES": lanes, "GROUPS": groups, "XW": x.width, "X_SIGNED": int(x.signed), "BASE": x.lo,
            "ROWS": len(rows), "YW": output.width, "BLOCK": int(table.is_deep(target)),
        },
        {"TABLE_FILE": table},
    )  # fmt: skip
    firings = x.tokens * groups
    actor = Actor(firings, (per_row(groups, "in0"),), (produce("out", ALWAYS, 3),))
    return (Unit(module, (Port("in0", 1, x.width),), (Port("out", lanes, output.width),), (actor,)),)
