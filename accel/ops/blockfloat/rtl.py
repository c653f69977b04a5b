"""BlockFloat in hardware: a pass over a group finds its exponent, and another one rounds what waited in a buffer."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.hardware import ALWAYS, Actor, Every, Module, Port, Unit, consume, lane_folds, per_row, produce
from accel.numeric import bits
from accel.ops.blockfloat.op import BlockFloat
from accel.target import Target
from accel.tensor import Tensor


def folds(op: BlockFloat, inputs: tuple[Tensor, ...], output: Tensor) -> list[LaneFold]:
    """Lanes that divide a group."""
    return lane_folds(op.size(output))


def units(
    op: BlockFloat, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, target: Target
) -> tuple[Unit, ...]:
    """Two units; groups follow each other as tokens do."""
    (x,) = inputs
    lanes = fold.lanes
    beats, firings = op.size(x) // lanes, x.size // lanes
    most = op.exponent(x)
    shape = {
        "LANES": lanes, "BEATS": beats, "BITS": op.bits, "XW": x.width, "X_SIGNED": int(x.signed),
        "EW": bits(0, most)[0],
    }  # fmt: skip
    elements, exponent = Port("in0", lanes, x.width), Port("exponent", 1, shape["EW"])
    find = Actor(firings, (consume("in0"),), (produce("exponent", Every(beats, beats - 1), 4),))
    round_ = Actor(firings, (consume("in0"), per_row(beats, "exponent")), (produce("out", ALWAYS, 3),))
    return (
        Unit(Module("accel_blockfloat_exponent", shape), (elements,), (exponent,), (find,)),
        Unit(
            Module("accel_blockfloat_round", shape | {"MOST": most, "YW": output.width}),
            (elements, exponent),
            (Port("out", lanes, output.width),),
            (round_,),
        ),
    )
