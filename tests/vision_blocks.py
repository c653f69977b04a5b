"""A small vision transformer as a user of Brevitas writes it, with the stock float-scale quantizers, and its export.

Patches by a strided convolution, a class token, learned positions, pre-norm blocks of QuantMultiheadAttention and GELU,
the class token's channels into the head.
"""

from __future__ import annotations

from pathlib import Path

import brevitas.nn as qnn
import torch
from brevitas.export import export_onnx_qcdq, export_qonnx
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8WeightPerChannelFloat,
    Int32Bias,
    Uint8ActPerTensorFloat,
)
from torch import Tensor, nn

SHAPE = (1, 8, 8)
"""Of an image: channels, height, width."""
OPSETS = {"qonnx": 20, "qcdq": 18}
_ACT, _WEIGHT = Int8ActPerTensorFloat, Int8WeightPerChannelFloat


class Block(nn.Module):
    """Pre-norm attention and feed-forward of one transformer block."""

    def __init__(self, channels: int, heads: int, packed: bool, bias: type | None) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.quant1 = qnn.QuantIdentity(_ACT, return_quant_tensor=True)
        self.quant2, self.quant3, self.quant4, self.quant5 = (qnn.QuantIdentity(_ACT) for _ in range(4))
        self.attention = qnn.QuantMultiheadAttention(
            channels, heads, packed_in_proj=packed, batch_first=True, in_proj_weight_quant=_WEIGHT,
            in_proj_bias_quant=bias, in_proj_input_quant=None, softmax_input_quant=None,
            attn_output_weights_quant=Uint8ActPerTensorFloat, q_scaled_quant=_ACT, k_transposed_quant=_ACT,
            v_quant=_ACT, out_proj_input_quant=_ACT, out_proj_weight_quant=_WEIGHT, out_proj_bias_quant=None,
        )  # fmt: skip
        self.up = qnn.QuantLinear(channels, 2 * channels, bias=True, weight_quant=_WEIGHT)
        self.down = qnn.QuantLinear(2 * channels, channels, bias=True, weight_quant=_WEIGHT)
        self.activation = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.quant1(self.norm1(x))
        x = self.quant2(x + self.attention(y, y, y)[0])
        y = self.quant4(self.activation(self.up(self.quant3(self.norm2(x)))))
        return self.quant5(x + self.down(y))


class VisionTransformer(nn.Module):
    """Images (samples, *SHAPE) → ten numbers each."""

    def __init__(self, packed: bool, bias: type | None = Int32Bias, channels: int = 16, heads: int = 2) -> None:
        super().__init__()
        self.input, self.entry, self.last = (qnn.QuantIdentity(_ACT) for _ in range(3))
        self.patches = qnn.QuantConv2d(SHAPE[0], channels, 2, 2, bias=True, weight_quant=_WEIGHT)
        self.token = nn.Parameter(torch.randn(1, 1, channels) / 2)
        self.position = nn.Parameter(torch.randn(1, 17, channels) / 4)
        self.block, self.norm = Block(channels, heads, packed, bias), nn.LayerNorm(channels)
        self.head = qnn.QuantLinear(channels, 10, bias=True, weight_quant=_WEIGHT)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(self.input(x)).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(tokens), -1, -1), tokens], 1) + self.position
        return self.head(self.last(self.norm(self.block(self.entry(tokens))[:, 0])))


def export(folder: Path, form: str = "qonnx", packed: bool = False, dynamo: bool = False) -> Path:
    """The file of a calibrated, untrained model; `form` is one of OPSETS, `dynamo` names torch's exporter.

    QCDQ through dynamo has no quantized biases.
    """
    torch.manual_seed(0)
    model, path = VisionTransformer(packed, None if dynamo else Int32Bias), folder / "vision.onnx"
    model.train()
    for _ in range(5):
        model(torch.randn(64, *SHAPE))
    write = export_qonnx if form == "qonnx" else export_onnx_qcdq
    write(model.eval(), args=torch.randn(1, *SHAPE), export_path=str(path), opset_version=OPSETS[form], dynamo=dynamo)
    return path
