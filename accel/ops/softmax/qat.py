"""Softmax for training: the integers of `op.py` forward, the gradient of the real softmax backward."""

from __future__ import annotations

from typing import Any

import torch
from brevitas.quant_tensor import IntQuantTensor
from torch import nn

from accel.ops.softmax.op import Softmax, exp_table
from accel.qat import quantized, scale_of, straight_through, value_of


class _Exact(torch.autograd.Function):
    """Real scores → real probabilities through the integer definition; one node in an exported file."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, rom: torch.Tensor, in_scale: float, out_bits: int, causal: int) -> torch.Tensor:
        if torch.jit.is_tracing():
            return x.clone()  # the exporter wants a node, not a value
        op = Softmax(x.shape[-1], out_bits, _used(rom), causal)
        integers = torch.round(x.detach().double() / in_scale).long()
        rows = integers.movedim(-2, 1).flatten(2)  # heads beside the keys: (samples, tokens, heads · keys)
        exact = op.evaluate(rows).unflatten(2, (-1, x.shape[-1])).movedim(1, -2)
        return (exact.double() * 2.0**-out_bits).to(x.dtype).reshape(x.shape)

    @staticmethod
    def symbolic(g: Any, x: Any, rom: Any, in_scale: float, out_bits: int, causal: int) -> Any:
        node = g.op("accel.qonnx_ops::IntSoftmax", x, rom, in_scale_f=in_scale, out_bits_i=out_bits, causal_i=causal)
        return node.setType(x.type())


def _used(rom: torch.Tensor) -> Any:
    """The table without the zeros behind the first one."""
    values = rom.detach().cpu().long().numpy()
    return values[: int((values > 0).sum()) + 1]


class IntSoftmax(nn.Module):
    """Softmax over the last axis of (samples, heads, queries, keys), quantised scores in, `out_bits` unsigned bits out.

    The table of exponentials is a buffer: it follows the input scale while training and is frozen in eval mode.
    Tensors without a scale (float training, calibration) get the real softmax.
    """

    def __init__(self, in_bits: int = 8, out_bits: int = 8, causal: bool = False) -> None:
        super().__init__()
        self.in_bits, self.out_bits, self.causal = in_bits, out_bits, causal
        self.register_buffer("rom", self._table(1.0))

    def _table(self, scale: float) -> torch.Tensor:
        table = torch.zeros(1 << self.in_bits, dtype=torch.float64)
        values = torch.from_numpy(exp_table(scale, self.out_bits, 1 << self.in_bits))
        table[: len(values)] = values
        return table

    def forward(self, x: torch.Tensor | IntQuantTensor) -> torch.Tensor | IntQuantTensor:
        value = value_of(x)
        if not isinstance(x, IntQuantTensor):
            return self._smooth(value)
        if self.training:
            self.rom.copy_(self._table(scale_of(x)))
        exact = _Exact.apply(value.detach(), self.rom, scale_of(x), self.out_bits, int(self.causal))
        if torch.is_grad_enabled():
            exact = straight_through(self._smooth(value), exact)
        return quantized(exact, 2.0**-self.out_bits, self.out_bits, False, self.training)

    def _smooth(self, x: torch.Tensor) -> torch.Tensor:
        if self.causal:
            queries, keys = x.shape[-2:]
            hidden = torch.ones(queries, keys, dtype=torch.bool, device=x.device).triu(1 + keys - queries)
            x = x.masked_fill(hidden, -torch.inf)
        return torch.softmax(x, -1)
