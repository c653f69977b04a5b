"""Llama and its relatives in torch, in real numbers: the network that a checkpoint's configuration describes.

Mistral, Qwen 2 and 3, SmolLM 2 and 3 and Gemma are the same network with other settings: biases, norms of queries and
keys, heads that share keys, tied embeddings, a window, layers without positions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from accel.checkpoints import Checkpoint, Configuration, RotaryPositions
from accel.errors import UserError
from models.llama import rotation
from models.llama.matrices import SPREAD, Matrix
from models.llama.rotation import hadamard

Network = TypeVar("Network", bound=nn.Module)

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": functional.silu,
    "gelu": functional.gelu,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "relu": functional.relu,
}


class Llama(nn.Module):
    """Identifiers (samples, tokens) to logits (samples, tokens, vocabulary)."""

    def __init__(self, c: Configuration) -> None:
        super().__init__()
        self.configuration = c
        self.embedding = nn.Embedding(c.vocabulary, c.width)
        self.layers = nn.ModuleList(LlamaLayer(c, layer) for layer in range(c.layers))
        self.norm = RMSNorm(c.width, c.eps)
        self.head = None if c.tied else nn.Linear(c.width, c.vocabulary, bias=False)

    def forward(self, identifiers: Tensor, memory: Memory | None = None) -> Tensor:
        """Logits of tokens, which come after those that the memory holds; it holds them as well afterwards."""
        x = self.embedding(identifiers) * self.configuration.embedding_scale
        places = torch.arange(identifiers.shape[1], device=x.device) + (memory.tokens if memory else 0)
        for layer in self.layers:
            x = layer(x, places, memory)
        if memory is not None:
            memory.tokens += identifiers.shape[1]
        x = self.norm(x)
        return functional.linear(x, self.embedding.weight) if self.head is None else self.head(x)


class LlamaLayer(nn.Module):
    """Attention and feed-forward, each with a norm in front and a residual sum behind."""

    def __init__(self, c: Configuration, layer: int) -> None:
        super().__init__()
        self.attention = LlamaAttention(c, layer)
        self.feedforward = GatedFeedForward(c)

    def forward(self, x: Tensor, places: Tensor, memory: Memory | None) -> Tensor:
        x = x + self.attention(x, places, memory)
        return x + self.feedforward(x)


class LlamaAttention(nn.Module):
    """Causal attention; a head of keys and values serves heads / kv_heads heads of queries."""

    def __init__(self, c: Configuration, layer: int) -> None:
        super().__init__()
        self.c, self.layer = c, layer
        self.norm = RMSNorm(c.width, c.eps)
        self.q = nn.Linear(c.width, c.heads * c.head_size, bias=c.qkv_bias)
        self.k = nn.Linear(c.width, c.kv_heads * c.head_size, bias=c.qkv_bias)
        self.v = nn.Linear(c.width, c.kv_heads * c.head_size, bias=c.qkv_bias)
        self.out = nn.Linear(c.heads * c.head_size, c.width, bias=c.out_bias)
        self.q_norm = RMSNorm(c.head_size, c.eps) if c.qk_norm else nn.Identity()
        self.k_norm = RMSNorm(c.head_size, c.eps) if c.qk_norm else nn.Identity()

    def forward(self, x: Tensor, places: Tensor, memory: Memory | None) -> Tensor:
        x = self.norm(x)
        q, k, v = (self._heads(part(x)) for part in (self.q, self.k, self.v))
        q, k = self.q_norm(q), self.k_norm(k)
        if self.c.rope is not None and self.layer not in self.c.rope.skipped:
            q, k = rotate(q, places, self.c.rope), rotate(k, places, self.c.rope)
        if memory is not None:
            k, v = memory.extend(self.layer, k, v)
        mask = visible(places, k.shape[-2], self.c.window)
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
        return self.out(y.transpose(1, 2).flatten(2))

    def _heads(self, x: Tensor) -> Tensor:
        """(samples, tokens, channels) to (samples, heads, tokens, channels of a head)."""
        return x.unflatten(-1, (-1, self.c.head_size)).transpose(1, 2)


class GatedFeedForward(nn.Module):
    """down(activation(gate(x)) · up(x)), behind a norm."""

    def __init__(self, c: Configuration) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[c.activation]
        self.norm = RMSNorm(c.width, c.eps)
        self.gate = nn.Linear(c.width, c.hidden, bias=c.mlp_bias)
        self.up = nn.Linear(c.width, c.hidden, bias=c.mlp_bias)
        self.spread: nn.Module = nn.Identity()
        self.down = nn.Linear(c.hidden, c.width, bias=c.mlp_bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        return self.down(self.spread(self.activation(self.gate(x)) * self.up(x)))


class Spread(nn.Module):
    """Groups of channels times a Hadamard matrix, as `rotation.spread`: in front of weights that are to be rounded."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        size = math.gcd(self.size, x.shape[-1])
        turn = torch.from_numpy(hadamard(size)).to(x) / math.sqrt(size)
        return (x.unflatten(-1, (-1, size)) @ turn).flatten(-2)


def spread_hidden(network: nn.Module, size: int) -> None:
    """Turn what the last matrices of all feed-forwards read, and their weights: what the network says is the same."""
    turn = Spread(size)
    for name, matrix in [*network.named_modules()]:
        if name.endswith(SPREAD):
            network.get_submodule(name.rpartition(".")[0]).add_module("spread", turn)
            weight = matrix.get_parameter("weight")
            weight.copy_(turn(weight))


class RMSNorm(nn.Module):
    """x · gain / sqrt(mean(x²) + eps) over the last axis."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


class Memory:
    """Keys and values of the tokens so far, per layer."""

    def __init__(self) -> None:
        self.tokens = 0
        self._held: dict[int, tuple[Tensor, Tensor]] = {}

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keep new keys and values, and return those of all tokens."""
        if layer in self._held:
            k, v = (torch.cat(pair, dim=-2) for pair in zip(self._held[layer], (k, v), strict=True))
        self._held[layer] = k, v
        return k, v


def rotate(x: Tensor, places: Tensor, rope: RotaryPositions) -> Tensor:
    """Turn the pairs of channels of x (…, tokens, channels of a head) by angles that grow with the place."""
    pairs = torch.arange(0, rope.size, 2, dtype=torch.float64, device=x.device)
    frequencies = rope.theta ** (-pairs / rope.size)
    if rope.factors:
        frequencies = frequencies / torch.tensor(rope.factors, dtype=torch.float64, device=x.device)
    angles = places[:, None] * frequencies
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    turning, rest = x[..., : rope.size], x[..., rope.size :]
    if rope.layout == "neighbours":
        a, b = turning[..., 0::2], turning[..., 1::2]
        turned = torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)
    else:
        a, b = turning.chunk(2, dim=-1)
        turned = torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)
    return torch.cat((turned, rest), dim=-1)


def visible(places: Tensor, keys: int, window: int | None) -> Tensor:
    """Which keys a new token sees: (new tokens, keys) of bool."""
    behind = places[:, None] - torch.arange(keys, device=places.device)
    return (behind >= 0) if window is None else (behind >= 0) & (behind < window)


def load(checkpoint: Checkpoint, dtype: torch.dtype = torch.float32) -> Llama:
    """The network with the weights of a checkpoint, in `dtype`. Raises UserError for a checkpoint of GPT-2."""
    if checkpoint.configuration.rope is None:
        raise UserError(f"{checkpoint.path}: is of {checkpoint.configuration.family}; models.gpt2 loads it")
    with torch.device("meta"):
        network = Llama(checkpoint.configuration)
    return fill(network, checkpoint, dtype)


def of(
    make: Callable[[Configuration], Network],
    configuration: Configuration,
    weights: Mapping[str, Matrix | np.ndarray],
    hidden_hadamard: int = 0,
) -> Network:
    """The network that `make` returns, with integer weights as real numbers, in float32.

    hidden_hadamard: as in the recipe of the weights; they are turned back.
    """
    with torch.device("meta"):
        network = make(configuration)
    real = {name: w.real if isinstance(w, Matrix) else w for name, w in weights.items()}
    if hidden_hadamard:
        real |= {name: rotation.spread(w, hidden_hadamard) for name, w in real.items() if name.endswith(SPREAD)}
    return _filled(network, {name: torch.from_numpy(w).to(torch.float32) for name, w in real.items()})


def fill(network: Network, checkpoint: Checkpoint, dtype: torch.dtype) -> Network:
    """Give a network, whose parameters may be on the device `meta`, the weights of a checkpoint."""
    return _filled(network, {name: torch.from_numpy(w.float32()).to(dtype) for name, w in checkpoint.weights.items()})


def _filled(network: Network, weights: Mapping[str, Tensor]) -> Network:
    parameters = {name if name.endswith(".bias") else f"{name}.weight": value for name, value in weights.items()}
    network.load_state_dict(parameters, assign=True)
    return network.eval().requires_grad_(False)
