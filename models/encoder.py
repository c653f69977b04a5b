"""A transformer whose every operator is integer-exact: what its evaluation computes is what hardware runs."""

from __future__ import annotations

import brevitas.nn as qnn
import torch
from brevitas.quant_tensor import IntQuantTensor
from torch import nn

from accel.qat import Activation, quantized, scale_of, value_of
from models.config import EncoderConfig
from models.layers import STREAM_BITS, Block, dense, input_quant, norm, quant, weight_quantizer


class Encoder(nn.Module):
    """Transformer: embedding, positions, blocks, norm, mean over tokens, classifier. Returns logits (samples, classes).

    With a vocabulary it is a language model: no mean, logits of every token, (samples, tokens, classes).
    """

    END = ("norm", "head")

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.input_quant = input_quant(config)
        self.embed = _embedding(config)
        self.position = nn.Parameter(torch.randn(config.tokens, config.channels) * 0.02)
        self.position_quant, self.residual = quant(config, STREAM_BITS), quant(config, STREAM_BITS)
        self.embedded_norm = norm(config, affine=False) if config.embedded_norm else nn.Identity()
        self.blocks = nn.ModuleList(self._blocks(config))
        self.norm = norm(config) if config.final_norm else nn.Identity()
        self.head = dense(config, config.channels, config.classes, config.edge_bits)

    @staticmethod
    def _blocks(config: EncoderConfig) -> list[Block]:
        if config.shared:
            return [Block(config, "blocks.0")] * config.layers
        return [Block(config, f"blocks.{i}") for i in range(config.layers)]

    @property
    def layers(self) -> list[Block]:
        """The blocks, typed."""
        return [block for block in self.blocks if isinstance(block, Block)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.begin(x)
        for block in self.blocks:
            y = block(y)
        return self.end(y)

    def begin(self, x: torch.Tensor) -> Activation:
        """Everything before the blocks: inputs → residual stream."""
        embedded = self.embed(self.input_quant(x))
        return self.embedded_norm(self.residual(value_of(embedded) + value_of(self.position_quant(self.position))))

    def end(self, y: Activation) -> torch.Tensor:
        """Everything after the blocks (the modules in `END`): residual stream → logits."""
        y = self.norm(y)
        return self.head(y if self.config.vocabulary else self._mean(y))

    def _mean(self, x: Activation) -> Activation:
        """Over tokens, up to a power of two: the sum, exact, with a smaller scale."""
        shift = self.config.token_shift
        mean = value_of(x).sum(1) * 2.0**-shift
        if not isinstance(x, IntQuantTensor):
            return mean
        return quantized(mean, scale_of(x) * 2.0**-shift, int(x.bit_width) + shift, True, self.training)


def blank(
    config: EncoderConfig, count: int, dtype: torch.dtype | None = None, device: torch.device | None = None
) -> torch.Tensor:
    """`count` samples of zeros, of `dtype` where they are real."""
    if config.vocabulary:
        return torch.zeros(count, config.tokens, dtype=torch.int64, device=device)
    return torch.zeros(count, config.tokens, config.features, dtype=dtype, device=device)


def _embedding(config: EncoderConfig) -> nn.Module:
    """Features, or identifiers by a table, → channels."""
    if not config.vocabulary:
        return dense(config, config.features, config.channels, config.edge_bits, config.per_channel)
    if not config.quantized:
        return nn.Embedding(config.vocabulary, config.channels)
    weights = weight_quantizer(config, config.edge_bits, per_channel=False)
    return qnn.QuantEmbedding(config.vocabulary, config.channels, weight_quant=weights)
