"""Position in hardware: constants read beat by beat, a stage behind whatever produces its input."""

from __future__ import annotations

from accel.fold import LaneFold, StageFold
from accel.hardware import Long, Module, Rom, Stage
from accel.numeric import signed_width
from accel.ops.common import times
from accel.ops.position.op import Position
from accel.target import Target
from accel.tensor import Tensor


def folds(op: Position, inputs: tuple[Tensor, ...], output: Tensor) -> list[StageFold]:
    """How the product is made; none where it is a shift."""
    return [] if times.is_shift(op.multiplier) else times.folds()


def stages(
    op: Position, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, target: Target
) -> tuple[Stage, ...]:
    """Latency 3."""
    (x,), lanes = inputs, fold.lanes
    constants = op.table.wide()
    width = signed_width(constants)
    table = Rom.of(constants.reshape(-1, lanes), width)
    module = Module(
        "accel_position",
        {
            "LANES": lanes, "XW": x.width, "X_SIGNED": int(x.signed), "MULTIPLIER": Long(op.multiplier),
            "TABLES": int(fold.multiply == "lut"), "BEATS": table.depth, "TW": width, "YW": output.width,
            "BLOCK": int(table.is_deep(target)),
        },
        {"TABLE_FILE": table},
    )  # fmt: skip
    return (Stage(module, lanes, output.width, 3),)
