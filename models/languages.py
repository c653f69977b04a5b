"""Language models of every family: the network and the integer graph that a configuration asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from accel.checkpoints import Checkpoint, Configuration

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from accel.graph import Graph
    from models.llama import IntegerRecipe, Matrix

    Weights = Mapping[str, Matrix | np.ndarray]


def load(checkpoint: Checkpoint) -> nn.Module:
    """The network in torch with the weights of a checkpoint, in float32."""
    from models import gpt2, llama

    return gpt2.load(checkpoint) if _is_gpt2(checkpoint.configuration) else llama.load(checkpoint)


def of(configuration: Configuration, weights: Weights, hidden_hadamard: int = 0) -> nn.Module:
    """The network in torch with integer weights as real numbers, in float32; `hidden_hadamard` is of their recipe."""
    from models.gpt2.network import GPT2
    from models.llama.network import Llama, of

    return of(GPT2 if _is_gpt2(configuration) else Llama, configuration, weights, hidden_hadamard)


def lower(configuration: Configuration, weights: Weights, tokens: int, recipe: IntegerRecipe, name: str) -> Graph:
    """The integer graph of `tokens` tokens. Raises UserError as `models.llama.lower` and `models.gpt2.lower` do."""
    from models import gpt2, llama

    family = gpt2 if _is_gpt2(configuration) else llama
    return family.lower(configuration, weights, tokens, recipe, name)


def _is_gpt2(configuration: Configuration) -> bool:
    return configuration.family == "gpt2"
