"""The parts of a transformer: quantizers, Dense, norm, attention, feed-forward.

Each is the float layer for pre-training (`quantized=False`) and the Brevitas layer for quantization-aware training in
one. Exactness comes from power-of-two scales everywhere, integer biases, residual sums requantized once, and the
project's own softmax, norm and lookup. Every power of two that stands for a real factor is in the float network too,
so that training absorbs it.
"""

from __future__ import annotations

from collections.abc import Callable

import brevitas.nn as qnn
import torch
from brevitas.core.function_wrapper import TensorClampSte
from brevitas.inject import ExtendedInjector
from brevitas.quant.binary import SignedBinaryWeightPerTensorConst
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

from accel.ops.exponential.qat import DeferredSoftmax
from accel.ops.lookup.qat import IntLookup
from accel.ops.norm.qat import IntNorm
from accel.ops.softmax.qat import IntSoftmax
from accel.qat import Activation, quantized, scale_of, value_of
from models.accumulators import BoundedLinear
from models.config import EncoderConfig

STREAM_BITS = 8
"""Of the residual stream, the attention scores and the positions."""
INPUT_BITS = 8
DIVISOR_BITS = 9
"""Of a sum of undivided exponentials, of which a reciprocal is taken: its leading ones make a table of 256 words."""


def relu2(x: torch.Tensor) -> torch.Tensor:
    """max(0, x)²."""
    return functional.relu(x).square()


TABLES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu": functional.gelu,
    "silu": functional.silu,
    "relu2": relu2,
    "hardswish": functional.hardswish,
}
"""Activations that are tables; a ReLU is the lower bound of an unsigned quantizer."""


def weight_quantizer(config: EncoderConfig, bits: int, per_channel: bool) -> type:
    """A Brevitas quantizer with power-of-two scales: of the largest weight, or learned."""
    if bits == 1:
        return SignedBinaryWeightPerTensorConst.let(
            scaling_const=_binary_scale(config), tensor_clamp_impl=TensorClampSte
        )
    quantizer = Int8WeightPerChannelFixedPoint if per_channel else Int8WeightPerTensorFixedPoint
    changes: dict[str, object] = {"bit_width": bits, "narrow_range": config.narrow}
    if config.learned_scales:
        changes["scaling_impl_type"] = "parameter_from_stats"
    return quantizer.let(**changes)


def bounded_quantizer(quantizer: type[ExtendedInjector]) -> type[ExtendedInjector]:
    """The same for a BoundedLinear: learned scales, rounded toward zero."""
    return quantizer.let(scaling_impl_type="parameter_from_stats", float_to_int_impl_type="round_to_zero")


def _binary_scale(config: EncoderConfig) -> float:
    """A power of two near the mean |weight| of a trained layer, 1/(2·sqrt(inputs))."""
    return 2.0 ** -((config.channels - 1).bit_length() // 2 + 1)


def dense(config: EncoderConfig, inputs: int, outputs: int, bits: int, per_channel: bool = False) -> nn.Module:
    """nn.Linear, or its quantized twin with an integer bias."""
    if not config.quantized:
        return nn.Linear(inputs, outputs, bias=config.biases)
    weights, biases = weight_quantizer(config, bits, per_channel), Int32Bias if config.biases else None
    return qnn.QuantLinear(inputs, outputs, bias=config.biases, weight_quant=weights, bias_quant=biases)


def inner_dense(config: EncoderConfig, inputs: int, outputs: int, bits: int) -> nn.Module:
    """A Dense of a block, with sums of at most `accumulator_bits`."""
    if not config.quantized or not config.accumulator_bits:
        return dense(config, inputs, outputs, bits, config.per_channel)
    weights = bounded_quantizer(weight_quantizer(config, bits, config.per_channel))
    return BoundedLinear(inputs, outputs, config.accumulator_bits, weight_quant=weights, bias_quant=Int32Bias)


def quant(config: EncoderConfig, bits: int, signed: bool = True) -> nn.Module:
    """A calibrated quantizer of activations; nothing in a float network."""
    if not config.quantized:
        return nn.Identity()
    quantizer = Int8ActPerTensorFixedPoint if signed else Uint8ActPerTensorFixedPoint
    return qnn.QuantIdentity(act_quant=quantizer, bit_width=bits, return_quant_tensor=True)


def input_quant(config: EncoderConfig) -> nn.Module:
    """The input's quantizer: its scale is a constant. Identifiers are integers already."""
    if not config.quantized or config.vocabulary:
        return nn.Identity()
    threshold = 2.0 ** (INPUT_BITS - 1 - config.input_fraction)
    quantizer = Int8ActPerTensorFixedPoint.let(scaling_impl_type="const", scaling_init=threshold)
    return qnn.QuantIdentity(act_quant=quantizer, bit_width=INPUT_BITS, return_quant_tensor=True)


def norm(config: EncoderConfig, affine: bool = True) -> nn.Module:
    """Without gamma and beta where quantized: they, and all of a BatchNorm, are in the next Dense."""
    if config.norm == "none" or (config.norm == "batch" and config.quantized):
        return nn.Identity()
    if config.norm == "batch":
        return TokenBatchNorm(config.channels)
    kind = AffineNorm if affine and config.biases and not config.quantized else IntNorm
    form = "l2" if config.norm == "rms_table" else config.norm
    return kind(config.channels, form, STREAM_BITS, config.act_bits, config.act_bits - 3)


class AffineNorm(IntNorm):
    """The float network's norm: with a gamma and a beta, which `fold_norms` moves into the next Dense."""

    def __init__(self, channels: int, form: str, in_bits: int, out_bits: int, out_fraction: int) -> None:
        super().__init__(channels, form, in_bits, out_bits, out_fraction)
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.smooth(x) * self.weight + self.bias


class TokenBatchNorm(nn.BatchNorm1d):
    """BatchNorm of (samples, tokens, channels) over samples and tokens."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.flatten(0, 1)).reshape(x.shape)

    def folded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """γ/sqrt(var + ε) and β − mean·γ/sqrt(var + ε): what it multiplies by and adds in eval mode."""
        state = {name: value.detach() for name, value in self.state_dict().items()}
        factor = state["weight"] / torch.sqrt(state["running_var"] + self.eps)
        return factor, state["bias"] - state["running_mean"] * factor


class LowRank(nn.Module):
    """A Dense of rank `rank`: two, with the integers between them requantized."""

    def __init__(self, config: EncoderConfig, inputs: int, outputs: int, bits: int) -> None:
        super().__init__()
        self.first = inner_dense(config, inputs, config.rank, bits)
        self.quant = quant(config, config.act_bits)
        self.second = inner_dense(config, config.rank, outputs, bits)

    def forward(self, x: Activation) -> torch.Tensor:
        return self.second(self.quant(self.first(x)))


class Attention(nn.Module):
    """Multi-head self-attention; every product is requantized once."""

    def __init__(self, config: EncoderConfig, place: str) -> None:
        super().__init__()
        self.config = config
        d, heads, shared, bits = config.channels, config.query_channels, config.kv_channels, config.act_bits
        sizes = {"query": (d, heads), "key": (d, shared), "value": (d, shared), "out": (heads, d)}
        self.query, self.key, self.value, self.out = (
            inner_dense(config, *size, config.bits(f"{place}.{name}")) for name, size in sizes.items()
        )
        quants = (quant(config, bits) for _ in range(3))
        self.query_quant, self.key_quant, self.value_quant = quants
        deferred = config.attention == "deferred"
        self.context_quant = nn.Identity() if deferred else quant(config, bits)
        self.score_quant = quant(config, STREAM_BITS, signed=config.attention != "relu")
        base = {"softmax": torch.e, "base2": 2.0}.get(config.attention)
        self.softmax = IntSoftmax(STREAM_BITS, bits, config.causal, base) if base else None
        self.deferred = DeferredSoftmax(STREAM_BITS, bits, bits, config.causal, DIVISOR_BITS) if deferred else None

    def forward(self, x: Activation) -> Activation:
        query = self._heads(self.query_quant(self.query(x)))
        key = self._shared(self._heads(self.key_quant(self.key(x))))
        values = self.value_quant(self.value(x))
        value = self._shared(self._heads(values))
        scores = query @ key.transpose(-1, -2) * self.config.score_scale
        if self.deferred:
            return self.out(self._flat(self.deferred(self.score_quant(scores), self._like(value, values)), values))
        return self.out(self.context_quant(self._flat(self._weights(scores) @ value)))

    def _flat(self, context: Activation, values: Activation | None = None) -> Activation:
        """(samples, heads, tokens, n) → (samples, tokens, heads · n), quantized as `values` are."""
        channels = context.shape[1] * self.config.head_channels  # flatten(2) would be traced into a graph of shapes
        flat = value_of(context).transpose(1, 2).reshape(-1, self.config.tokens, channels)
        return flat if values is None else self._like(flat, values)

    def _like(self, x: torch.Tensor, values: Activation) -> Activation:
        """x with the scale of values of which it has some, or means."""
        if not isinstance(values, IntQuantTensor):
            return x
        return quantized(x, scale_of(values), self.config.act_bits, True, self.training)

    def _weights(self, scores: torch.Tensor) -> torch.Tensor:
        """(samples, heads, queries, keys): how much of every value a query takes."""
        if self.softmax:
            return value_of(self.softmax(self.score_quant(scores)))
        return value_of(self.score_quant(functional.relu(scores))) * 2.0**-self.config.token_shift

    def _heads(self, x: Activation) -> torch.Tensor:
        """(samples, tokens, heads · n) → (samples, heads, tokens, n)."""
        values = value_of(x)
        return values.reshape(-1, self.config.tokens, values.shape[2] // self.config.head_channels,
                              self.config.head_channels).transpose(1, 2)  # fmt: skip

    def _shared(self, x: torch.Tensor) -> torch.Tensor:
        """Every key or value head once for each query head that reads it."""
        times = self.config.query_channels // self.config.kv_channels
        if times == 1:
            return x
        heads = torch.arange(self.config.heads, device=x.device) // times
        return x.index_select(1, heads)


class FeedForward(nn.Module):
    """Dense, activation, Dense."""

    def __init__(self, config: EncoderConfig, place: str) -> None:
        super().__init__()
        table = TABLES.get(config.activation)
        self.up = self._matrix(config, config.channels, config.hidden, config.bits(f"{place}.up"))
        self.quant = quant(config, config.act_bits, signed=table is not None)
        self.table = IntLookup(table, config.act_bits) if table else None
        self.down = self._matrix(config, config.hidden, config.channels, config.bits(f"{place}.down"))

    @staticmethod
    def _matrix(config: EncoderConfig, inputs: int, outputs: int, bits: int) -> nn.Module:
        if config.rank:
            return LowRank(config, inputs, outputs, bits)
        return inner_dense(config, inputs, outputs, bits)

    def forward(self, x: Activation) -> torch.Tensor:
        hidden = self.up(x)
        return self.down(self.table(self.quant(hidden)) if self.table else self.quant(functional.relu(hidden)))


class Block(nn.Module):
    """Pre-norm attention and feed-forward, each added to the residual stream."""

    def __init__(self, config: EncoderConfig, place: str) -> None:
        super().__init__()
        self.norm1, self.attention = norm(config), Attention(config, f"{place}.attention")
        self.norm2, self.feed_forward = norm(config), FeedForward(config, f"{place}.feed_forward")
        self.residual1, self.residual2 = quant(config, STREAM_BITS), quant(config, STREAM_BITS)

    def forward(self, x: Activation) -> Activation:
        x = self.residual1(value_of(x) + self.attention(self.norm1(x)))
        return self.residual2(value_of(x) + self.feed_forward(self.norm2(x)))
