"""A transformer encoder whose every operator is integer-exact: what its evaluation computes is what hardware runs.

The same class is the float network for pre-training (`quantized=False`) and the Brevitas network for quantization-aware
training. Exactness comes from power-of-two scales everywhere, integer biases, residual sums requantised once, and the
project's own softmax, norm and lookup. Every power of two that stands for a real factor (1/sqrt of the channels per
head, the mean over tokens) is in the float network too, so that training absorbs it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields, replace

import brevitas.nn as qnn
import torch
from brevitas.quant.fixed_point import (
    Int8ActPerTensorFixedPoint,
    Int8WeightPerChannelFixedPoint,
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
from accel.qat import Activation, quantized, scale_of, value_of

STREAM_BITS = 8
"""Of the residual stream, the attention scores and the positions."""
INPUT_BITS = 8

_LIMITS = {
    **dict.fromkeys(("tokens", "features", "classes", "channels", "heads", "layers", "hidden"), (1, 4096)),
    **dict.fromkeys(("weight_bits", "edge_bits"), (2, 8)),
    "act_bits": (3, 8),  # a norm's output has three bits before the binary point
    "input_fraction": (0, 16),
}
_CHOICES = {"norm": ("layer", "rms", "none"), "activation": ("relu", "gelu")}


@dataclass(frozen=True)
class EncoderConfig:
    """Shape and bit widths of an encoder. Inputs are real, (samples, tokens, features).

    Raises UserError, naming the field, when a value has the wrong type or is out of range.
    """

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
    per_channel: bool = False  # weight scales, except the head's: its logits share one scale
    input_fraction: int = 3  # the input's scale is 2^-input_fraction, not calibrated
    quantized: bool = True

    def __post_init__(self) -> None:
        for spec in fields(self):
            self._check(spec.name, getattr(self, spec.name), type(spec.default))
        if self.channels % self.heads:
            raise UserError(f"channels ({self.channels}) must be a multiple of heads ({self.heads})")

    @staticmethod
    def _check(name: str, value: object, kind: type) -> None:
        if type(value) is not kind:
            raise UserError(f"EncoderConfig.{name} is of type {kind.__name__}; got {value!r}")
        if name in _LIMITS and not _LIMITS[name][0] <= value <= _LIMITS[name][1]:  # type: ignore[operator]
            raise UserError(f"EncoderConfig.{name} is {_LIMITS[name][0]}..{_LIMITS[name][1]}; got {value}")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise UserError(f"EncoderConfig.{name} is one of {', '.join(_CHOICES[name])}; got {value!r}")

    @property
    def score_scale(self) -> float:
        """1/sqrt(channels per head), rounded up to a power of two: it costs nothing in hardware."""
        return 2.0 ** -((self.channels // self.heads - 1).bit_length() // 2)

    @property
    def pool_shift(self) -> int:
        """The mean over tokens is their sum / 2^pool_shift: 1/tokens, rounded down to a power of two."""
        return (self.tokens - 1).bit_length()


def _dense(config: EncoderConfig, inputs: int, outputs: int, bits: int, per_channel: bool = False) -> nn.Module:
    if not config.quantized:
        return nn.Linear(inputs, outputs)
    weights = Int8WeightPerChannelFixedPoint if per_channel else Int8WeightPerTensorFixedPoint
    return qnn.QuantLinear(inputs, outputs, weight_quant=weights, weight_bit_width=bits, bias_quant=Int32Bias)


def _quant(config: EncoderConfig, bits: int, signed: bool = True) -> nn.Module:
    if not config.quantized:
        return nn.Identity()
    quantizer = Int8ActPerTensorFixedPoint if signed else Uint8ActPerTensorFixedPoint
    return qnn.QuantIdentity(act_quant=quantizer, bit_width=bits, return_quant_tensor=True)


def _input_quant(config: EncoderConfig) -> nn.Module:
    if not config.quantized:
        return nn.Identity()
    threshold = 2.0 ** (INPUT_BITS - 1 - config.input_fraction)
    quantizer = Int8ActPerTensorFixedPoint.let(scaling_impl_type="const", scaling_init=threshold)
    return qnn.QuantIdentity(act_quant=quantizer, bit_width=INPUT_BITS, return_quant_tensor=True)


def _norm(config: EncoderConfig) -> nn.Module:
    if config.norm == "none":
        return nn.Identity()
    kind = IntNorm if config.quantized else AffineNorm
    return kind(config.channels, config.norm, STREAM_BITS, config.act_bits, config.act_bits - 3)


class AffineNorm(IntNorm):
    """The float network's norm: with a gamma and a beta, which `fold_norms` moves into the next Dense."""

    def __init__(self, channels: int, form: str, in_bits: int, out_bits: int, out_fraction: int) -> None:
        super().__init__(channels, form, in_bits, out_bits, out_fraction)
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.smooth(x) * self.weight + self.bias


class Attention(nn.Module):
    """Multi-head self-attention; every product is requantised once."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        d, bits = config.channels, config.act_bits
        dense = (_dense(config, d, d, config.weight_bits, config.per_channel) for _ in range(4))
        self.query, self.key, self.value, self.out = dense
        quants = (_quant(config, bits) for _ in range(4))
        self.query_quant, self.key_quant, self.value_quant, self.context_quant = quants
        self.score_quant = _quant(config, STREAM_BITS)
        self.softmax = IntSoftmax(in_bits=STREAM_BITS, out_bits=bits, causal=config.causal)

    def forward(self, x: Activation) -> torch.Tensor:
        query = self._heads(self.query_quant(self.query(x)))
        key = self._heads(self.key_quant(self.key(x)))
        value = self._heads(self.value_quant(self.value(x)))
        scores = self.score_quant(query @ key.transpose(-1, -2) * self.config.score_scale)
        context = value_of(self.softmax(scores)) @ value
        flat = context.transpose(1, 2).reshape(-1, self.config.tokens, self.config.channels)
        return self.out(self.context_quant(flat))

    def _heads(self, x: Activation) -> torch.Tensor:
        """(samples, tokens, channels) → (samples, heads, tokens, channels per head)."""
        config = self.config
        return value_of(x).reshape(-1, config.tokens, config.heads, config.channels // config.heads).transpose(1, 2)


class FeedForward(nn.Module):
    """Dense, activation, Dense. A ReLU is the lower bound of an unsigned quantizer, a GELU is a table."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.up = _dense(config, config.channels, config.hidden, config.weight_bits, config.per_channel)
        self.quant = _quant(config, config.act_bits, signed=config.activation == "gelu")
        self.gelu = IntLookup(functional.gelu, config.act_bits) if config.activation == "gelu" else None
        self.down = _dense(config, config.hidden, config.channels, config.weight_bits, config.per_channel)

    def forward(self, x: Activation) -> torch.Tensor:
        hidden = self.up(x)
        return self.down(self.gelu(self.quant(hidden)) if self.gelu else self.quant(functional.relu(hidden)))


class Block(nn.Module):
    """Pre-norm attention and feed-forward, each added to the residual stream."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.norm1, self.attention = _norm(config), Attention(config)
        self.norm2, self.feed_forward = _norm(config), FeedForward(config)
        self.residual1, self.residual2 = _quant(config, STREAM_BITS), _quant(config, STREAM_BITS)

    def forward(self, x: Activation) -> Activation:
        x = self.residual1(value_of(x) + self.attention(self.norm1(x)))
        return self.residual2(value_of(x) + self.feed_forward(self.norm2(x)))


class Encoder(nn.Module):
    """Embedding, positions, blocks, norm, mean over tokens, classifier. Returns real logits (samples, classes)."""

    END = ("norm", "head")

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.input_quant = _input_quant(config)
        self.embed = _dense(config, config.features, config.channels, config.edge_bits, config.per_channel)
        self.position = nn.Parameter(torch.randn(config.tokens, config.channels) * 0.02)
        self.position_quant, self.residual = _quant(config, STREAM_BITS), _quant(config, STREAM_BITS)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
        self.norm = _norm(config)
        self.head = _dense(config, config.channels, config.classes, config.edge_bits)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.begin(x)
        for block in self.blocks:
            y = block(y)
        return self.end(y)

    def begin(self, x: torch.Tensor) -> Activation:
        """What precedes the blocks: inputs → residual stream."""
        embedded = self.embed(self.input_quant(x))
        return self.residual(embedded + value_of(self.position_quant(self.position)))

    def end(self, y: Activation) -> torch.Tensor:
        """What follows the blocks (the modules in `END`): residual stream → logits."""
        return self.head(self._mean(self.norm(y)))

    def _mean(self, x: Activation) -> Activation:
        """Over tokens, up to a power of two: the sum, exact, with a smaller scale."""
        shift = self.config.pool_shift
        mean = value_of(x).sum(1) * 2.0**-shift
        if not isinstance(x, IntQuantTensor):
            return mean
        return quantized(mean, scale_of(x) * 2.0**-shift, int(x.bit_width) + shift, True, self.training)


def quantize(network: Encoder, samples: torch.Tensor) -> Encoder:
    """The quantised twin of a float network in eval mode, its scales calibrated on real `samples`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about an optional package for GPUs
        from brevitas.graph.calibrate import calibration_mode

    twin = Encoder(replace(network.config, quantized=True))
    loaded = twin.load_state_dict(fold_norms(network), strict=False)  # the float network has no scales
    misplaced = [*loaded.unexpected_keys, *(name for name in loaded.missing_keys if not name.endswith(".value"))]
    if misplaced:
        raise AssertionError(f"the float and the quantised network differ in {misplaced}")
    twin.eval()
    with torch.no_grad(), calibration_mode(twin):
        for batch in samples.split(64):
            twin(batch)
    return settle(twin, samples)


def settle(model: Encoder, samples: torch.Tensor) -> Encoder:
    """Make every table for the scales as they are now, then eval mode: after calibration and after the last step."""
    with torch.no_grad():
        model.train()(samples[:1])
    return model.eval()


def fold_norms(network: Encoder) -> dict[str, torch.Tensor]:
    """The weights of a float network with every norm's gamma and beta moved into the Dense layers that read it."""
    state = {name: value.clone() for name, value in network.state_dict().items()}
    if network.config.norm == "none":
        return state
    readers = {"norm": ["head"]}
    for i in range(network.config.layers):
        block = f"blocks.{i}"
        readers[f"{block}.norm1"] = [f"{block}.attention.{name}" for name in ("query", "key", "value")]
        readers[f"{block}.norm2"] = [f"{block}.feed_forward.up"]
    for norm, denses in readers.items():
        gamma, beta = state.pop(f"{norm}.weight"), state.pop(f"{norm}.bias")
        for dense in denses:
            state[f"{dense}.bias"] = state[f"{dense}.bias"] + state[f"{dense}.weight"] @ beta
            state[f"{dense}.weight"] = state[f"{dense}.weight"] * gamma
    return state
