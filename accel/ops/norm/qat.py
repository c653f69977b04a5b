"""Norm for training: the integers of `op.py` forward, the gradient of the real norm backward."""

from __future__ import annotations

import torch
from torch.nn import functional

from accel.ops.norm.op import Norm
from accel.qat import ExactLayer
from accel.tensor import Tensor

EPSILON = 1e-5
"""Of the smooth function; the integer definition needs none."""


class IntNorm(ExactLayer):
    """LayerNorm ("layer") or RMSNorm ("rms") over the last axis, without gamma and beta: fold them into the next Dense.

    Takes `in_bits` signed bits, returns `out_bits` signed bits at scale 2^-out_fraction.
    """

    op_type = "IntNorm"

    def __init__(
        self, channels: int, form: str = "layer", in_bits: int = 8, out_bits: int = 8, out_fraction: int = 5
    ) -> None:
        super().__init__()
        top = 1 << (in_bits - 1)
        self.op = Norm.of(Tensor((1, channels), -top, top - 1), form, out_fraction, out_bits)
        self.out_bits, self.out_fraction = out_bits, out_fraction

    def integers(self, x: torch.Tensor, *tables: torch.Tensor) -> torch.Tensor:
        return self.op.evaluate(x)

    def smooth(self, x: torch.Tensor) -> torch.Tensor:
        """The real norm, saturated like the integers."""
        if self.op.form == "layer":
            y = functional.layer_norm(x, x.shape[-1:], eps=EPSILON)
        else:
            y = functional.rms_norm(x, x.shape[-1:], eps=EPSILON)
        scale = 2.0**-self.out_fraction
        return y.clamp(self.op.lo * scale, self.op.hi * scale)

    def out_scale(self, in_scale: float) -> float:
        return 2.0**-self.out_fraction

    def attributes(self, in_scale: float) -> dict[str, object]:
        names = ("guard", "numerator_bits", "shift", "lo", "hi", "offset")
        constants = {f"{name}_i": getattr(self.op, name) for name in names}
        return {"out_scale_f": self.out_scale(in_scale), "form_s": self.op.form, **constants}
