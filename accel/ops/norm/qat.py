"""Norm for training: the integers of `op.py` forward, the gradient of the real norm backward."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from accel.ops.norm.op import FRACTION_OF_TABLE, GUARD_OF_TABLE, Norm
from accel.qat import ExactLayer
from accel.tensor import Tensor

EPSILON = 1e-5
"""Of the smooth function; the integer definition needs none."""


class IntNorm(ExactLayer):
    """LayerNorm ("layer") or RMSNorm ("rms", "l2") over the last axis, without gamma and beta, for the next Dense.

    Takes `in_bits` signed bits, returns `out_bits` signed bits at scale 2^-out_fraction. Of form "l2", `guard` and
    `root_fraction` are the operator's: by default, root and reciprocal together are a table of 1,024 words.
    """

    op_type = "IntNorm"

    def __init__(
        self, channels: int, form: str = "layer", in_bits: int = 8, out_bits: int = 8, out_fraction: int = 5,
        guard: int = GUARD_OF_TABLE, root_fraction: int = FRACTION_OF_TABLE,
    ) -> None:  # fmt: skip
        super().__init__()
        top = 1 << (in_bits - 1)
        if form == "l2":
            gain = np.full(1, channels**0.5)
            self.op = Norm.l2(gain, out_fraction, out_bits, guard=guard, root_fraction=root_fraction)
        else:
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
        if self.op.form == "l2":
            constants |= {"gamma_i": int(self.op.gamma[0]), "fraction_i": self.op.fraction}
        return {"out_scale_f": self.out_scale(in_scale), "form_s": self.op.form, **constants}
