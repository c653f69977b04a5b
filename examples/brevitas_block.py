"""A transformer block in stock Brevitas layers, with every quantizer that the import needs: copy it and train it.

python examples/brevitas_block.py block.onnx     # calibrates on random data, exports
accel check block.onnx --samples 8
"""

import sys

import brevitas.nn as qnn
import torch
from brevitas.export import export_qonnx
from brevitas.graph.calibrate import calibration_mode
from torch import nn

import accel.brevitas as quantizers


class Block(nn.Module):
    """(batch, tokens, channels) → the same. The sum of a residual path has a quantizer behind it."""

    def __init__(self, channels: int = 32, heads: int = 4, hidden: int = 64, weight_bits: int = 8) -> None:
        super().__init__()
        quantizer = lambda signed=True: qnn.QuantIdentity(**quantizers.activation(signed=signed))  # noqa: E731
        weights = quantizers.linear(weight_bits)
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.normed1, self.stream1 = qnn.QuantIdentity(return_quant_tensor=True, **quantizers.activation()), quantizer()
        self.normed2, self.stream2 = quantizer(), quantizer()
        self.attention = qnn.QuantMultiheadAttention(channels, heads, **quantizers.attention(weight_bits=weight_bits))
        self.up = qnn.QuantLinear(channels, hidden, bias=True, **weights)
        self.hidden = qnn.QuantReLU(**quantizers.activation(signed=False))
        self.down = qnn.QuantLinear(hidden, channels, bias=True, **weights)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.normed1(self.norm1(x))
        x = self.stream1(x + self.attention(y, y, y)[0])
        y = self.hidden(self.up(self.normed2(self.norm2(x))))
        return self.stream2(x + self.down(y))


class Network(nn.Module):
    """(batch, tokens, features) → (batch, tokens, classes); a quantizer stands at the input."""

    def __init__(self, features: int = 8, channels: int = 32, classes: int = 10) -> None:
        super().__init__()
        self.input, self.stream = (qnn.QuantIdentity(**quantizers.activation()) for _ in range(2))
        self.embed = qnn.QuantLinear(features, channels, bias=True, **quantizers.linear())
        self.block = Block(channels)
        self.head = qnn.QuantLinear(channels, classes, bias=True, **quantizers.linear())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.block(self.stream(self.embed(self.input(x)))))


def export(path: str, tokens: int = 8, features: int = 8) -> None:
    """Calibrate on random samples, where a real network is trained, and write the QONNX file."""
    torch.manual_seed(0)
    network, x = Network(features), torch.randn(64, tokens, features)
    with torch.no_grad(), calibration_mode(network):
        network(x)
    export_qonnx(network.eval(), x[:1], path, dynamo=False, opset_version=20)


if __name__ == "__main__":
    export(sys.argv[1])
