"""Weights that are fitted to a checkpoint's network, on text that the network draws itself: no data is needed.

Roundings make up for each other (`gptq.py`); then, if the recipe says so, the network in rounded weights is trained to
say what the one in real numbers says (`distilling.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import numpy as np
import torch
from torch import nn

from accel.checkpoints import Checkpoint
from accel.errors import UserError
from accel.progress import Progress
from models import languages
from models.llama import distilling, gptq
from models.llama.drawing import drawn
from models.llama.matrices import Matrix
from models.llama.network import spread_hidden
from models.llama.recipe import IntegerRecipe

WINDOW, TRAINING_WINDOWS = 512, 256


def fitted(
    checkpoint: Checkpoint, ends: Mapping[str, Matrix | np.ndarray], recipe: IntegerRecipe, progress: Progress
) -> dict[str, Matrix | np.ndarray]:
    """Integer matrices of all layers by name, and vectors if they are trained.

    ends: all other weights; the embedding and the head stay as they are. Raises UserError for a recipe without bits of
    weights, and for a checkpoint without a tokenizer, which says how texts begin.
    """
    if not recipe.weight_bits:
        raise UserError("recipe: weights are fitted to few bits; give weight_bits")
    teacher, begin = languages.load(checkpoint), checkpoint.tokenizer().begin or 0
    window = min(WINDOW, checkpoint.configuration.context)
    few = -(-recipe.fitting_tokens // window)
    levels, seed = recipe.weight_levels, recipe.fitting_seed
    progress("drawing text")
    many = min(TRAINING_WINDOWS, recipe.training_steps * distilling.BATCH)
    texts = drawn(teacher, begin, max(few, many), window, seed)
    student = _with_ends(teacher, ends)
    if recipe.hidden_hadamard:
        spread_hidden(student, recipe.hidden_hadamard)
    groups = gptq.fit(student, texts[:few], levels, recipe.weight_group, progress)
    if not recipe.training_steps:
        return {name: found.matrix() for name, found in groups.items()}
    return distilling.train(student, teacher, texts, groups, levels, recipe.training_steps, seed, progress)


def _with_ends(teacher: nn.Module, ends: Mapping[str, Matrix | np.ndarray]) -> nn.Module:
    """A copy of a network with integers in its embedding and its head."""
    student = deepcopy(teacher)
    for name, matrix in ends.items():
        if isinstance(matrix, Matrix):
            student.get_submodule(name).weight = nn.Parameter(
                torch.from_numpy(matrix.real).float(), requires_grad=False
            )
    return student
