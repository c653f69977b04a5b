"""Window in hardware: one step per token of the input, and per token of constants before and behind them."""

from __future__ import annotations

import numpy as np

from accel.fold import LaneFold
from accel.hardware import Actor, Every, Module, Port, Rom, Unit, Use, lane_folds, produce
from accel.numeric import signed_width
from accel.ops.window.op import Window
from accel.target import Target
from accel.tensor import Tensor


def folds(op: Window, inputs: tuple[Tensor, ...], output: Tensor) -> list[LaneFold]:
    """Lanes that divide the channels."""
    return lane_folds(output.channels)


def units(op: Window, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, target: Target) -> tuple[Unit, ...]:
    """One unit, one beat per cycle. Constants in front wait for the first beat of the input: an idle unit is silent."""
    (x,) = inputs
    lanes = fold.lanes
    groups = x.channels // lanes
    start, stop = op.span(x)
    steps = start + x.tokens + output.tokens - stop
    give = max(0, op.first)
    constants = op.constants(x)
    table = constants.reshape(-1, lanes) if constants.size else np.zeros((1, lanes), dtype=np.int64)
    fill = Rom.of(table, min(signed_width(table), output.width))  # an unsigned output has no bit for their sign
    module = Module(
        "accel_window",
        {
            "LANES": lanes, "GROUPS": groups, "STEPS": steps, "READ": start, "READ_END": start + x.tokens,
            "GIVE": give, "GIVE_END": give + output.tokens, "XW": x.width, "X_SIGNED": int(x.signed),
            "CONSTANTS": constants.size // lanes, "FW": fill.bits, "YW": output.width,
            "BLOCK": int(fill.is_deep(target)),
        },
        {"FILL_FILE": fill},
    )  # fmt: skip
    firings = steps * groups
    takes = Use(
        "in0", Every(firings, 0, (start + x.tokens) * groups), Every(firings, start * groups, x.tokens * groups)
    )
    gives = produce("out", Every(firings, give * groups, output.tokens * groups), 3 if constants.size else 1)
    actor = Actor(firings, (takes,), (gives,))
    return (Unit(module, (Port("in0", lanes, x.width),), (Port("out", lanes, output.width),), (actor,)),)
