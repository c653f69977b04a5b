"""Encoder blocks as Brevitas' stock float-scale quantizers make them: float softmax, norms and activations between."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from brevitas.export import export_qonnx
from brevitas.nn import QuantIdentity, QuantLinear
from brevitas.quant import Int8ActPerTensorFloat, Int8WeightPerChannelFloat, Uint8ActPerTensorFloat
from torch import nn


class FloatBlock(nn.Module):
    """Pre-norm attention and feed-forward, written by hand. `act` and `weight` are Brevitas quantizers."""

    def __init__(
        self,
        channels: int = 16,
        heads: int = 2,
        activation: nn.Module | None = None,
        act: Any = Int8ActPerTensorFloat,
        weight: Any = Int8WeightPerChannelFloat,
        bits: int = 8,
        causal: bool = False,
    ) -> None:
        super().__init__()

        def linear(inputs: int, outputs: int) -> QuantLinear:
            return QuantLinear(inputs, outputs, bias=True, weight_quant=weight, weight_bit_width=bits)

        self.heads, self.causal = heads, causal
        self.input = QuantIdentity(act_quant=Int8ActPerTensorFloat)
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.query, self.key, self.value, self.out = (linear(channels, channels) for _ in range(4))
        self.up, self.down = linear(channels, 2 * channels), linear(2 * channels, channels)
        self.quants = nn.ModuleList(QuantIdentity(act_quant=act) for _ in range(9))
        self.probabilities = QuantIdentity(act_quant=Uint8ActPerTensorFloat)
        self.activation = activation or nn.GELU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        norm1, query, key, value, context, sum1, norm2, hidden, sum2 = self.quants
        x = self.input(x)
        n = norm1(self.norm1(x))
        q, k, v = (self.split(t) for t in (query(self.query(n)), key(self.key(n)), value(self.value(n))))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if self.causal:
            scores = scores + torch.full(scores.shape[-2:], -torch.inf).triu(1)
        c = self.probabilities(torch.softmax(scores, -1)) @ v
        x = sum1(x + self.out(context(c.transpose(1, 2).reshape(x.shape))))
        return sum2(x + self.down(hidden(self.activation(self.up(norm2(self.norm2(x)))))))

    def split(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, tokens, channels) → (batch, heads, tokens, channels of a head)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def export(folder: Path, tokens: int = 6, opset: int = 20, **options: Any) -> Path:
    """A calibrated block with random norms as a QONNX file."""
    torch.manual_seed(0)
    block = FloatBlock(**options)
    channels = block.norm1.normalized_shape[0]
    with torch.no_grad():
        for norm in (block.norm1, block.norm2):
            norm.weight.normal_()
            norm.bias.normal_(0, 0.3)
        for _ in range(5):
            block.train()(torch.randn(8, tokens, channels))
    path = folder / "block.onnx"
    export_qonnx(block.eval(), torch.randn(1, tokens, channels), str(path), dynamo=False, opset_version=opset)
    return path
