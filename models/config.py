"""Shape, operators and bit widths of a transformer, checked when it is written down."""

from __future__ import annotations

from dataclasses import dataclass, fields

from pydantic import ConfigDict

from accel.errors import UserError

STRICT = ConfigDict(extra="forbid")
"""Recipes from files have no other fields than these."""

_LIMITS = {
    **dict.fromkeys(("tokens", "features", "classes", "channels", "heads", "layers", "hidden"), (1, 4096)),
    **dict.fromkeys(("head_size", "kv_heads", "rank", "vocabulary"), (0, 4096)),
    "weight_bits": (1, 8),
    "edge_bits": (2, 8),
    "act_bits": (3, 8),  # a norm's output has three bits before the binary point
    "accumulator_bits": (0, 32),
    "input_fraction": (0, 16),
}
_CHOICES = {
    "norm": ("layer", "rms", "rms_table", "batch", "none"),
    "activation": ("relu", "gelu", "silu", "relu2", "hardswish"),
    "attention": ("softmax", "base2", "relu", "deferred"),
}


@dataclass(frozen=True)
class EncoderConfig:
    """Shape and bit widths of a transformer. Inputs are real, (samples, tokens, features), or with a `vocabulary`
    identifiers, (samples, tokens); then every token has its own `classes` logits.

    Raises UserError, naming the field, when a value has the wrong type or is out of range.
    """

    __pydantic_config__ = STRICT
    tokens: int = 8
    features: int = 8
    classes: int = 10
    channels: int = 32
    heads: int = 4
    head_size: int = 0  # channels of one head; 0: channels / heads
    kv_heads: int = 0  # heads of keys and values, each shared by heads / kv_heads queries; 0: as many as heads
    layers: int = 2
    hidden: int = 64
    vocabulary: int = 0
    norm: str = "layer"  # batch: BatchNorm, folded into the next Dense when quantized; rms_table: rms, by a table
    embedded_norm: bool = False  # a norm of the embedding, whose result is the residual stream
    final_norm: bool = True  # a norm in front of the head
    biases: bool = True  # of Dense layers; without them norms have no gains and summands either
    activation: str = "relu"  # of the feed-forward; relu2 is max(0, x)²
    attention: str = "softmax"  # base2: with 2^x; deferred: divided behind the values; relu: max(0, x) / tokens
    causal: bool = False
    rank: int = 0  # of the feed-forward's matrices, each a product of two; 0: full matrices
    shared: bool = False  # all layers have the same weights and scales
    weight_bits: int = 4
    narrow: bool = True  # weights are symmetric: -1, 0, 1 at 2 bits (ternary); 1 bit is -1, 1 (binary)
    act_bits: int = 8
    edge_bits: int = 8  # weights of the first and the last Dense
    bits_of: tuple[tuple[str, int], ...] = ()  # (layer, weight bits) that differ, as ("blocks.0.feed_forward.up", 8)
    per_channel: bool = False  # weight scales, except the head's: its logits share one scale
    learned_scales: bool = False  # weight scales are parameters, not the largest weight
    accumulator_bits: int = 0  # of the sums of inner layers, at most; 0: as wide as needed
    input_fraction: int = 3  # the input's scale is 2^-input_fraction, not calibrated
    quantized: bool = True

    def __post_init__(self) -> None:
        for spec in fields(self):
            self._check(spec.name, getattr(self, spec.name), type(spec.default))
        for name, bits in self.bits_of:
            self._check("bits_of", name, str)
            self._check("weight_bits", bits, int)
        if not self.head_size and self.channels % self.heads:
            raise UserError(f"channels ({self.channels}) must be a multiple of heads ({self.heads})")
        if self.kv_heads and self.heads % self.kv_heads:
            raise UserError(f"heads ({self.heads}) must be a multiple of kv_heads ({self.kv_heads})")
        if self.shared and self.layers > 1 and self.norm in ("batch", "none"):
            raise UserError(
                f"shared layers need one scale at their inputs: use norm 'layer' or 'rms', not {self.norm!r}"
            )
        if self.attention == "relu" and self.causal:
            raise UserError("attention 'relu' has no causal mask in hardware: use attention='softmax'")
        if self.norm in ("batch", "none") and (self.embedded_norm or not self.biases):
            raise UserError(f"norm {self.norm!r} is folded into biases: use norm 'layer', 'rms' or 'rms_table'")
        if self.accumulator_bits:
            self._check_accumulators()

    def _check_accumulators(self) -> None:
        if not self.biases:
            raise UserError("accumulator_bits bounds biases too: leave EncoderConfig.biases at True")
        if self.accumulator_bits < self.act_bits + 2:
            raise UserError(
                f"EncoderConfig.accumulator_bits is 0, or at least act_bits + 2 ({self.act_bits + 2}), which leaves a "
                f"row one weight of 1; got {self.accumulator_bits}"
            )
        if 1 in (self.weight_bits, *(bits for _, bits in self.bits_of)):
            raise UserError("binary weights have no zero, so no smaller sums: accumulator_bits takes 2 or more bits")

    @staticmethod
    def _check(name: str, value: object, kind: type) -> None:
        if type(value) is not kind:
            raise UserError(f"EncoderConfig.{name} is of type {kind.__name__}; got {value!r}")
        if name in _LIMITS and not _LIMITS[name][0] <= value <= _LIMITS[name][1]:  # type: ignore[operator]
            raise UserError(f"EncoderConfig.{name} is {_LIMITS[name][0]}..{_LIMITS[name][1]}; got {value}")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise UserError(f"EncoderConfig.{name} is one of {', '.join(_CHOICES[name])}; got {value!r}")

    @property
    def head_channels(self) -> int:
        return self.head_size or self.channels // self.heads

    @property
    def query_channels(self) -> int:
        """Query channels of all heads together."""
        return self.heads * self.head_channels

    @property
    def kv_channels(self) -> int:
        """Key channels of all heads together; there are as many value channels."""
        return (self.kv_heads or self.heads) * self.head_channels

    @property
    def score_scale(self) -> float:
        """1/sqrt(channels per head), rounded up to a power of two: it costs nothing in hardware."""
        return 2.0 ** -((self.head_channels - 1).bit_length() // 2)

    @property
    def token_shift(self) -> int:
        """A mean over tokens is their sum / 2^token_shift: 1/tokens, rounded down to a power of two."""
        return (self.tokens - 1).bit_length()

    def bits(self, layer: str) -> int:
        """Weight bits of an inner layer, named by its place in the network."""
        return dict(self.bits_of).get(layer, self.weight_bits)
