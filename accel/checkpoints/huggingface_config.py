"""config.json of Hugging Face: the values that transformers' configurations have, with their usual ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from accel.checkpoints.configuration import FAMILIES, LARGEST, Configuration, RotaryPositions
from accel.errors import UserError
from accel.spelling import printable

ACTIVATIONS = {
    "silu": "silu",
    "swish": "silu",
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "relu": "relu",
}


@dataclass(frozen=True)
class ConfigFile:
    """Values of a config.json. Raises UserError, naming the file and the value, where one is missing or wrong."""

    path: Path
    values: dict[str, object]

    def get(self, name: str, usual: object = None) -> object:
        """A value; `usual` where it is missing or null."""
        value = self.values.get(name)
        return usual if value is None else value

    def whole(self, name: str, usual: int | None = None) -> int:
        """A whole number of up to 24 bits. Raises UserError for anything else."""
        value = self.get(name, usual)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1 << 24:
            raise self._wrong(name, value, "no whole number of a network")
        return value

    def real(self, name: str, usual: float | None = None) -> float:
        """A number. Raises UserError for anything else."""
        value = self.get(name, usual)
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e30:
            raise self._wrong(name, value, "no number")
        return float(value)

    def _wrong(self, name: str, value: object, what: str) -> UserError:
        return self.refused(f"{name} is {'missing' if value is None else f'{printable(repr(value), 40)}, {what}'}")

    def flag(self, name: str, usual: bool = False) -> bool:
        """True or false. Raises UserError for anything else."""
        value = self.get(name, usual)
        if not isinstance(value, bool):
            raise self.refused(f"{name} is {printable(repr(value), 40)}, neither true nor false")
        return value

    def refused(self, reason: str, remedy: str = "download or export it again") -> UserError:
        """The error that names this file."""
        return UserError(f"{self.path}: {reason}; {remedy}")


def configuration(settings: ConfigFile) -> Configuration:
    """The network that a config.json describes. Raises UserError when it is damaged or not known."""
    family = settings.get("model_type")
    if family not in FAMILIES:
        raise settings.refused(f"its model_type is {printable(str(family), 40)!r}", f"{', '.join(FAMILIES)} are read")
    if "quantization_config" in settings.values:
        raise settings.refused("its weights have a quantization of their own", "use the original, or a GGUF file")
    try:
        return _gpt2(settings) if family == "gpt2" else _llama(settings, str(family))
    except (ValueError, OverflowError) as error:
        raise settings.refused(f"its values are of no network: {error}") from None


def _activation(settings: ConfigFile, names: tuple[str, ...], usual: str) -> str:
    found = next((settings.get(name) for name in names if settings.get(name) is not None), usual)
    if not isinstance(found, str) or found not in ACTIVATIONS:
        raise settings.refused(f"its activation is {printable(str(found), 40)!r}", f"{', '.join(ACTIVATIONS)} are read")
    return ACTIVATIONS[found]


def _llama(settings: ConfigFile, family: str) -> Configuration:
    width, heads = settings.whole("hidden_size"), settings.whole("num_attention_heads")
    if heads < 1:
        raise ValueError(f"{width} channels in {heads} heads")
    layers, size = settings.whole("num_hidden_layers"), settings.whole("head_dim", width // heads)
    bias = settings.flag("attention_bias", family == "qwen2")
    gemma = family == "gemma"
    return Configuration(
        family=family,
        layers=layers,
        width=width,
        heads=heads,
        kv_heads=settings.whole("num_key_value_heads", heads),
        head_size=size,
        hidden=settings.whole("intermediate_size"),
        vocabulary=settings.whole("vocab_size"),
        context=settings.whole("max_position_embeddings"),
        eps=settings.real("rms_norm_eps", 1e-6),
        rope=_rope(settings, size, layers),
        tied=settings.flag("tie_word_embeddings", gemma),
        activation=_activation(settings, ("hidden_activation", "hidden_act"), "gelu_pytorch_tanh" if gemma else "silu"),
        qkv_bias=bias or family == "qwen2",
        out_bias=bias and family != "qwen2",
        mlp_bias=settings.flag("mlp_bias"),
        qk_norm=family == "qwen3",
        embedding_scale=width**0.5 if gemma else 1.0,
        window=_window(settings, family),
    )


def _window(settings: ConfigFile, family: str) -> int | None:
    """Tokens that a layer sees; None for all. Raises ValueError where it differs between layers."""
    kinds = settings.get("layer_types", [])
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        raise ValueError("layer_types is no list of names")
    if len({*kinds}) > 1:
        raise ValueError("some layers see all tokens and others a window")
    if {*kinds} - {"full_attention", "sliding_attention"}:
        raise ValueError(f"layers of type {printable(kinds[0], 30)!r}")
    used = settings.flag("use_sliding_window", family == "mistral") and settings.get("sliding_window") is not None
    return settings.whole("sliding_window") if used and {*kinds} != {"full_attention"} else None


def _rope(settings: ConfigFile, size: int, layers: int) -> RotaryPositions:
    """Rotary positions, from `rope_parameters`, or from `rope_theta` and `rope_scaling` of older files."""
    scaling = settings.get("rope_parameters") or settings.get("rope_scaling") or {}
    if not isinstance(scaling, dict):
        raise ValueError("rope_scaling is no object")
    inner = ConfigFile(settings.path, scaling)
    theta = inner.real("rope_theta", settings.real("rope_theta", 10000.0))
    share = inner.real("partial_rotary_factor", settings.real("partial_rotary_factor", 1.0))
    if not 1 <= size <= LARGEST["head_size"] or not 0 < share <= 1:
        raise ValueError(f"{share} of {size} channels of a head turn")
    turned = int(size * share)
    kind = inner.get("rope_type", inner.get("type", "default"))
    if kind == "default":
        factors: tuple[float, ...] = ()
    elif kind == "linear":
        factors = (inner.real("factor"),) * (turned // 2)
    elif kind == "llama3":
        factors = llama3(inner, theta, turned)
    else:
        raise ValueError(
            f"its positions are scaled by {printable(str(kind), 20)!r}; default, linear and llama3 are known"
        )
    return RotaryPositions(theta, turned, "halves", factors, _without(settings, layers))


def llama3(inner: ConfigFile, theta: float, size: int) -> tuple[float, ...]:
    """Factors of Llama 3.1: long waves are slowed by `factor`, short ones not, those between smoothly."""
    factor, low, high = (inner.real(n) for n in ("factor", "low_freq_factor", "high_freq_factor"))
    context = inner.real("original_max_position_embeddings")
    if not 0 < low < high or not theta > 0 or not factor >= 1 or not context >= 1:
        raise ValueError("its scaling of positions has factors that are no numbers of Llama 3")
    found = []
    for pair in range(size // 2):
        turns = context * theta ** (-2 * pair / size) / (2 * math.pi)
        smooth = min(1.0, max(0.0, (turns - low) / (high - low)))
        found.append(1 / ((1 - smooth) / factor + smooth))
    return tuple(found)


def _without(settings: ConfigFile, layers: int) -> frozenset[int]:
    """Layers whose queries and keys do not turn: `no_rope_layers` has 0 for them."""
    turns = settings.get("no_rope_layers")
    if turns is None and settings.get("model_type") == "smollm3" and layers <= LARGEST["layers"]:
        step = settings.whole("no_rope_layer_interval", 4)
        return frozenset(range(step - 1, layers, step)) if step else frozenset()
    if turns is None:
        return frozenset()
    if not isinstance(turns, list) or len(turns) != layers or not all(turn in (0, 1) for turn in turns):
        raise ValueError("no_rope_layers is no list of a 0 or 1 per layer")
    return frozenset(layer for layer, turn in enumerate(turns) if not turn)


def _gpt2(settings: ConfigFile) -> Configuration:
    width, heads = settings.whole("n_embd"), settings.whole("n_head")
    if heads < 1 or width % heads:
        raise ValueError(f"{width} channels in {heads} heads")
    if not settings.flag("scale_attn_weights", True) or settings.flag("scale_attn_by_inverse_layer_idx"):
        raise ValueError("its scores are not divided by the root of a head's channels")
    return Configuration(
        family="gpt2",
        layers=settings.whole("n_layer"),
        width=width,
        heads=heads,
        kv_heads=heads,
        head_size=width // heads,
        hidden=settings.whole("n_inner", 4 * width),
        vocabulary=settings.whole("vocab_size"),
        context=settings.whole("n_positions"),
        eps=settings.real("layer_norm_epsilon", 1e-5),
        rope=None,
        tied=settings.flag("tie_word_embeddings", True),
        norm="layer",
        activation=_activation(settings, ("activation_function",), "gelu_new"),
        gated=False,
        qkv_bias=True,
        out_bias=True,
        mlp_bias=True,
    )
