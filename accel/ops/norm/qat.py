"""Norm for training: the integers of `op.py` forward, the gradient of the real norm backward."""

from __future__ import annotations

from typing import Any

import torch
from brevitas.quant_tensor import IntQuantTensor
from torch import nn
from torch.nn import functional

from accel.graph import Tensor
from accel.ops.norm.op import Norm
from accel.qat import quantized, scale_of, straight_through, value_of

EPSILON = 1e-5
"""Of the float layer and of the gradient; the integer definition needs none."""


class _Exact(torch.autograd.Function):
    """Real values → real normalised values through the integer definition; one node in an exported file."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, op: Norm, in_scale: float, out_scale: float) -> torch.Tensor:
        if torch.jit.is_tracing():
            return x.clone()  # the exporter wants a node, not a value
        integers = torch.round(x.detach().double() / in_scale).long()
        return (op.evaluate(integers).double() * out_scale).to(x.dtype)

    @staticmethod
    def symbolic(g: Any, x: Any, op: Norm, in_scale: float, out_scale: float) -> Any:
        node = g.op(
            "accel.qonnx_ops::IntNorm", x, in_scale_f=in_scale, out_scale_f=out_scale, form_s=op.form,
            guard_i=op.guard, numerator_bits_i=op.numerator_bits, shift_i=op.shift, lo_i=op.lo, hi_i=op.hi,
            offset_i=op.offset,
        )  # fmt: skip
        return node.setType(x.type())


class IntNorm(nn.Module):
    """LayerNorm or RMSNorm over the last axis, `in_bits` signed bits in, `out_bits` out at scale 2^-out_fraction.

    Without an affine part: fold it into the next Dense (`models.encoder` does). Tensors without a scale (float
    training, calibration) get the real norm.
    """

    def __init__(self, channels: int, form: str = "layer", in_bits: int = 8, out_bits: int = 8, out_fraction: int = 5) -> None:
        super().__init__()
        top = 1 << (in_bits - 1)
        self.op = Norm.of(Tensor((1, channels), -top, top - 1), form, out_fraction, out_bits)
        self.out_bits, self.out_scale = out_bits, 2.0**-out_fraction

    def forward(self, x: torch.Tensor | IntQuantTensor) -> torch.Tensor | IntQuantTensor:
        value = value_of(x)
        if not isinstance(x, IntQuantTensor):
            return self._smooth(value)
        exact = _Exact.apply(value.detach(), self.op, scale_of(x), self.out_scale)
        if torch.is_grad_enabled():
            smooth = self._smooth(value).clamp(self.op.lo * self.out_scale, self.op.hi * self.out_scale)
            exact = straight_through(smooth, exact)
        return quantized(exact, self.out_scale, self.out_bits, True, self.training)

    def _smooth(self, x: torch.Tensor) -> torch.Tensor:
        if self.op.form == "layer":
            return functional.layer_norm(x, x.shape[-1:], eps=EPSILON)
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON)
