"""Small transformers of Brevitas layers with power-of-two quantizers, written the way people write them."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.export import export_qonnx
from brevitas.inject.enum import ScalingImplType
from brevitas.quant.fixed_point import Int8ActPerTensorFixedPoint, Int8WeightPerTensorFixedPoint
from brevitas.quant.scaled_int import Int32Bias
from torch import Tensor, nn

from accel.ops.softmax.qat import IntSoftmax
from accel.qat import quantized, value_of

WEIGHTS = {"weight_quant": Int8WeightPerTensorFixedPoint, "weight_bit_width": 4}
BIASED = {**WEIGHTS, "bias": True, "bias_quant": Int32Bias}


class Fixed(Int8ActPerTensorFixedPoint):
    """8 bits of a scale that does not depend on data."""

    scaling_impl_type = ScalingImplType.CONST
    scaling_init = 4.0  # a scale of 2^-5


def quantizer() -> qnn.QuantIdentity:
    return qnn.QuantIdentity(act_quant=Fixed, return_quant_tensor=True)


def linear(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(qnn.QuantLinear(inputs, outputs, **BIASED), quantizer())


class Model(nn.Sequential):
    """Layers behind an input quantizer; the result is a plain tensor."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(quantizer(), *layers)

    def forward(self, x: Tensor) -> Tensor:
        return value_of(super().forward(x))


class Attention(nn.Module):
    """One projection for queries, keys and values, taken apart in one of many ways; `heads` of `depth` channels."""

    def __init__(self, way: str, channels: int = 8, heads: int = 2) -> None:
        super().__init__()
        self.way, self.heads, self.depth = way, heads, channels // heads
        self.qkv, self.out = linear(channels, 3 * channels), linear(channels, channels)
        self.scores, self.softmax, self.values = quantizer(), IntSoftmax(), quantizer()

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = getattr(self, self.way)(self.qkv(x))
        scores = self.softmax(self.scores(self.multiplied("bhtd,bhud->bhtu", q, k)))
        return self.out(self.merged(self.values(self.multiplied("bhtu,bhud->bhtd", scores, v))))

    def multiplied(self, equation: str, a: Any, b: Any) -> Tensor:
        a, b = value_of(a), value_of(b)
        if self.way == "einsum":
            return torch.einsum(equation, a, b)
        return a @ (b.transpose(-1, -2) if equation.startswith("bhtd") else b)

    def merged(self, x: Any) -> Any:
        return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], -1)

    def split_heads(self, x: Any) -> Any:
        return x.reshape(x.shape[0], x.shape[1], self.heads, self.depth).transpose(1, 2)

    def unbind(self, x: Any) -> Any:
        return x.value.reshape(x.shape[0], x.shape[1], 3, self.heads, self.depth).permute(2, 0, 3, 1, 4).unbind(0)

    def index(self, x: Any) -> Any:
        parts = x.value.reshape(x.shape[0], x.shape[1], 3, self.heads, self.depth).permute(2, 0, 3, 1, 4)
        return parts[0], parts[1], parts[2]

    def chunk(self, x: Any) -> Any:
        return tuple(map(self.split_heads, x.value.chunk(3, -1)))

    def split(self, x: Any) -> Any:
        return tuple(map(self.split_heads, x.value.split(self.heads * self.depth, -1)))

    def slices(self, x: Any) -> Any:
        n = self.heads * self.depth
        return tuple(map(self.split_heads, (x.value[..., :n], x.value[..., n : 2 * n], x.value[..., -n:])))

    def per_head(self, x: Any) -> Any:
        """Each head's queries, keys and values lie together."""
        return self.split_heads3(x).chunk(3, -1)

    def split_heads3(self, x: Any) -> Any:
        return x.value.reshape(x.shape[0], x.shape[1], self.heads, 3 * self.depth).transpose(1, 2)

    def interleaved(self, x: Any) -> Any:
        """b t (d k h) -> k b h t d, as einops users write it."""
        return x.value.reshape(x.shape[0], x.shape[1], self.depth, 3, self.heads).permute(3, 0, 4, 1, 2).unbind(0)

    einsum = unbind


class ClassToken(nn.Module):
    """A learned token in front of the sequence, positions added, and in the end that token alone."""

    def __init__(self, body: nn.Module, tokens: int, channels: int = 8) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, channels))
        self.position = nn.Parameter(torch.randn(1, tokens + 1, channels))
        self.fixed, self.placed, self.summed = quantizer(), quantizer(), quantizer()
        self.body, self.head = body, qnn.QuantLinear(channels, 3, **BIASED)

    def forward(self, x: Any) -> Tensor:
        token = self.fixed(self.token).value.expand(x.shape[0], -1, -1)
        x = torch.cat([token, value_of(x)], 1)
        x = self.summed(x + self.placed(self.position).value)
        return self.head(quantized_as(x, value_of(self.body(x))[:, 0]))


class Patches(nn.Module):
    """An image cut into patches by a convolution."""

    def __init__(self, channels: int, outputs: int, size: int) -> None:
        super().__init__()
        self.conv = qnn.QuantConv2d(channels, outputs, size, stride=size, **BIASED)
        self.quant = quantizer()

    def forward(self, x: Any) -> Any:
        return self.quant(self.conv(x).flatten(2).transpose(1, 2))


class Mean(nn.Module):
    """The mean over tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.quant = quantizer()

    def forward(self, x: Any) -> Any:
        return self.quant(value_of(x).mean(1))


class Query(nn.Module):
    """Attention pooling: a learned query per head against keys made of all tokens."""

    def __init__(self, channels: int = 8, heads: int = 2) -> None:
        super().__init__()
        self.heads, self.depth = heads, channels // heads
        self.query = nn.Parameter(torch.randn(heads, 1, self.depth))
        self.fixed, self.key, self.value = quantizer(), linear(channels, channels), linear(channels, channels)
        self.scores, self.softmax, self.values = quantizer(), IntSoftmax(), quantizer()

    def forward(self, x: Any) -> Any:
        k, v = (self.split(layer(x)) for layer in (self.key, self.value))
        p = self.softmax(self.scores(value_of(self.fixed(self.query)) @ k.transpose(-1, -2)))
        return self.values((value_of(p) @ v).transpose(1, 2).flatten(2).squeeze(1))

    def split(self, x: Any) -> Tensor:
        return value_of(x).reshape(x.shape[0], x.shape[1], self.heads, self.depth).transpose(1, 2)


class Words(nn.Module):
    """Identifiers → rows of a quantised table, positions added."""

    def __init__(self, rows: int, tokens: int, channels: int = 8) -> None:
        super().__init__()
        self.rows = qnn.QuantEmbedding(rows, channels, **WEIGHTS)
        self.places = qnn.QuantEmbedding(tokens, channels, **WEIGHTS)
        self.quant = quantizer()

    def forward(self, x: Tensor) -> Any:
        return self.quant(self.rows(x) + self.places(torch.arange(x.shape[1])))


def quantized_as(_: Any, x: Tensor) -> Any:
    """`x` with the scale of `quantizer`, which a bias needs."""
    return quantized(x, 2.0**-5, 8, True, False)


def trained(model: nn.Module, x: Tensor) -> nn.Module:
    """After one batch in train mode (tables are made), in eval mode."""
    model.train()(x)
    return model.eval()


def export(model: nn.Module, x: Tensor, path: Path, **options: Any) -> Path:
    """Its QONNX file, as the TorchScript exporter writes it."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export_qonnx(model, x, str(path), dynamo=False, opset_version=20, **options)
    return path
