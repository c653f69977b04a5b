"""The shape of a decoder-only language model, whatever file it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "smollm3", "gemma", "gpt2")
ACTIVATIONS = ("silu", "gelu", "gelu_tanh", "relu")
LARGEST = {
    "layers": 1024,
    "width": 1 << 16,
    "heads": 1024,
    "kv_heads": 1024,
    "head_size": 1024,
    "hidden": 1 << 18,
    "vocabulary": 1 << 20,
    "context": 1 << 24,
}
"""Beyond these a file is taken for a mistake."""


@dataclass(frozen=True)
class RotaryPositions:
    """Rotary position embedding: pair i of a head turns by position · theta^(−2i / size) / factors[i].

    size: channels of a head that turn, the first ones.
    layout: pair i is channels (2i, 2i + 1), `neighbours`, or (i, i + size / 2), `halves`. Files of one network may
    differ in it: GGUF files of Llama keep the rows of queries and keys in another order than those of Hugging Face.
    factors: size / 2 numbers, or none where all are 1; linear and Llama 3's scaling of frequencies are such factors.
    skipped: layers whose queries and keys do not turn (SmolLM3).
    """

    theta: float
    size: int
    layout: Literal["neighbours", "halves"]
    factors: tuple[float, ...] = ()
    skipped: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Configuration:
    """A decoder-only transformer with norms in front of attention and feed-forward.

    width: channels between layers; hidden: channels of the feed-forward; context: positions that it was trained for.
    norm: `rms` (a gain) or `layer` (a gain and a bias); eps is added to the mean square or variance.
    rope: None where positions have an embedding that is learned (GPT-2).
    tied: the output head is the embedding. gated: down(activation(gate(x)) · up(x)) instead of down(activation(up(x))).
    qkv_bias, out_bias, mlp_bias: which matrices have biases. qk_norm: queries and keys of a head pass an RMSNorm.
    embedding_scale: factor of the embedding's rows (Gemma). window: a token sees this many tokens, itself included.
    Raises ValueError, naming the field, for a shape that no network has.
    """

    family: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_size: int
    hidden: int
    vocabulary: int
    context: int
    eps: float
    rope: RotaryPositions | None
    tied: bool
    norm: Literal["rms", "layer"] = "rms"
    activation: str = "silu"
    gated: bool = True
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    qk_norm: bool = False
    embedding_scale: float = 1.0
    window: int | None = None

    def __post_init__(self) -> None:
        for name, most in LARGEST.items():
            _whole(name, getattr(self, name), most)
        if self.window is not None:
            _whole("window", self.window, LARGEST["context"])
        if self.heads % self.kv_heads:
            raise ValueError(f"{self.heads} heads cannot share {self.kv_heads} heads of keys")
        for name in ("tied", "gated", "qkv_bias", "out_bias", "mlp_bias", "qk_norm"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is {getattr(self, name)!r}, neither true nor false")
        _positive("eps", self.eps)
        _positive("embedding_scale", self.embedding_scale)
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation is {self.activation!r}; it can be {', '.join(ACTIVATIONS)}")
        if self.rope is not None:
            self._check_rope(self.rope)

    @property
    def parameters(self) -> int:
        """Numbers that the network was trained for, a tied head counted once."""
        return sum(map(math.prod, shapes(self).values()))

    def _check_rope(self, rope: RotaryPositions) -> None:
        _positive("rope theta", rope.theta)
        _whole("rotary channels", rope.size, self.head_size)
        if rope.size % 2:
            raise ValueError(f"{rope.size} rotary channels are no pairs")
        if rope.factors and len(rope.factors) != rope.size // 2:
            raise ValueError(f"{len(rope.factors)} factors of frequencies for {rope.size // 2} pairs")
        for factor in rope.factors:
            _positive("a factor of frequencies", factor)


def _whole(name: str, value: object, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ValueError(f"{name} is {str(value)[:40]}; it is a whole number from 1 to {most}")


def _positive(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e30:
        raise ValueError(f"{name} is {str(value)[:40]}; it is a positive number")


def shapes(c: Configuration) -> dict[str, tuple[int, ...]]:
    """Every tensor of the network, by its canonical name, with its shape: (outputs, inputs) of a matrix."""
    found: dict[str, tuple[int, ...]] = {"embedding": (c.vocabulary, c.width)}
    if c.rope is None:
        found["positions"] = (c.context, c.width)
    for layer in range(c.layers):
        found |= {f"layers.{layer}.{name}": shape for name, shape in _layer(c).items()}
    found |= _norm(c, "norm")
    if not c.tied:
        found["head"] = (c.vocabulary, c.width)
    return found


def _layer(c: Configuration) -> dict[str, tuple[int, ...]]:
    queries, keys = c.heads * c.head_size, c.kv_heads * c.head_size
    found = _norm(c, "attention.norm")
    for name, rows in (("q", queries), ("k", keys), ("v", keys)):
        found |= _matrix(f"attention.{name}", rows, c.width, c.qkv_bias)
    if c.qk_norm:
        found |= {"attention.q_norm": (c.head_size,), "attention.k_norm": (c.head_size,)}
    found |= _matrix("attention.out", c.width, queries, c.out_bias)
    found |= _norm(c, "feedforward.norm")
    for name in ("gate", "up") if c.gated else ("up",):
        found |= _matrix(f"feedforward.{name}", c.hidden, c.width, c.mlp_bias)
    return found | _matrix("feedforward.down", c.width, c.hidden, c.mlp_bias)


def _norm(c: Configuration, name: str) -> dict[str, tuple[int, ...]]:
    return {name: (c.width,), **({f"{name}.bias": (c.width,)} if c.norm == "layer" else {})}


def _matrix(name: str, rows: int, columns: int, bias: bool) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {name: (rows, columns)}
    return found | {f"{name}.bias": (rows,)} if bias else found
