"""A Llama as a causal integer graph of T tokens: identifiers in, logits out.

checkpoint = accel.checkpoints.load("model.gguf")
graph = lower(checkpoint.configuration, integer_weights(checkpoint), tokens=64)
decoder = reference.decode(graph)
"""

from __future__ import annotations

import numpy as np

from accel.building import Edge
from accel.checkpoints import Configuration
from accel.errors import UserError
from accel.graph import Graph
from accel.ops.mul.op import Mul
from accel.ops.rotary.op import Rotary
from models.llama.recipe import B14, Format, IntegerRecipe
from models.llama.rotation import paired, rotary
from models.llama.transformer import Transformer, Weights, require_shapes


def lower(
    configuration: Configuration, weights: Weights, tokens: int, recipe: IntegerRecipe = B14, name: str = "llama"
) -> Graph:
    """The graph of `tokens` tokens: input (tokens, 1) identifiers, output (tokens, vocabulary) logits.

    Logits are exact sums in one scale, so the largest of them is the largest integer. Raises UserError for a network
    that is not lowered yet and for weights of another shape, GraphError where a format needs more than 62 bits.
    """
    _require(configuration)
    require_shapes(configuration, weights)
    return _Llama(configuration, weights, recipe, tokens).graph(name)


def _require(c: Configuration) -> None:
    """Raise UserError for what has no lowering."""
    refused = {
        "learned positions": c.rope is None,
        "no gate in its feed-forward": not c.gated,
        "a window of tokens": c.window is not None,
    }
    if found := [what for what, is_there in refused.items() if is_there]:
        raise UserError(f"a {c.family} with {found[0]} cannot become a graph yet; lower a Llama with SwiGLU")


class _Llama(Transformer):
    """Rotary positions, and a feed-forward that a gate opens."""

    def __init__(self, c: Configuration, weights: Weights, recipe: IntegerRecipe, tokens: int) -> None:
        super().__init__(c, weights, recipe, tokens)
        assert c.rope is not None  # `_require` has looked
        self.rope = c.rope
        self.rotary = Rotary(*rotary(c.rope, c.head_size, tokens, recipe.rotary_bits))

    def words_of(self, part: str, layer: int) -> Format:
        is_last = part == "v" or (layer in self.rope.skipped and not self.c.qk_norm)
        return super().words_of(part, layer) if is_last else self.recipe.attention

    def placed(self, q: Edge, k: Edge, name: str, layer: int) -> tuple[Edge, Edge]:
        forms = self.recipe.head_format("q"), self.recipe.head_format("k")
        if self.c.qk_norm:
            normed = forms if layer in self.rope.skipped else (self.recipe.attention,) * 2
            q, k = self.head_norm(q, f"{name}.q_norm", normed[0]), self.head_norm(k, f"{name}.k_norm", normed[1])
        return (q, k) if layer in self.rope.skipped else (self.turned(q, forms[0]), self.turned(k, forms[1]))

    def feedforward(self, x: Edge, name: str, layer: int) -> Edge:
        """down(activation(gate) · up)."""
        gate, up = (self.matrix(x, f"{name}.{part}", self.recipe.gates) for part in ("gate", "up"))
        opened = self.activated(gate, name)
        hidden = self.build.add(Mul(), opened, up, scale=opened.scale * up.scale, name=f"{name}.hidden")
        return self.down(self.fixed(hidden, self.recipe.hidden), name, self.recipe.hidden)

    def head_norm(self, x: Edge, name: str, form: Format) -> Edge:
        """Queries or keys, normalized head by head."""
        gain = self.vector(name)[paired(self.rope, self.c.head_size)]
        return self.normalized(x, name, form, self.c.head_size, gain, f"{x.name}.norm")

    def turned(self, x: Edge, form: Format) -> Edge:
        """Queries or keys, turned by the place of their token."""
        scale = x.scale * 2.0 ** (1 - self.recipe.rotary_bits)
        return self.fixed(self.build.add(self.rotary, x, scale=scale, name=f"{x.name}.turned"), form)

    def row_order(self, name: str) -> np.ndarray | None:
        """Rows of queries or keys in the order of pairs, for all heads."""
        if name.rpartition(".")[2] not in ("q", "k"):
            return None
        size, rows = self.c.head_size, self.weights[name].shape[0]
        order: np.ndarray = (np.arange(0, rows, size)[:, None] + paired(self.rope, size)).ravel()
        return order
