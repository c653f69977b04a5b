"""Element-wise operators of two streams: one unit that waits for a beat on both and takes one per cycle."""

from __future__ import annotations

from collections.abc import Mapping

from accel.fold import LaneFold
from accel.hardware import ALWAYS, Actor, Module, Port, Unit, consume, produce
from accel.tensor import Tensor


def unit(
    module: str, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, latency: int, params: Mapping[str, int]
) -> Unit:
    """A unit of `module`, whose own parameters are `params`; a result leaves `latency` cycles behind its operands."""
    a, b = inputs
    lanes = fold.lanes
    shared = {
        "LANES": lanes, "AW": a.width, "A_SIGNED": int(a.signed), "BW": b.width, "B_SIGNED": int(b.signed),
    }  # fmt: skip
    firings = output.size // lanes
    return Unit(
        Module(module, {**shared, **params, "YW": output.width}),
        (Port("in0", lanes, a.width), Port("in1", lanes, b.width)),
        (Port("out", lanes, output.width),),
        (Actor(firings, (consume("in0"), consume("in1")), (produce("out", ALWAYS, latency),)),),
    )
