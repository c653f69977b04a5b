"""GPT-2 as a causal integer graph of T tokens: identifiers in, logits out; all else is `models.llama.transformer`.

graph = lower(checkpoint.configuration, llama.integer_weights(checkpoint), tokens=64)
"""

from __future__ import annotations

from accel.building import Edge
from accel.checkpoints import Configuration
from accel.errors import UserError
from accel.graph import Graph
from accel.ops.position.op import Position
from models.llama.recipe import B14, IntegerRecipe
from models.llama.transformer import Transformer, Weights, require_shapes


def lower(
    configuration: Configuration, weights: Weights, tokens: int, recipe: IntegerRecipe = B14, name: str = "gpt2"
) -> Graph:
    """The graph of `tokens` tokens: input (tokens, 1) identifiers, output (tokens, vocabulary) logits.

    A LayerNorm is the l2 form of Norm behind a subtraction of the mean. Raises UserError for another network, for
    weights of another shape and for more tokens than there are positions, GraphError where a format needs more than 62
    bits.
    """
    if configuration.family != "gpt2":
        raise UserError(f"a {configuration.family} is no GPT-2; models.llama lowers it")
    require_shapes(configuration, weights)
    if tokens > configuration.context:
        raise UserError(f"{tokens} tokens: the model has {configuration.context} positions")
    return _GPT2(configuration, weights, recipe, tokens).graph(name)


class _GPT2(Transformer):
    """Positions that are added to the embedding, and a feed-forward without a gate."""

    def embedded(self) -> Edge:
        table = self.words(self.vector("positions")[: self.tokens])
        x = super().embedded()
        return self.build.add(Position(table), x, scale=x.scale, name="positions")

    def feedforward(self, x: Edge, name: str, layer: int) -> Edge:
        """down(activation(up))."""
        hidden = self.activated(self.matrix(x, f"{name}.up", self.recipe.gates), name)
        return self.down(hidden, name, self.recipe.gates)
