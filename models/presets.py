"""The models and recipes that are compared: a base per data set, and what each lever changes of it.

presets.base("digits")             the plain recipe: W4A8, quantization-aware training
presets.recipes("digits")          name → recipe, one lever at a time
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace

from accel.errors import UserError
from accel.spelling import plain
from models.config import EncoderConfig
from models.recipe import Distillation, Pruning, Recipe

FASHION = EncoderConfig(tokens=16, features=49, channels=64, hidden=128, input_fraction=7)
VOWELS = EncoderConfig(tokens=32, features=12, classes=9, input_fraction=6)
GPT = EncoderConfig(
    tokens=64, vocabulary=96, classes=96, channels=64, heads=4, layers=4, hidden=256, norm="rms", causal=True
)
MICROGPT = EncoderConfig(
    tokens=16,
    vocabulary=27,
    classes=27,
    channels=16,
    heads=4,
    layers=1,
    hidden=64,
    norm="rms_table",
    embedded_norm=True,
    final_norm=False,
    biases=False,
    attention="deferred",
    causal=True,
)
"""4,192 parameters: the shape of microGPT, with a norm behind the embedding, none in front of the head, no biases."""
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
    "names": Recipe(
        model=MICROGPT, data="names", float_epochs=14, float_rate=1.5e-2, quant_epochs=4, quant_rate=4e-3, batch=128,
        weight_decay=0.0, label_smoothing=0.0,
    ),
}  # fmt: skip
"""Data set → the plain recipe. Those of text take at most 500 steps and are meant to compare, not to impress."""
OWN = {"microgpt": "names"}
"""Recipes that are the plain one of a data set, by a name of their own."""


def base(data: str) -> Recipe:
    """The plain recipe of a data set. Raises UserError on an unknown one."""
    if data not in BASES:
        raise UserError(f"no recipe for data {data!r}; there are {', '.join(BASES)}")
    return BASES[data]


def _model(**changes: object) -> Change:
    return lambda recipe: replace(recipe, model=replace(recipe.model, **changes))  # type: ignore[arg-type]


def _recipe(**changes: object) -> Change:
    return lambda recipe: replace(recipe, **changes)  # type: ignore[arg-type]


def _four_bits(**changes: object) -> Change:
    """Activations of 4 bits, which learn more slowly: models.choose compares."""
    return lambda recipe: replace(
        _model(act_bits=4, **changes)(recipe), quant_epochs=4 * recipe.quant_epochs, quant_rate=2 * recipe.quant_rate
    )


def _larger(recipe: Recipe) -> EncoderConfig:
    model = recipe.model
    return replace(model, channels=2 * model.channels, hidden=2 * model.hidden)


Change = Callable[[Recipe], Recipe]

MULTIPLIERS = 128
"""Products per cycle that every design may make: what a recipe saves shows as cycles."""


@dataclass(frozen=True)
class Lever:
    """Its kind, what it changes of a plain recipe, the processes that train it (as `Parallel.parse` reads them; none:
    one process) and the products per cycle of its hardware.
    """

    kind: str
    change: Change = lambda recipe: recipe
    parallel: str = ""
    multipliers: int = MULTIPLIERS


LEVERS = {
    "W4A8": Lever("quantization"),
    "W8A8": Lever("quantization", _model(weight_bits=8)),
    "W4A4": Lever("quantization", _four_bits()),
    "W2A8": Lever("quantization", _model(weight_bits=2, narrow=False)),
    "W2A4": Lever("quantization", _four_bits(weight_bits=2, narrow=False)),
    "ternary": Lever("quantization", _model(weight_bits=2, per_channel=True)),
    "binary": Lever("quantization", _model(weight_bits=1)),
    "learned-scales": Lever("quantization", _model(learned_scales=True)),
    "16-bit-accumulators": Lever("quantization", _model(accumulator_bits=16)),
    "3-bits-on-average": Lever("quantization", _recipe(mean_bits=3.0)),
    "post-training": Lever("quantization", _recipe(quant_epochs=0)),
    "post-training-corrected": Lever("quantization", _recipe(quant_epochs=0, corrections=("equalize", "gptq", "bias"))),
    "half-of-the-weights": Lever("pruning", _recipe(pruning=Pruning(weights=0.5))),
    "2:4": Lever("pruning", _recipe(pruning=Pruning(kept=2, group=4))),
    "half-of-the-neurons": Lever("pruning", _recipe(pruning=Pruning(neurons=0.5))),
    "half-of-neurons-and-heads": Lever("pruning", _recipe(pruning=Pruning(neurons=0.5, heads=0.5))),
    "one-layer-less": Lever("pruning", _recipe(pruning=Pruning(layers=1))),
    "distilled": Lever("distillation", _recipe(distillation=Distillation())),
    "distilled-states": Lever("distillation", _recipe(distillation=Distillation(hidden=1.0, attention=10.0))),
    "distilled-from-a-larger": Lever(
        "distillation", lambda r: replace(r, distillation=Distillation(teacher=_larger(r)))
    ),
    "GELU": Lever("activation", _model(activation="gelu")),
    "SiLU": Lever("activation", _model(activation="silu")),
    "squared-ReLU": Lever("activation", _model(activation="relu2")),
    "hard-swish": Lever("activation", _model(activation="hardswish")),
    "base-2-softmax": Lever("attention", _model(attention="base2")),
    "ReLU-attention": Lever("attention", _model(attention="relu")),
    "divisions-by-table": Lever("attention", _model(attention="deferred", norm="rms_table")),
    "one-key-head": Lever("attention", _model(kv_heads=1)),
    "RMSNorm": Lever("norm", _model(norm="rms")),
    "BatchNorm-folded": Lever("norm", _model(norm="batch")),
    "no-norm": Lever("norm", _model(norm="none")),
    "low-rank": Lever("compact", lambda r: _model(rank=max(1, r.model.channels // 4))(r)),
    "shared-layers": Lever("compact", _model(shared=True)),
    "bf16": Lever("mixed precision", _recipe(precision="bf16")),
    "two-replicas": Lever("data parallel", parallel="data=2"),
    "two-sharded-replicas": Lever("data parallel", parallel="data=2,sharded=true"),
    "matrices-in-two": Lever("model parallel", parallel="tensor=2"),
    "a-pipeline-of-two": Lever("model parallel", parallel="pipeline=2"),
    "replicas-x-matrices": Lever("hybrid parallel", parallel="data=2,tensor=2"),
    "a-quarter-of-the-multipliers": Lever("hardware", multipliers=MULTIPLIERS // 4),
    "four-times-the-multipliers": Lever("hardware", multipliers=4 * MULTIPLIERS),
}
"""Name → what it pulls."""


def named(data: str, name: str) -> str:
    """The recipe's name, however it is written. Raises UserError when the data set has no such recipe."""
    known = {plain(one): one for one in recipes(data)}
    if plain(name) not in known:
        near = difflib.get_close_matches(plain(name), known, n=1)
        hint = f" (did you mean {known[near[0]]}?)" if near else ""
        raise UserError(f"no recipe {name!r} for {data}{hint}; there are {', '.join(known.values())}")
    return known[plain(name)]


def recipe(data: str, name: str) -> Recipe:
    """A recipe of a data set. Raises UserError as `named` does."""
    return recipes(data)[named(data, name)]


def chosen(data: str | None, name: str) -> Recipe:
    """A recipe of a data set, by default the digits, or one of OWN. Raises UserError as `named` does."""
    own = OWN.get(plain(name))
    if own is None:
        return recipe(data or "digits", name)
    if data not in (None, own):
        raise UserError(f"recipe {name} is of the data {own}, not {data}; leave the data away")
    return base(own)


def recipes(data: str) -> dict[str, Recipe]:
    """Name → recipe, of those that a data set's model can have."""
    plain, made = base(data), {}
    for name, lever in LEVERS.items():
        try:
            made[name] = lever.change(plain)
        except UserError:  # ReLU attention has no causal mask
            continue
    return made
