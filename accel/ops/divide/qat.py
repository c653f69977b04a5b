"""Divide for training: the integers of `op.py` forward, the gradient of the real quotient backward."""

from __future__ import annotations

from typing import Any

import torch
from brevitas.quant_tensor import IntQuantTensor
from torch import nn

from accel.ops.divide.op import Divide
from accel.qat import DOMAIN, quantized
from accel.tensor import Tensor


class IntDivide(nn.Module):
    """a / b with one b for the last axis of a, in `out_bits` signed bits at the scale of a over that of b.

    `least` and `kept` are those of the operator.
    """

    def __init__(self, out_bits: int = 8, least: int = 1, kept: int = 0) -> None:
        super().__init__()
        self.out_bits, self.least, self.kept = out_bits, least, kept

    def forward(self, a: torch.Tensor, b: torch.Tensor, a_scale: float, b_scale: float, largest: int) -> IntQuantTensor:
        """Multiples of `a_scale` (…, channels) by multiples of `b_scale` (…, 1), at most `largest` of these."""
        top = 1 << (self.out_bits - 1)
        op = Divide.of(Tensor((1, 1), 0, largest), 0, -top, top - 1, self.least, self.kept)
        y = _Quotient.apply(a, b, op, a_scale, b_scale)  # type: ignore[no-untyped-call]
        return quantized(y, a_scale / b_scale, self.out_bits, True, self.training)


class _Quotient(torch.autograd.Function):
    """Real values → real values through the operator's integers; straight-through to a / b."""

    @staticmethod
    def forward(ctx: Any, a: torch.Tensor, b: torch.Tensor, op: Divide, a_scale: float, b_scale: float) -> torch.Tensor:
        ctx.save_for_backward(a, b)
        if torch.onnx.is_in_onnx_export():
            return a.clone()  # as in `accel.qat`
        dividends, divisors = (torch.round(x.double() / s).long() for x, s in ((a, a_scale), (b, b_scale)))
        rows = dividends.reshape(1, -1, a.shape[-1])  # every row is a token of one head
        integers = op.evaluate(rows, divisors.reshape(1, -1, 1))
        return (integers.reshape(a.shape).double() * (a_scale / b_scale)).to(a.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        a, b = ctx.saved_tensors
        return gradient / b, -(gradient * a).sum(-1, keepdim=True) / b**2, None, None, None

    @staticmethod
    def symbolic(g: Any, a: torch.Value, b: torch.Value, op: Divide, a_scale: float, b_scale: float) -> torch.Value:
        names = ("numerator_bits", "least", "fraction", "lo", "hi", "kept", "significant")
        constants = {f"{name}_i": getattr(op, name) for name in names}
        node = g.op(f"{DOMAIN}::IntDivide", a, b, in_scale_f=a_scale, divisor_scale_f=b_scale, **constants)
        return node.setType(a.type())
