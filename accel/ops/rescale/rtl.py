"""Rescale in hardware: a stage behind whatever produces its input. A power of two costs no multiplier."""

from __future__ import annotations

from accel.graph import Tensor
from accel.hardware import Long, Module, Rom, Stage
from accel.numeric import ROUNDINGS
from accel.ops.rescale.op import Rescale
from accel.target import Target


def stage(op: Rescale, inputs: tuple[Tensor, ...], output: Tensor, lanes: int, target: Target) -> Stage:
    """Latency 2, 3 with a constant multiplier, 5 with one per channel."""
    (x,) = inputs
    params = {
        "LANES": lanes, "XW": x.width, "X_SIGNED": int(x.signed), "SHIFT": op.shift,
        "MODE": ROUNDINGS.index(op.rounding), "LO": Long(output.lo), "HI": Long(output.hi), "YW": output.width,
    }  # fmt: skip
    if op.is_shift:
        return Stage(Module("accel_rescale", params), lanes, output.width, 2)
    width = int(op.multiplier.max()).bit_length()
    params |= {"MULTIPLY": 1, "MW": width}
    if len(op.multiplier) == 1:
        params["MULTIPLIER"] = Long(op.multiplier[0])
        return Stage(Module("accel_rescale", params), lanes, output.width, 3)
    multipliers = Rom(op.multiplier.reshape(-1, lanes), width)
    params |= {"MULTIPLY": 2, "GROUPS": x.channels // lanes, "BLOCK": int(multipliers.is_deep(target))}
    module = Module("accel_rescale", params, {"MULTIPLIER_FILE": multipliers})
    return Stage(module, lanes, output.width, 5)
