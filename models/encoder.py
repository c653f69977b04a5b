"""A transformer encoder whose every operator is integer-exact: what its evaluation computes is what hardware runs.

The same class is the float network for pre-training (`quantized=False`) and the Brevitas network for quantization-aware
training. Exactness comes from power-of-two scales everywhere, integer biases, residual sums requantised once, and the
project's own softmax, norm and lookup.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.quant.fixed_point import (
    Int8ActPerTensorFixedPoint,
    Int8WeightPerTensorFixedPoint,
    Uint8ActPerTensorFixedPoint,
)
from brevitas.quant.scaled_int import Int32Bias
from brevitas.quant_tensor import IntQuantTensor
from torch import nn
from torch.nn import functional

from accel.errors import UserError
from accel.ops.lookup.qat import IntLookup
from accel.ops.norm.qat import IntNorm
from accel.ops.softmax.qat import IntSoftmax
from accel.qat import quantized, scale_of, value_of


@dataclass(frozen=True)
class EncoderConfig:
    """Shape and bit widths of an encoder. Inputs are (samples, tokens, features)."""

    tokens: int = 8
    features: int = 8
    classes: int = 10
    channels: int = 32
    heads: int = 4
    layers: int = 2
    hidden: int = 64
    norm: str = "layer"
    activation: str = "relu"
    causal: bool = False
    weight_bits: int = 4
    act_bits: int = 8
    edge_bits: int = 8  # weights of the first and the last Dense
    input_fraction: int = 3  # the input's scale is 2^-input_fraction, not calibrated
    quantized: bool = True

    def __post_init__(self) -> None:
        for name in ("tokens", "features", "classes", "channels", "heads", "layers", "hidden"):
            if getattr(self, name) < 1:
                raise UserError(f"EncoderConfig.{name} is at least 1; got {getattr(self, name)}")
        if self.channels % self.heads:
            raise UserError(f"channels ({self.channels}) must be a multiple of heads ({self.heads})")
        if self.tokens & (self.tokens - 1):
            raise UserError(f"tokens must be a power of two, so that the mean over them is exact; got {self.tokens}")
        for name in ("weight_bits", "act_bits", "edge_bits"):
            if not 2 <= getattr(self, name) <= 8:
                raise UserError(f"EncoderConfig.{name} is 2..8; got {getattr(self, name)}")
        for name, allowed in (("norm", ("layer", "rms")), ("activation", ("relu", "gelu"))):
            if getattr(self, name) not in allowed:
                raise UserError(f"EncoderConfig.{name} is one of {', '.join(allowed)}; got {getattr(self, name)!r}")

    @property
    def score_scale(self) -> float:
        """1/sqrt(channels per head), rounded up to a power of two: it costs nothing in hardware."""
        return 2.0 ** -(((self.channels // self.heads) - 1).bit_length() // 2)


def _linear(config: EncoderConfig, inputs: int, outputs: int, bits: int) -> nn.Module:
    if not config.quantized:
        return nn.Linear(inputs, outputs)
    return qnn.QuantLinear(
        inputs, outputs, bias=True, weight_quant=Int8WeightPerTensorFixedPoint, weight_bit_width=bits, bias_quant=Int32Bias
    )  # fmt: skip


def _quant(config: EncoderConfig, bits: int, signed: bool = True) -> nn.Module:
    if not config.quantized:
        return nn.Identity()
    quantizer = Int8ActPerTensorFixedPoint if signed else Uint8ActPerTensorFixedPoint
    return qnn.QuantIdentity(act_quant=quantizer, bit_width=bits, return_quant_tensor=True)


class Norm(nn.Module):
    """The norm of `IntNorm`; in the float network with an affine part that `fold_norms` moves into the next Dense."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        bits = config.act_bits
        self.exact = IntNorm(config.channels, config.norm, 8, bits, out_fraction=bits - 3)
        if not config.quantized:
            self.weight = nn.Parameter(torch.ones(config.channels))
            self.bias = nn.Parameter(torch.zeros(config.channels))

    def forward(self, x: torch.Tensor | IntQuantTensor) -> torch.Tensor | IntQuantTensor:
        y = self.exact(x)
        return y * self.weight + self.bias if hasattr(self, "weight") else y


class Attention(nn.Module):
    """Multi-head self-attention; every product is requantised once."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        d, bits = config.channels, config.act_bits
        self.query, self.key, self.value, self.out = (_linear(config, d, d, config.weight_bits) for _ in range(4))
        self.query_quant, self.key_quant, self.value_quant, self.context_quant = (_quant(config, bits) for _ in range(4))
        self.score_quant = _quant(config, 8)
        self.softmax = IntSoftmax(in_bits=8, out_bits=bits, causal=config.causal)

    def forward(self, x: torch.Tensor | IntQuantTensor) -> torch.Tensor:
        query = self._heads(self.query_quant(self.query(x)))
        key = self._heads(self.key_quant(self.key(x)))
        value = self._heads(self.value_quant(self.value(x)))
        scores = self.score_quant(query @ key.transpose(-1, -2) * self.config.score_scale)
        context = value_of(self.softmax(scores)) @ value
        flat = context.transpose(1, 2).reshape(-1, self.config.tokens, self.config.channels)
        return value_of(self.out(self.context_quant(flat)))

    def _heads(self, x: torch.Tensor | IntQuantTensor) -> torch.Tensor:
        """(samples, tokens, channels) → (samples, heads, tokens, channels per head)."""
        config = self.config
        return value_of(x).reshape(-1, config.tokens, config.heads, config.channels // config.heads).transpose(1, 2)


class FeedForward(nn.Module):
    """Dense, activation, Dense."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.up = _linear(config, config.channels, config.hidden, config.weight_bits)
        self.down = _linear(config, config.hidden, config.channels, config.weight_bits)
        self.quant = _quant(config, config.act_bits, signed=config.activation != "relu")
        self.gelu = IntLookup(functional.gelu, config.act_bits) if config.activation == "gelu" else None

    def forward(self, x: torch.Tensor | IntQuantTensor) -> torch.Tensor:
        hidden = value_of(self.up(x))
        y = self.gelu(self.quant(hidden)) if self.gelu is not None else self.quant(functional.relu(hidden))
        return value_of(self.down(y))


class Block(nn.Module):
    """Pre-norm attention and feed-forward, each added to an 8-bit residual stream."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.norm1, self.norm2 = Norm(config), Norm(config)
        self.attention, self.feed_forward = Attention(config), FeedForward(config)
        self.residual1, self.residual2 = _quant(config, 8), _quant(config, 8)

    def forward(self, x: torch.Tensor | IntQuantTensor) -> torch.Tensor | IntQuantTensor:
        x = self.residual1(value_of(x) + self.attention(self.norm1(x)))
        return self.residual2(value_of(x) + self.feed_forward(self.norm2(x)))


class Encoder(nn.Module):
    """Embedding, positions, blocks, norm, mean over tokens, classifier. Returns logits (samples, classes)."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.input_quant = _input_quant(config)
        self.embed = _linear(config, config.features, config.channels, config.edge_bits)
        self.position = nn.Parameter(torch.randn(config.tokens, config.channels) * 0.02)
        self.position_quant, self.residual = _quant(config, 8), _quant(config, 8)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
        self.norm = Norm(config)
        self.head = _linear(config, config.channels, config.classes, config.edge_bits)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        embedded = value_of(self.embed(self.input_quant(x)))
        y = self.residual(embedded + value_of(self.position_quant(self.position)))
        for block in self.blocks:
            y = block(y)
        return value_of(self.head(self._mean(self.norm(y))))

    def _mean(self, x: torch.Tensor | IntQuantTensor) -> torch.Tensor | IntQuantTensor:
        """Sum over tokens with the scale divided by their number, a power of two: exact."""
        tokens = self.config.tokens
        mean = value_of(x).sum(1) * (1.0 / tokens)
        if not isinstance(x, IntQuantTensor):
            return mean
        bits = int(x.bit_width) + tokens.bit_length() - 1
        return quantized(mean, scale_of(x) / tokens, bits, True, self.training)


def _input_quant(config: EncoderConfig) -> nn.Module:
    if not config.quantized:
        return nn.Identity()

    class FixedInput(Int8ActPerTensorFixedPoint):
        """A constant scale: 8 signed bits whose threshold is 128 steps of 2^-input_fraction."""

        scaling_impl_type = "const"
        scaling_init = 128.0 * 2.0**-config.input_fraction

    return qnn.QuantIdentity(act_quant=FixedInput, return_quant_tensor=True)


def fold_norms(state: dict[str, torch.Tensor], layers: int) -> dict[str, torch.Tensor]:
    """Float weights with every norm's gamma and beta moved into the Dense layers that read it."""
    state = {name: value.clone() for name, value in state.items()}
    readers = {"norm": ["head"]}
    for i in range(layers):
        block = f"blocks.{i}"
        readers[f"{block}.norm1"] = [f"{block}.attention.{name}" for name in ("query", "key", "value")]
        readers[f"{block}.norm2"] = [f"{block}.feed_forward.up"]
    for norm, denses in readers.items():
        gamma, beta = state.pop(f"{norm}.weight"), state.pop(f"{norm}.bias")
        for dense in denses:
            state[f"{dense}.bias"] = state[f"{dense}.bias"] + state[f"{dense}.weight"] @ beta
            state[f"{dense}.weight"] = state[f"{dense}.weight"] * gamma
    return state


def quantize(network: Encoder, samples: torch.Tensor) -> Encoder:
    """The quantised twin of a float network, its activation scales calibrated on `samples`."""
    import brevitas.config
    from brevitas.graph.calibrate import calibration_mode

    config = replace(network.config, quantized=True)
    twin = Encoder(config)
    brevitas.config.IGNORE_MISSING_KEYS = True  # a float checkpoint has no scales
    loaded: Any = twin.load_state_dict(fold_norms(network.state_dict(), config.layers), strict=False)
    if loaded.unexpected_keys:
        raise AssertionError(f"weights without a place in the quantised network: {loaded.unexpected_keys}")
    twin.eval()
    with torch.no_grad(), calibration_mode(twin):
        for batch in samples.split(64):
            twin(batch)
    return twin
