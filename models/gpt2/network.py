"""GPT-2 in torch, in real numbers: learned positions, LayerNorm, biases everywhere, a feed-forward with GELU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from accel.checkpoints import Checkpoint, Configuration
from accel.errors import UserError
from models.llama.network import ACTIVATIONS, Memory, fill, visible


class GPT2(nn.Module):
    """Identifiers (samples, tokens) to logits (samples, tokens, vocabulary)."""

    def __init__(self, c: Configuration) -> None:
        super().__init__()
        self.embedding = nn.Embedding(c.vocabulary, c.width)
        self.positions = nn.Embedding(c.context, c.width)
        self.layers = nn.ModuleList(GPT2Layer(c, layer) for layer in range(c.layers))
        self.norm = nn.LayerNorm(c.width, c.eps)
        self.head = None if c.tied else nn.Linear(c.width, c.vocabulary, bias=False)

    def forward(self, identifiers: Tensor, memory: Memory | None = None) -> Tensor:
        """Logits of tokens, which come after those that the memory holds; it holds them as well afterwards."""
        places = torch.arange(identifiers.shape[1], device=identifiers.device) + (memory.tokens if memory else 0)
        x = self.embedding(identifiers) + self.positions(places)
        for layer in self.layers:
            x = layer(x, places, memory)
        if memory is not None:
            memory.tokens += identifiers.shape[1]
        x = self.norm(x)
        return functional.linear(x, self.embedding.weight) if self.head is None else self.head(x)


class GPT2Layer(nn.Module):
    """Attention and feed-forward, each with a norm in front and a residual sum behind."""

    def __init__(self, c: Configuration, layer: int) -> None:
        super().__init__()
        self.attention = GPT2Attention(c, layer)
        self.feedforward = GPT2FeedForward(c)

    def forward(self, x: Tensor, places: Tensor, memory: Memory | None) -> Tensor:
        x = x + self.attention(x, places, memory)
        return x + self.feedforward(x)


class GPT2Attention(nn.Module):
    """Causal attention behind a norm."""

    def __init__(self, c: Configuration, layer: int) -> None:
        super().__init__()
        self.c, self.layer = c, layer
        self.norm = nn.LayerNorm(c.width, c.eps)
        self.q, self.k, self.v, self.out = (nn.Linear(c.width, c.width) for _ in range(4))

    def forward(self, x: Tensor, places: Tensor, memory: Memory | None) -> Tensor:
        x = self.norm(x)
        q, k, v = (part(x).unflatten(-1, (self.c.heads, -1)).transpose(1, 2) for part in (self.q, self.k, self.v))
        if memory is not None:
            k, v = memory.extend(self.layer, k, v)
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=visible(places, k.shape[-2], None))
        return self.out(y.transpose(1, 2).flatten(2))


class GPT2FeedForward(nn.Module):
    """down(activation(up(x))), behind a norm."""

    def __init__(self, c: Configuration) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[c.activation]
        self.norm = nn.LayerNorm(c.width, c.eps)
        self.up, self.down = nn.Linear(c.width, c.hidden), nn.Linear(c.hidden, c.width)
        self.spread: nn.Module = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.spread(self.activation(self.up(self.norm(x)))))


def load(checkpoint: Checkpoint, dtype: torch.dtype = torch.float32) -> GPT2:
    """The network with the weights of a checkpoint, in `dtype`. Raises UserError for one of another family."""
    if checkpoint.configuration.family != "gpt2":
        raise UserError(f"{checkpoint.path}: is of {checkpoint.configuration.family}; models.llama loads it")
    with torch.device("meta"):
        network = GPT2(checkpoint.configuration)
    return fill(network, checkpoint, dtype)
