"""The models and recipes that are compared: a base per data set, and what each lever changes of it.

presets.base("digits")             the plain recipe: W4A8, quantization-aware training
presets.recipes("digits")          name → recipe, one lever at a time
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from accel.errors import UserError
from models.config import EncoderConfig
from models.recipe import Distillation, Pruning, Recipe

FASHION = EncoderConfig(tokens=16, features=49, channels=64, hidden=128, input_fraction=7)
VOWELS = EncoderConfig(tokens=32, features=12, classes=9, input_fraction=6)
GPT = EncoderConfig(
    tokens=64, vocabulary=96, classes=96, channels=64, heads=4, layers=4, hidden=256, norm="rms", causal=True
)
BASES = {
    "digits": Recipe(),
    "fashion": Recipe(
        model=FASHION, data="fashion", samples=10_000, float_epochs=12, float_rate=2e-3, quant_epochs=4, quant_rate=5e-4
    ),
    "vowels": Recipe(model=VOWELS, data="vowels", float_epochs=80, float_rate=3e-3, quant_epochs=20, batch=32),
    "text": Recipe(
        model=GPT, data="text", float_epochs=5, float_rate=3e-3, quant_epochs=2, quant_rate=5e-4, batch=64,
        label_smoothing=0.0,
    ),
    "bible": Recipe(
        model=GPT, data="bible", samples=20_000, float_epochs=4, float_rate=3e-3, quant_epochs=1, quant_rate=5e-4,
        batch=64, label_smoothing=0.0,
    ),
}  # fmt: skip
"""Data set → the plain recipe. Those of text take at most 500 steps and are meant to compare, not to impress."""


def base(data: str) -> Recipe:
    """The plain recipe of a data set. Raises UserError on an unknown one."""
    if data not in BASES:
        raise UserError(f"no recipe for data {data!r}; there are {', '.join(BASES)}")
    return BASES[data]


def _model(**changes: object) -> Callable[[Recipe], Recipe]:
    return lambda recipe: replace(recipe, model=replace(recipe.model, **changes))  # type: ignore[arg-type]


def _recipe(**changes: object) -> Callable[[Recipe], Recipe]:
    return lambda recipe: replace(recipe, **changes)  # type: ignore[arg-type]


def _larger(recipe: Recipe) -> EncoderConfig:
    model = recipe.model
    return replace(model, channels=2 * model.channels, hidden=2 * model.hidden)


LEVERS: dict[str, tuple[str, Callable[[Recipe], Recipe]]] = {
    "W4A8": ("quantization", lambda recipe: recipe),
    "W8A8": ("quantization", _model(weight_bits=8)),
    "W4A4": ("quantization", _model(act_bits=4)),
    "W2A8": ("quantization", _model(weight_bits=2, narrow=False)),
    "W2A4": ("quantization", _model(weight_bits=2, narrow=False, act_bits=4)),
    "ternary": ("quantization", _model(weight_bits=2, per_channel=True)),
    "binary": ("quantization", _model(weight_bits=1)),
    "learned scales": ("quantization", _model(learned_scales=True)),
    "post-training": ("quantization", _recipe(quant_epochs=0)),
    "half of the weights": ("pruning", _recipe(pruning=Pruning(weights=0.5))),
    "2:4": ("pruning", _recipe(pruning=Pruning(kept=2, group=4))),
    "half of the neurons": ("pruning", _recipe(pruning=Pruning(neurons=0.5))),
    "half of neurons and heads": ("pruning", _recipe(pruning=Pruning(neurons=0.5, heads=0.5))),
    "one layer less": ("pruning", _recipe(pruning=Pruning(layers=1))),
    "distilled": ("distillation", _recipe(distillation=Distillation())),
    "distilled, states": ("distillation", _recipe(distillation=Distillation(hidden=1.0, attention=10.0))),
    "distilled from a larger": ("distillation", lambda r: replace(r, distillation=Distillation(teacher=_larger(r)))),
    "GELU": ("activation", _model(activation="gelu")),
    "SiLU": ("activation", _model(activation="silu")),
    "squared ReLU": ("activation", _model(activation="relu2")),
    "hard swish": ("activation", _model(activation="hardswish")),
    "base-2 softmax": ("attention", _model(attention="base2")),
    "ReLU attention": ("attention", _model(attention="relu")),
    "one key head": ("attention", _model(kv_heads=1)),
    "RMSNorm": ("norm", _model(norm="rms")),
    "BatchNorm, folded": ("norm", _model(norm="batch")),
    "no norm": ("norm", _model(norm="none")),
    "low rank": ("compact", lambda r: _model(rank=max(1, r.model.channels // 4))(r)),
    "shared layers": ("compact", _model(shared=True)),
    "bf16": ("mixed precision", _recipe(precision="bf16")),
}
"""Name → the lever it pulls, and what it changes of a plain recipe."""


def recipe(data: str, name: str) -> Recipe:
    """A named recipe of a data set. Raises UserError when there is none."""
    known = recipes(data)
    if name not in known:
        raise UserError(f"no recipe {name!r} for {data}; there are {', '.join(known)}")
    return known[name]


def recipes(data: str) -> dict[str, Recipe]:
    """Name → recipe, of those that a data set's model can have."""
    plain, made = base(data), {}
    for name, (_, change) in LEVERS.items():
        try:
            made[name] = change(plain)
        except UserError:  # ReLU attention has no causal mask
            continue
    return made
