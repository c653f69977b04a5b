"""Recipes of a language model beside each other: what each costs on the same text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from accel import arguments, checkpoints
from accel.progress import Progress
from accel.verbs.lm import loading
from accel.verbs.lm.model import WINDOW
from accel.verbs.lm.perplexity import Perplexity


def calibrate(
    path: Path | str,
    text: str,
    recipes: Sequence[str] | str = (),
    tokens: int | None = None,
    *,
    window: int = WINDOW,
    tokenizer: Path | str | None = None,
    device: str = "native",
    progress: Progress | None = None,
) -> dict[str, Perplexity]:
    """Perplexity of a checkpoint by the name of its recipe; `recipes` are as of `load`, or all.

    Other arguments as of `LanguageModel.perplexity` and `load`. Raises UserError as they do.
    """
    from models import llama

    tell = progress or (lambda text: None)
    names = {name: llama.named(name) for name in arguments.texts("a recipe", recipes) or llama.RECIPES}
    checkpoint = checkpoints.load(path, tokenizer)
    found = {}
    for name, recipe in names.items():
        now = partial(_tell, tell, name)
        model = loading.of(checkpoint, recipe, None, device, now)
        found[name] = model.perplexity(text, tokens, window=window, device=device, progress=now)
    return found


def _tell(tell: Progress, name: str, now: str) -> None:
    tell(f"{name}: {now}")
