"""Language models in GGUF files, with the names and values that llama.cpp's converters give them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from accel.checkpoints import gguf
from accel.checkpoints.checkpoint import Checkpoint, checked, split
from accel.checkpoints.configuration import LARGEST, Configuration, RotaryPositions
from accel.checkpoints.gguf_tokenizer import tokenizer
from accel.checkpoints.mapped import MappedFile
from accel.checkpoints.texts import Texts
from accel.checkpoints.weight import Weight
from accel.errors import UserError
from accel.spelling import printable

LAYOUTS: dict[str, Literal["neighbours", "halves"]] = {
    "llama": "neighbours",  # its converter permutes the rows of queries and keys so
    "smollm3": "neighbours",
    "qwen2": "halves",
    "qwen3": "halves",
    "gemma": "halves",
}
"""Architecture → pairs of rotary channels. Mistral and SmolLM2 are of the architecture llama."""
NAMES = {
    "token_embd": "embedding",
    "position_embd": "positions",
    "output_norm": "norm",
    "output": "head",
}
INNER = {
    "attn_norm": "attention.norm",
    "attn_q": "attention.q",
    "attn_k": "attention.k",
    "attn_v": "attention.v",
    "attn_q_norm": "attention.q_norm",
    "attn_k_norm": "attention.k_norm",
    "attn_output": "attention.out",
    "ffn_norm": "feedforward.norm",
    "ffn_gate": "feedforward.gate",
    "ffn_up": "feedforward.up",
    "ffn_down": "feedforward.down",
}
FACTORS = "rope_freqs.weight"
MOST_LAYERS = LARGEST["layers"]
LAYER = re.compile(r"blk\.(0|[1-9][0-9]{0,3})\.(\w+)\.(weight|bias)")


class Values:
    """Values of an architecture. Raises UserError where one is missing or of another type."""

    def __init__(self, contents: gguf.GgufContents, architecture: str) -> None:
        self.contents, self.architecture = contents, architecture

    def whole(self, name: str, usual: int | None = None) -> int:
        """A whole number, the same for all layers; `usual` where the file does not say."""
        value = self._get(name, usual)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._refused(name, f"is {printable(str(value), 30)}, no whole number")
        return value

    def real(self, name: str, usual: float | None = None) -> float:
        """A real number, as it was written before it became a float32."""
        value = self._get(name, usual)
        if not isinstance(value, float):
            raise self._refused(name, f"is {printable(str(value), 30)}, no real number")
        return float(str(np.float32(value)))

    def _get(self, name: str, usual: float | None) -> gguf.GgufValue:
        value = self.contents.values.get(f"{self.architecture}.{name}", usual)
        if isinstance(value, np.ndarray) and len({*value[:MOST_LAYERS].tolist()}) == 1:
            return value[0].item()
        if value is None or isinstance(value, np.ndarray | Texts):
            raise self._refused(name, "is missing" if value is None else "differs between layers")
        return value

    def _refused(self, name: str, reason: str) -> UserError:
        return self.contents.file.refused(f"the value {self.architecture}.{name} {reason}")


def load(path: Path) -> Checkpoint:
    """Read a GGUF file. Raises UserError when it is damaged or of a model that is not known."""
    file = MappedFile(path)
    contents = gguf.read(file)
    architecture = contents.text("general.architecture")
    if architecture not in (*LAYOUTS, "gpt2"):
        shown = printable(architecture, 40)
        raise file.refused(f"its architecture is {shown!r}", f"{', '.join((*LAYOUTS, 'gpt2'))} are read")
    if contents.text("split.count", "1") not in ("0", "1"):
        raise file.refused("is one of several parts", "merge them with `llama-gguf-split --merge`")
    found = _weights(contents)
    try:
        configuration = _configuration(Values(contents, architecture), found)
    except ValueError as error:
        raise file.refused(f"its values are of no network: {error}") from None
    weights = checked(file, configuration, found)
    return Checkpoint(path, configuration, weights, partial(tokenizer, contents, configuration.vocabulary))


def _weights(contents: gguf.GgufContents) -> dict[str, Weight]:
    """Tensors by their canonical names; those that have none by their own."""
    found: dict[str, Weight] = {}
    for name, weight in contents.tensors.items():
        if name == FACTORS:
            continue
        if (inner := LAYER.fullmatch(name)) is None:
            head, _, kind = name.rpartition(".")
            found[_with(NAMES.get(head, name), kind) if head in NAMES else name] = weight
            continue
        layer, kind = f"layers.{inner[1]}.", inner[3]
        if inner[2] == "attn_qkv":
            found |= split(weight, *(layer + _with(f"attention.{part}", kind) for part in "qkv"))
        else:
            found[layer + _with(INNER[inner[2]], kind) if inner[2] in INNER else name] = weight
    return found


def _with(name: str, kind: str) -> str:
    return f"{name}.bias" if kind == "bias" else name


def _configuration(values: Values, found: Mapping[str, Weight]) -> Configuration:
    family = values.architecture
    if values.whole("expert_count", 0):
        raise ValueError("its feed-forward is a mixture of experts")
    if "embedding" not in found or len(found["embedding"].shape) != 2:
        raise ValueError("it has no embedding (token_embd.weight)")
    width, heads = values.whole("embedding_length"), values.whole("attention.head_count")
    if heads < 1:
        raise ValueError(f"{width} channels in {heads} heads")
    size = values.whole("attention.key_length", width // heads)
    if values.whole("attention.value_length", size) != size:
        raise ValueError("heads of values are not of the size of keys")
    plain = family == "gpt2"
    eps = values.real("attention.layer_norm_epsilon" if plain else "attention.layer_norm_rms_epsilon")
    window = values.whole("attention.sliding_window", 0)
    first = "layers.0."
    return Configuration(
        family=family,
        layers=values.whole("block_count"),
        width=width,
        heads=heads,
        kv_heads=values.whole("attention.head_count_kv", heads),
        head_size=size,
        hidden=values.whole("feed_forward_length"),
        vocabulary=found["embedding"].shape[0],
        context=values.whole("context_length"),
        eps=eps,
        rope=None if plain else _rope(values, size),
        tied="head" not in found,
        norm="layer" if plain else "rms",
        activation="gelu_tanh" if family in ("gpt2", "gemma") else "silu",
        gated=not plain,
        qkv_bias=f"{first}attention.q.bias" in found,
        out_bias=f"{first}attention.out.bias" in found,
        mlp_bias=f"{first}feedforward.up.bias" in found,
        qk_norm=f"{first}attention.q_norm" in found,
        embedding_scale=width**0.5 if family == "gemma" else 1.0,
        window=window or None,
    )


def _rope(values: Values, size: int) -> RotaryPositions:
    kind = values.contents.text(f"{values.architecture}.rope.scaling.type", "none")
    if kind not in ("none", "linear"):
        raise ValueError(f"its positions are scaled by {printable(kind, 20)!r}; none, linear and Llama 3's are known")
    turned, layers = values.whole("rope.dimension_count", size), min(values.whole("block_count"), MOST_LAYERS)
    factors: tuple[float, ...] = ()
    if kind == "linear" and 0 < turned <= size:
        factors = (values.real("rope.scaling.factor"),) * (turned // 2)
    stored = values.contents.tensors.get(FACTORS)
    if stored is not None:
        if len(stored.shape) != 1 or stored.is_quantized:
            raise ValueError(f"{FACTORS} has shape {stored.shape}")
        factors = tuple(stored.float32().tolist())
    every_fourth = frozenset(range(3, layers, 4)) if values.architecture == "smollm3" else frozenset()
    theta = values.real("rope.freq_base", 10000.0)
    return RotaryPositions(theta, turned, LAYOUTS[values.architecture], factors, every_fourth)
