"""Opening a language model: a checkpoint of any kind, or a file that `LanguageModel.save` wrote."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from accel import arguments, checkpoints
from accel.checkpoints import Checkpoint, Tokenizer
from accel.errors import UserError
from accel.progress import Progress
from accel.spelling import printable
from accel.verbs.lm import kept
from accel.verbs.lm.model import LanguageModel

if TYPE_CHECKING:
    from models.llama import IntegerRecipe

RECIPE, CONTEXT = "B14", 512


def load(
    path: Path | str,
    recipe: IntegerRecipe | str | None = None,
    *,
    context: int | None = None,
    tokenizer: Path | str | None = None,
    device: str = "native",
    progress: Progress | None = None,
) -> LanguageModel:
    """A language model in integers.

    path: a GGUF file, a folder of Hugging Face, a `.bin` of llama2.c, or a file that `LanguageModel.save` wrote.
    recipe: of `models.llama.RECIPES`, with fields changed ("B14:key_value_bits=9"), or an `IntegerRecipe`; a saved file
    has one already. context: tokens that it sees at once, at most those of the checkpoint. tokenizer: file of a `.bin`
    without one beside it. device: as in `reference.run`; a graph is compiled once. progress: told of weights that
    are fitted. Raises UserError for a file, a recipe or a context that does not fit.
    """
    path = Path(path)
    if kept.is_kept(path):
        if tokenizer is not None:
            raise UserError(f"{path}: has its own tokenizer; one is named for a .bin file of llama2.c alone")
        if recipe is not None:
            raise UserError(f"{path}: has its recipe already; name the checkpoint that it was made from")
        return _reopened(path, kept.read(path), context, device)
    return of(checkpoints.load(path, tokenizer), RECIPE if recipe is None else recipe, context, device, progress)


def of(
    checkpoint: Checkpoint, recipe: IntegerRecipe | str, context: int | None, device: str, progress: Progress | None
) -> LanguageModel:
    """The model of a checkpoint that is open; arguments as of `load`."""
    from models import languages, llama

    tokenizer = _early(checkpoint.tokenizer)
    chosen = llama.named(recipe) if isinstance(recipe, str) else recipe
    if not isinstance(chosen, llama.IntegerRecipe):
        raise UserError(f"the recipe is {printable(repr(recipe), 40)}; give its name, or an IntegerRecipe")
    if chosen.folded_rotation or chosen.folded_gains:
        checkpoint = llama.folded(checkpoint, rotation=bool(chosen.folded_rotation))
    seen = _context(checkpoint.configuration.context, context)
    return LanguageModel(
        checkpoint.path, checkpoint.configuration, llama.integer_weights(checkpoint, chosen, progress), chosen,
        tokenizer, partial(languages.load, checkpoint), seen, device,
    )  # fmt: skip


def _early(make: Callable[[], Tokenizer]) -> Callable[[], Tokenizer]:
    """A tokenizer that is there before the weights, which then take the memory that it needed in between.

    Its error waits for whoever asks for the tokenizer.
    """
    try:
        found = make()
    except UserError:
        return make
    return lambda: found


def _reopened(path: Path, found: kept.Kept, context: int | None, device: str) -> LanguageModel:
    """The model of a file that was saved; its network in real numbers has the rounded weights."""
    from models import languages

    configuration, weights = found.configuration, found.weights
    return LanguageModel(
        path, configuration, weights, found.recipe, lambda: found.tokenizer,
        lambda: languages.of(configuration, weights, found.recipe.hidden_hadamard),
        _context(configuration.context, context), device,
    )  # fmt: skip


def _context(most: int, asked: int | None) -> int:
    if asked is None:
        return min(most, CONTEXT)
    asked = arguments.whole("the context", asked)
    if not 2 <= asked <= most:
        raise UserError(f"a context of {asked} tokens: the model has 2 to {most}")
    return asked
