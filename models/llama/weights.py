"""All weights of a checkpoint as integers: each by itself, or fitted to the network."""

from __future__ import annotations

import numpy as np

from accel.checkpoints import Checkpoint, Weight
from accel.errors import UserError
from accel.progress import Progress
from models.llama.folding import is_folded
from models.llama.matrices import Matrix, integers
from models.llama.recipe import B14, IntegerRecipe


def integer_weights(
    checkpoint: Checkpoint, recipe: IntegerRecipe = B14, progress: Progress | None = None
) -> dict[str, Matrix | np.ndarray]:
    """All weights of a checkpoint by name: integers of quantized files as they are, unless the recipe has other bits.

    A recipe with `folded_rotation` or `folded_gains` takes a checkpoint that `models.llama.folded` returned.
    UserError is raised for another. Weights that are to be fitted are fitted (`models.llama.fitting`), and progress is
    told how far that is.
    """
    if (recipe.folded_rotation or recipe.folded_gains) and not is_folded(checkpoint):
        name = "folded_rotation" if recipe.folded_rotation else "folded_gains"
        raise UserError(f"{checkpoint.path}: the recipe has {name}; give models.llama.folded(checkpoint)")
    if not recipe.fitting_tokens:
        return {name: _alone(name, weight, recipe) for name, weight in checkpoint.weights.items()}
    from models.llama.fitting import fitted

    layers = {name for name, w in checkpoint.weights.items() if name.startswith("layers.") and len(w.shape) > 1}
    found = {name: _alone(name, w, recipe) for name, w in checkpoint.weights.items() if name not in layers}
    return found | fitted(checkpoint, found, recipe, progress or (lambda text: None))


def _alone(name: str, weight: Weight, recipe: IntegerRecipe) -> Matrix | np.ndarray:
    """One weight; its part of the file need not stay in memory."""
    found = integers(name, weight, recipe)
    weight.file.forget()
    return found
