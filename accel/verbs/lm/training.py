"""Training of a language model's rounded weights, on text that it draws itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from accel.progress import Progress
from accel.verbs.lm import loading
from accel.verbs.lm.model import LanguageModel

if TYPE_CHECKING:
    from models.llama import IntegerRecipe

RECIPE, STEPS, TOKENS, SEED = "W4A8", 200, 4096, 1


def train(
    path: Path | str,
    recipe: IntegerRecipe | str = RECIPE,
    steps: int = STEPS,
    *,
    tokens: int = TOKENS,
    seed: int = SEED,
    context: int | None = None,
    tokenizer: Path | str | None = None,
    device: str = "native",
    progress: Progress | None = None,
) -> LanguageModel:
    """A language model whose rounded weights learned what the checkpoint says in real numbers.

    recipe: one with `weight_bits`. Roundings first make up for each other on `tokens` tokens, then
    the weights are trained for `steps` steps; with 0 steps they are not. The network draws all text itself, from
    `seed`. Other arguments and errors as of `load`; UserError for a recipe without them, too.
    """
    from models import llama

    chosen = llama.named(recipe) if isinstance(recipe, str) else recipe
    chosen = replace(chosen, fitting_tokens=tokens, fitting_seed=seed, training_steps=steps)
    return loading.load(path, chosen, context=context, tokenizer=tokenizer, device=device, progress=progress)
