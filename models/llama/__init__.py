"""Networks of Llama's kind: `models.llama.load(accel.checkpoints.load("model.gguf"))` is one in torch.

`lower(configuration, integer_weights(checkpoint), tokens)` is one as an integer graph, in the formats of an
`IntegerRecipe`.
"""

from __future__ import annotations

from accel.lazy import lazy

HOMES = {
    "Llama": "models.llama.network",
    "Memory": "models.llama.network",
    "load": "models.llama.network",
    "lower": "models.llama.lowering",
    "folded": "models.llama.folding",
    "integer_weights": "models.llama.weights",
    "Matrix": "models.llama.matrices",
    "IntegerRecipe": "models.llama.recipe",
    "B14": "models.llama.recipe",
    "B10": "models.llama.recipe",
    "Format": "models.llama.recipe",
    "RECIPES": "models.llama.recipe",
    "named": "models.llama.recipe",
}

__all__ = [*HOMES]
__getattr__ = lazy(__name__, HOMES)
