"""Small transformers of Brevitas layers with power-of-two quantizers, written the way people write them."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import brevitas.nn as qnn
import torch
from brevitas.export import export_onnx_qcdq, export_qonnx
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
        heads = x.value.reshape(x.shape[0], x.shape[1], self.heads, 3 * self.depth).transpose(1, 2)
        return heads.chunk(3, -1)

    def interleaved(self, x: Any) -> Any:
        """b t (d k h) -> k b h t d, as einops users write it."""
        return x.value.reshape(x.shape[0], x.shape[1], self.depth, 3, self.heads).permute(3, 0, 4, 1, 2).unbind(0)

    einsum = unbind


WAYS = ("unbind", "index", "chunk", "split", "slices", "per_head", "interleaved", "einsum")


class Mixing(Attention):
    """Attention without softmax: scores are quantized and multiplied with the values."""

    def __init__(self, way: str) -> None:
        super().__init__(way)
        self.softmax = quantizer()


class Heads(nn.Module):
    """A layer of its own for every head's queries, keys and values; the heads are joined in the end."""

    def __init__(self, channels: int = 8, heads: int = 2) -> None:
        super().__init__()
        sizes = [(channels, channels // heads)] * heads
        self.q, self.k, self.v = (nn.ModuleList(linear(*size) for size in sizes) for _ in range(3))
        self.scores, self.softmax, self.values = quantizer(), IntSoftmax(), quantizer()

    def forward(self, x: Any) -> Any:
        return self.values(
            torch.cat([self.head(x, *layers) for layers in zip(self.q, self.k, self.v, strict=True)], -1)
        )

    def head(self, x: Any, *layers: nn.Module) -> Tensor:
        q, k, v = (value_of(layer(x)) for layer in layers)
        return value_of(self.softmax(self.scores(q @ k.transpose(1, 2)))) @ v


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
        return self.head(quantized_as(value_of(self.body(x))[:, 0]))


class Patches(nn.Module):
    """An image cut into patches by a convolution."""

    def __init__(self, channels: int, outputs: int, size: int) -> None:
        super().__init__()
        self.conv = qnn.QuantConv2d(channels, outputs, size, stride=size, **BIASED)
        self.quant = quantizer()

    def forward(self, x: Any) -> Any:
        return self.quant(self.conv(x).flatten(2).transpose(1, 2))


class Cut(nn.Module):
    """An image cut into patches by moving its axes, as einops users write it, and a linear layer.

    'b c (h p) (w q) -> b (h w) `order`', order of c, p and q; `norm` stands between them.
    """

    def __init__(self, channels: int, outputs: int, size: int, order: str, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.size, self.order = size, [("c", "p", "q").index(axis) for axis in order]
        self.norm = nn.Identity() if norm is None else norm
        self.layer = linear(channels * size * size, outputs)

    def forward(self, x: Any) -> Any:
        x = value_of(x)
        b, c, h, w = x.shape
        x = x.reshape(b, c, h // self.size, self.size, w // self.size, self.size)
        x = x.permute(0, 2, 4, *((1, 3, 5)[axis] for axis in self.order))
        return self.layer(quantized_as(value_of(self.norm(x.reshape(b, -1, c * self.size**2)))))


class Mean(nn.Module):
    """The mean over tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.quant = quantizer()

    def forward(self, x: Any) -> Any:
        return self.quant(value_of(x).mean(1))


class Flattened(nn.Module):
    """All tokens' channels in one vector, by token or by channel, in front of a layer."""

    def __init__(self, tokens: int, outputs: int, by_channel: bool = False, channels: int = 8) -> None:
        super().__init__()
        self.by_channel, self.layer = by_channel, linear(tokens * channels, outputs)

    def forward(self, x: Any) -> Any:
        x = value_of(x)
        return self.layer(quantized_as((x.transpose(1, 2) if self.by_channel else x).flatten(1)))


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


class Multihead(nn.Module):
    """Brevitas' own module; its softmax is exchanged for the integer one, everything else is as it is."""

    def __init__(self, batch_first: bool, packed: bool, channels: int = 8, heads: int = 2) -> None:
        super().__init__()
        points = (
            "in_proj_input",
            "softmax_input",
            "attn_output_weights",
            "q_scaled",
            "k_transposed",
            "v",
            "out_proj_input",
        )
        quants: dict[str, Any] = {f"{point}_quant": Fixed for point in points}
        for side in ("in_proj", "out_proj"):
            quants |= {f"{side}_weight_quant": Int8WeightPerTensorFixedPoint, f"{side}_bias_quant": Int32Bias}
        self.attention = qnn.QuantMultiheadAttention(
            channels, heads, packed_in_proj=packed, batch_first=batch_first, out_proj_output_quant=None, **quants
        )
        self.softmax = IntSoftmax()

    def forward(self, x: Tensor) -> Tensor:
        with mock.patch.object(torch.nn.functional, "softmax", self.integer_softmax):
            result: Tensor = self.attention(x, x, x, need_weights=False)[0]
        return result

    def integer_softmax(self, x: Any, dim: int) -> Tensor:
        return value_of(self.softmax(quantized_as(value_of(x))))


class Gated(nn.Module):
    """act(gate) · up, then down: two projections, or one that is cut in halves. `activation` acts on 8-bit integers."""

    def __init__(self, activation: nn.Module, fused: bool = False, channels: int = 8, hidden: int = 12) -> None:
        super().__init__()
        sizes = [2 * hidden] if fused else [hidden, hidden]
        self.halves = nn.ModuleList(linear(channels, size) for size in sizes)
        self.activation, self.gated, self.down = activation, quantizer(), linear(hidden, channels)

    def forward(self, x: Any) -> Any:
        halves = [value_of(half(x)) for half in self.halves]
        gate, up = halves if len(halves) == 2 else halves[0].chunk(2, -1)
        return self.down(self.gated(value_of(self.activation(quantized_as(gate))) * up))


class Words(nn.Module):
    """Identifiers → rows of a quantized table, positions added."""

    def __init__(self, rows: int, tokens: int, channels: int = 8) -> None:
        super().__init__()
        self.rows = qnn.QuantEmbedding(rows, channels, **WEIGHTS)
        self.places = qnn.QuantEmbedding(tokens, channels, **WEIGHTS)
        self.quant = quantizer()

    def forward(self, x: Tensor) -> Tensor:
        return value_of(self.quant(self.rows(x) + self.places(torch.arange(x.shape[1]))))


class Embedded(Model):
    """Layers behind an embedding: the input is identifiers."""

    def __init__(self, words: Words, *layers: nn.Module) -> None:
        nn.Sequential.__init__(self, words, quantizer(), *layers)


def quantized_as(x: Tensor) -> Any:
    """`x` with the scale of `quantizer`, which a bias needs."""
    return quantized(x, 2.0**-5, 8, True, False)


def trained(model: nn.Module, x: Tensor) -> nn.Module:
    """After one batch in train mode (tables are made), in eval mode."""
    model.train()(x)
    return model.eval()


def export(model: nn.Module, x: Tensor, path: Path, qcdq: bool = False, **options: Any) -> Path:
    """Its QONNX or QCDQ file, as the TorchScript exporter writes it."""
    write, opset = (export_onnx_qcdq, 18) if qcdq else (export_qonnx, 20)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write(model, x, str(path), dynamo=False, opset_version=opset, **options)
    return path
