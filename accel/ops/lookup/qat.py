"""Lookup for training: a unary function through a table forward, the gradient of the function backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from brevitas.quant_tensor import IntQuantTensor
from torch import nn

from accel.ops.lookup.op import Lookup
from accel.qat import quantized, scale_of, straight_through, value_of


class _Exact(torch.autograd.Function):
    """Real values → real values through the table; one node in an exported file."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, table: torch.Tensor, scale: float, base: int) -> torch.Tensor:
        if torch.jit.is_tracing():
            return x.clone()  # the exporter wants a node, not a value
        integers = torch.round(x.detach().double() / scale).long()
        op = Lookup(table.detach().cpu().long().numpy(), base)
        return (op.evaluate(integers).double() * scale).to(x.dtype)

    @staticmethod
    def symbolic(g: Any, x: Any, table: Any, scale: float, base: int) -> Any:
        node = g.op("accel.qonnx_ops::IntLookup", x, table, in_scale_f=scale, out_scale_f=scale, base_i=base)
        return node.setType(x.type())


class IntLookup(nn.Module):
    """`function` of signed `bits`-bit integers, result in the same format.

    The table is a buffer: it follows the input scale while training and is frozen in eval mode. Tensors without a
    scale (float training, calibration) get the function itself.
    """

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor], bits: int = 8) -> None:
        super().__init__()
        self.function, self.bits, self.base = function, bits, -(1 << (bits - 1))
        self.register_buffer("table", self._entries(1.0))

    def _entries(self, scale: float) -> torch.Tensor:
        points = torch.arange(self.base, -self.base, dtype=torch.float64) * scale
        return torch.round(self.function(points) / scale).clamp(self.base, -self.base - 1)

    def forward(self, x: torch.Tensor | IntQuantTensor) -> torch.Tensor | IntQuantTensor:
        value = value_of(x)
        if not isinstance(x, IntQuantTensor):
            return self.function(value)
        scale = scale_of(x)
        if self.training:
            self.table.copy_(self._entries(scale))
        exact = _Exact.apply(value.detach(), self.table, scale, self.base)
        if torch.is_grad_enabled():
            exact = straight_through(self.function(value), exact)
        return quantized(exact, scale, self.bits, True, self.training)
