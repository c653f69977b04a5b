"""Parts that all language models have, as nodes of a causal integer graph.

Every rounding is a node of its own, so that every level is compared behind each of them. Between two matrices are words
of a fixed format (`IntegerRecipe`); a matrix reads them rounded to the significant bits of their token (`BlockFloat`).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np

from accel.blocks import Blocks
from accel.building import Builder, Edge
from accel.checkpoints import Configuration
from accel.checkpoints.configuration import shapes
from accel.constants import Constant
from accel.errors import UserError
from accel.graph import Graph
from accel.ops.add.op import Add
from accel.ops.blockfloat.op import BlockFloat
from accel.ops.dense.op import Dense
from accel.ops.divide.op import Divide
from accel.ops.embedding.op import Embedding
from accel.ops.exponential.op import MAX_ENTRIES, Exponential, table
from accel.ops.lookup.op import Lookup
from accel.ops.matmul.op import MatMul
from accel.ops.mul.op import Mul
from accel.ops.norm.op import Norm
from accel.ops.rescale.op import Rescale
from accel.tensor import Tensor
from models.llama.matrices import MULTIPLIER_BITS, Matrix
from models.llama.recipe import Format, IntegerRecipe
from models.llama.rotation import hadamard

HALF_UP = "half_up"
ROOT_BITS = 12
"""Bits behind the point of 1 / sqrt(channels of a head), where it is rounded."""
Weights = Mapping[str, Matrix | np.ndarray]
"""Matrices (outputs, inputs) and vectors by the canonical names of `accel.checkpoints`."""


GATES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "silu": lambda x: 1 / (1 + np.exp(-x)),
    "gelu": lambda x: 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
    "gelu_tanh": lambda x: 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
}
"""Activation → the gate(x) of x · gate(x)."""


def require_shapes(configuration: Configuration, weights: Weights) -> None:
    """Raise UserError for a weight that is missing or of another shape."""
    for name, shape in shapes(configuration).items():
        if name not in weights or weights[name].shape != shape:
            got = weights[name].shape if name in weights else "nothing"
            raise UserError(f"weight {name!r} is {got}; the configuration says {shape}")


class Transformer(ABC):
    """Adds the nodes of a network. Methods take and return edges of the residual stream, or of a fixed format.

    A family of networks says how queries and keys learn their place, and what its feed-forward is.
    """

    def __init__(self, c: Configuration, weights: Weights, recipe: IntegerRecipe, tokens: int) -> None:
        self.c, self.weights, self.recipe, self.tokens, self.build = c, weights, recipe, tokens, Builder()
        self._lacking: dict[str, np.ndarray] = {}
        """Edge → real numbers of its channels that the matrices behind it add: the bias of a LayerNorm."""

    def graph(self, name: str) -> Graph:
        """The whole network: identifiers in, logits out."""
        x = self.embedded()
        for layer in range(self.c.layers):
            x = self.layer(x, layer)
        return self.build.graph(self.logits(x), name)

    @abstractmethod
    def feedforward(self, x: Edge, name: str, layer: int) -> Edge:
        """The part of the residual stream that the feed-forward adds."""

    def words_of(self, part: str, layer: int) -> Format:
        """The format in which a matrix returns queries ("q"), keys ("k") or values ("v")."""
        return self.recipe.head_format(part)

    def placed(self, q: Edge, k: Edge, name: str, layer: int) -> tuple[Edge, Edge]:
        """Queries and keys, which may depend on the place of their token."""
        return q, k

    def row_order(self, name: str) -> np.ndarray | None:
        """The order of a matrix' rows; None: as they are."""
        return None

    def embedded(self) -> Edge:
        """Rows of the embedding in the residual's format. Packed ones stay so: the graph multiplies them."""
        x = self.build.input(Tensor((self.tokens, 1), 0, self.c.vocabulary - 1), "tokens")
        matrix, residual = self.weight("embedding"), self.recipe.residual
        if self.c.embedding_scale != 1 or not isinstance(matrix.values, Blocks):
            words = self.words(matrix.real * self.c.embedding_scale)
            return self.build.add(Embedding(words), x, scale=residual.step, name="embedding")
        y = self.build.add(Embedding(matrix.values), x, scale=2.0**-matrix.shift, name="embedding.words")
        factor = self.build.add(Embedding(matrix.multiplier[:, None]), x, name="embedding.factor")
        ones = np.ones((self.c.width, 1), np.int64)
        factors = self.build.add(Dense(ones, ones[:, 0] * 0), factor, name="embedding.factors")
        return self.fixed(self.build.add(Mul(), y, factors, scale=y.scale, name="embedding"), residual)

    def words(self, real: np.ndarray) -> np.ndarray:
        """Real numbers in the residual's format."""
        residual = self.recipe.residual
        found: np.ndarray = np.clip(np.floor(real / residual.step + 0.5).astype(np.int64), *residual.limits)
        return found

    def layer(self, x: Edge, layer: int) -> Edge:
        for name, part in (
            (f"layers.{layer}.attention", self.attention),
            (f"layers.{layer}.feedforward", self.feedforward),
        ):
            x = self.sum(x, part(self.rounded(self.norm(x, f"{name}.norm")), name, layer), f"{name}.sum")
        return x

    def attention(self, x: Edge, name: str, layer: int) -> Edge:
        q, k, v = (self.matrix(x, f"{name}.{part}", self.words_of(part, layer)) for part in "qkv")
        q, k = self.placed(q, k, name, layer)
        if self.recipe.key_value_hadamard:
            forms = (self.recipe.head_format(part) for part in "qkv")
            q, k, v = (self.spread(*pair, self.c.head_size) for pair in zip((q, k, v), forms, strict=True))
        q = self.block(q, self.recipe.query_bits, self.c.head_size)
        k, v = (self.block(edge, self.recipe.key_value_bits, self.c.head_size) for edge in (k, v))
        product = MatMul(self.c.heads, "scores", self.c.kv_heads)
        scale = q.scale * k.scale / self.head_root
        scores = self.build.add(product, q, k, scale=scale, name=f"{name}.scores")
        mixed = self.divided(self.fixed(scores, self.recipe.scores), v, name)
        if self.recipe.key_value_hadamard:
            mixed = self.spread(mixed, self.recipe.mixed, self.c.head_size)
        return self.matrix(self.rounded(mixed), f"{name}.out", self.recipe.residual)

    @property
    def head_root(self) -> float:
        """The square root of the channels of a head; of ROOT_BITS where sums are rounded once: a small multiplier."""
        root = math.sqrt(self.c.head_size)
        return root if self.recipe.spared_bits else 2.0**ROOT_BITS / round(2.0**ROOT_BITS / root)

    def spread(self, x: Edge, form: Format, size: int) -> Edge:
        """Groups times a Hadamard matrix, which is its own inverse: no channel is much larger than its neighbours.

        Groups of the largest power of two that divides `size` and the channels.
        """
        channels = self.build.tensor(x).channels
        size = math.gcd(size & -size, channels)
        signs = np.kron(np.eye(channels // size, dtype=np.int64), hadamard(size))
        scale = x.scale / math.sqrt(size)
        spread = Dense(signs, np.zeros(channels, np.int64))
        return self.fixed(self.build.add(spread, x, scale=scale, name=f"{x.name}.spread"), form)

    def divided(self, scores: Edge, v: Edge, name: str) -> Edge:
        """Values weighted with the exponentials of scores, divided by the sum of those."""
        heads, recipe, build = self.c.heads, self.recipe, self.build
        rom = table(recipe.scores.step, recipe.exponential_bits, MAX_ENTRIES)
        shares = build.add(Exponential(self.tokens, rom, causal=1), scores, name=f"{name}.exponentials")
        sums = build.add(Dense(self.ones, np.zeros(heads, np.int64)), shares, name=f"{name}.sums")
        product = MatMul(heads, "values", self.c.kv_heads)
        values = build.add(product, shares, v, scale=v.scale, name=f"{name}.values")
        fraction, least = recipe.mixed.fraction - recipe.head_format("v").fraction, recipe.exponential_bits - 1
        divide = Divide.of(build.tensor(sums), fraction, *recipe.mixed.limits, least, recipe.divisor_bits)
        return build.add(divide, values, sums, scale=recipe.mixed.step, name=f"{name}.mixed")

    def down(self, hidden: Edge, name: str, form: Format) -> Edge:
        """The last matrix of a feed-forward; what it reads is in a format."""
        if self.recipe.hidden_hadamard:
            hidden = self.spread(hidden, form, self.recipe.hidden_hadamard)
        return self.matrix(self.rounded(hidden), f"{name}.down", self.recipe.residual)

    @cached_property
    def ones(self) -> Constant:
        """The matrix that sums the keys of every head, one for all layers."""
        return Constant(np.repeat(np.eye(self.c.heads, dtype=np.int64), self.tokens, axis=1))

    def norm(self, x: Edge, name: str) -> Edge:
        """The residual stream, normalized; the bias of a LayerNorm is left to the matrices behind it."""
        if self.c.norm == "rms":
            return self.normalized(x, name, self.recipe.normed, 0)
        y = self.normalized(self.centred(x, name), name, self.recipe.normed, 0)
        self._lacking[y.name] = self.vector(f"{name}.bias")
        return y

    def centred(self, x: Edge, name: str) -> Edge:
        """The residual stream less the mean of its channels, which is rounded to a step of it."""
        channels = self.build.tensor(x).channels
        ones = np.ones((1, channels), np.int64)
        sums = self.build.add(Dense(ones, ones[0, :1] * 0), x, scale=x.scale / channels, name=f"{name}.mean")
        mean = self.build.requantize(sums, x.scale, None, HALF_UP, f"{name}.mean.rounded")
        spread = self.build.add(Dense(-ones.T, ones[0] * 0), mean, scale=x.scale, name=f"{name}.mean.everywhere")
        return self.build.add(Add([1, 1]), x, spread, scale=x.scale, name=f"{name}.centred")

    def activated(self, x: Edge, name: str) -> Edge:
        """The activation of words in the format of gates: x · gate(x), the gate from a table of a narrower x."""
        recipe, build, activation = self.recipe, self.build, self.c.activation
        if activation == "relu":
            return build.rescale(Rescale([1], 0, HALF_UP, 0, recipe.gates.limits[1]), x, x.scale, f"{name}.relu")
        form = recipe.sigmoid if activation == "silu" else recipe.gelu
        lo, hi = form.limits
        opening = GATES[activation](np.arange(lo, hi + 1) * form.step)
        rom, step = np.floor(2.0**recipe.sigmoid_bits * opening + 0.5).astype(np.int64), 2.0**-recipe.sigmoid_bits
        gate = build.add(Lookup(rom, lo), self.fixed(x, form), scale=step, name=f"{name}.gate.table")
        return self.fixed(build.add(Mul(), x, gate, scale=x.scale * step, name=f"{name}.{activation}"), recipe.gates)

    def normalized(
        self, x: Edge, name: str, form: Format, row: int, gain: np.ndarray | None = None, node: str = ""
    ) -> Edge:
        gain = self.vector(name) if gain is None else gain
        channels, shared = len(gain), self.recipe.folded_gains and not np.ptp(gain)
        offset = round(channels * self.c.eps / float(x.scale) ** 2)
        real = math.sqrt(channels) * gain[: 1 if shared else None].astype(np.float64)
        recipe = self.recipe
        op = Norm.l2(
            real, form.fraction, form.bits, gain_bits=recipe.gain_bits, guard=recipe.root_guard,
            root_fraction=recipe.root_fraction, offset=offset, row=row,
        )  # fmt: skip
        return self.build.add(op, x, scale=form.step, name=node or name)

    def rounded(self, x: Edge) -> Edge:
        """An edge as a matrix reads it: significant bits of a token."""
        group = math.gcd(self.recipe.activation_group, self.build.tensor(x).channels)
        return self.block(x, self.recipe.activation_bits, group if self.recipe.activation_group else 0)

    def block(self, x: Edge, bits: int, group: int) -> Edge:
        if not bits:
            return x
        y = self.build.add(BlockFloat(bits, group), x, scale=x.scale, name=f"{x.name}.block")
        if x.name in self._lacking:
            self._lacking[y.name] = self._lacking[x.name]
        return y

    def matrix(self, x: Edge, name: str, form: Format) -> Edge:
        """x times a matrix in another format, which saturates; nothing in front of it does."""
        matrix, order = self.weight(name), self.row_order(name)
        if order is not None:
            matrix = matrix.rows(order)
        step = np.asarray(float(x.scale) * 2.0**-matrix.shift)
        bias = np.floor(self._bias(x, matrix, name, order) / (step * matrix.multiplier) + 0.5).astype(np.int64)
        y = self.build.add(Dense(matrix.values, bias), x, scale=step, name=name)
        shift = round(math.log2(form.step / float(step)))
        if matrix.multiplier.max() > 1:
            spared = max(0, min(self.recipe.spared_bits, shift - MULTIPLIER_BITS))
            shift, step = shift - spared, step * 2.0**spared
            if self.recipe.spared_bits:
                y = self.build.requantize(y, step, None, HALF_UP, f"{name}.sums")
        op = Rescale(matrix.multiplier.astype(np.int64) << max(0, -shift), max(0, shift), HALF_UP, *form.limits)
        return self.build.rescale(op, y, np.asarray(form.step), f"{name}.rounded")

    def logits(self, x: Edge) -> Edge:
        """Exact sums, times the multipliers of rows where a head has them: all in one scale."""
        x = self.rounded(self.norm(x, "norm"))
        matrix = self.weight("embedding" if self.c.tied else "head")
        scale = np.asarray(float(x.scale) * 2.0**-matrix.shift)
        bias = np.floor(self._bias(x, matrix, "logits") / (scale * matrix.multiplier) + 0.5).astype(np.int64)
        most = int(matrix.multiplier.max())
        y = self.build.add(Dense(matrix.values, bias), x, scale=scale, name="logits.sums" if most > 1 else "logits")
        if most == 1:
            return y
        sums = self.build.tensor(y)
        return self.build.rescale(
            Rescale(matrix.multiplier, 0, HALF_UP, sums.lo * most, sums.hi * most), y, scale, "logits"
        )

    def fixed(self, x: Edge, form: Format) -> Edge:
        """An edge in another format."""
        return self.build.requantize(x, form.step, form.limits, HALF_UP, f"{x.name}.rounded")

    def sum(self, x: Edge, y: Edge, name: str) -> Edge:
        """The residual stream, which saturates."""
        residual = self.recipe.residual
        total = self.build.add(Add([1, 1]), x, y, scale=residual.step, name=name)
        kept = Rescale([1], 0, HALF_UP, *residual.limits)
        return self.build.rescale(kept, total, np.asarray(residual.step), f"{name}.kept")

    def _bias(self, x: Edge, matrix: Matrix, name: str, order: np.ndarray | None = None) -> np.ndarray:
        """The real bias of a matrix, with its product of what x lacks; zeros where there is neither."""
        bias = self.vector(f"{name}.bias") if f"{name}.bias" in self.weights else np.zeros(len(matrix.values))
        if order is not None:
            bias = bias[order]
        return bias + matrix.real @ self._lacking[x.name] if x.name in self._lacking else bias

    def weight(self, name: str) -> Matrix:
        found = self.weights[name]
        assert isinstance(found, Matrix), name
        return found

    def vector(self, name: str) -> np.ndarray:
        found = self.weights[name]
        assert isinstance(found, np.ndarray), name
        return found
