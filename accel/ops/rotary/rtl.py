"""Rotary in hardware: constants read beat by beat, again for every head, and one or two products per lane."""

from __future__ import annotations

import numpy as np

from accel.fold import LaneFold
from accel.hardware import ALWAYS, Actor, Module, Port, Rom, Unit, consume, lane_folds, produce
from accel.numeric import signed_width
from accel.ops.common import times
from accel.ops.rotary.op import Rotary
from accel.target import Target
from accel.tensor import Tensor


def folds(op: Rotary, inputs: tuple[Tensor, ...], output: Tensor) -> list[LaneFold]:
    """Lanes that divide the channels, an even number of them where channels of a pair meet; products of both kinds."""
    return times.with_tables([fold for fold in lane_folds(output.channels) if not op.turns or fold.lanes % 2 == 0])


def units(op: Rotary, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, target: Target) -> tuple[Unit, ...]:
    """One unit, one beat per cycle."""
    (x,) = inputs
    lanes, firings = fold.lanes, output.size // fold.lanes
    constants = np.concatenate([op.words(name, lanes) for name in ("cos", "sin")[: 1 + op.turns]], axis=1)
    count = times.digits(int(constants.min()), int(constants.max())) if fold.multiply == "lut" else 0
    table = times.coded(constants, count) if count else Rom.of(constants, signed_width(constants))
    words = table.depth // output.tokens
    module = Module(
        "accel_rotary",
        {
            "LANES": lanes, "XW": x.width, "X_SIGNED": int(x.signed), "TURNS": op.turns, "WORDS": words,
            "HEADS": output.channels // lanes // words, "TOKENS": output.tokens,
            "DIGITS": count, "TW": table.bits, "YW": output.width, "BLOCK": int(table.is_deep(target)),
        },
        {"TABLE_FILE": table},
    )  # fmt: skip
    actor = Actor(firings, (consume("in0"),), (produce("out", ALWAYS, 3 + op.turns + (count > 0)),))
    return (Unit(module, (Port("in0", lanes, x.width),), (Port("out", lanes, output.width),), (actor,)),)
