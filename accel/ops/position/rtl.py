"""Position in hardware: constants read beat by beat, a stage behind whatever produces its input."""

from __future__ import annotations

from accel.graph import Tensor
from accel.hardware import Fold, Module, Rom, Stage
from accel.numeric import signed_width
from accel.ops.position.op import Position
from accel.target import Target


def stages(
    op: Position, inputs: tuple[Tensor, ...], output: Tensor, lanes: int, fold: Fold, target: Target
) -> tuple[Stage, ...]:
    """Latency 3."""
    (x,) = inputs
    width = signed_width(op.table)
    table = Rom(op.table.reshape(-1, lanes), width)
    module = Module(
        "accel_position",
        {
            "LANES": lanes, "XW": x.width, "X_SIGNED": int(x.signed), "MULTIPLIER": op.multiplier,
            "BEATS": table.depth, "TW": width, "YW": output.width, "BLOCK": int(table.is_deep(target)),
        },
        {"TABLE_FILE": table},
    )  # fmt: skip
    return (Stage(module, lanes, output.width, 3),)
