"""Random causal graphs that the decode engine can run, small ones of all styles, the same in every process."""

from __future__ import annotations

from dataclasses import replace

import gpt2s
import llamas
import numpy as np

from accel.building import Builder, Edge
from accel.checkpoints import Configuration
from accel.graph import Graph
from accel.ops import Add, Dense, Divide, Embedding, Exponential, Lookup, MatMul, Norm, Position, Rescale, Softmax
from accel.ops.exponential.op import table
from accel.ops.softmax.op import exp_table
from accel.tensor import Tensor
from models import languages
from models.llama.recipe import Format, IntegerRecipe, named

STATIC = named(
    "STATIC8:normed=9/5,attention=9/4,query_bits=10,key_value_bits=10,mixed=9/6,hidden=9/4,gates=9/4,activation_bits=10,"
    "exponential_bits=8,spared_bits=0"
)
"""All vectors have 9 bits, and no exponent can be anything but 0."""
STYLES = "gpt", "llama", "gpt2"


def drawn(seed: int) -> Graph:
    """A graph of every style in turn."""
    rng = np.random.default_rng(seed)
    if seed % 3 == 0:
        return BrevitasStyle(rng).graph_of(f"seed {seed}")
    made = llamas if seed % 3 == 1 else gpt2s
    configuration, weights, tokens = made.drawn(seed)
    if configuration.qk_norm:
        configuration = replace(configuration, qk_norm=False)
    recipe = formats(rng, made is gpt2s)
    if made is llamas and not has_biases(configuration):
        recipe = exponents(rng, recipe)
    return static(configuration, weights, tokens, recipe, f"seed {seed}")


def has_biases(configuration: Configuration) -> bool:
    """Have matrices biases? Sums that have an exponent take none."""
    return configuration.qkv_bias or configuration.out_bias or configuration.mlp_bias


def static(
    configuration: Configuration, weights: llamas.Weights, tokens: int, recipe: IntegerRecipe, name: str
) -> Graph:
    """A language model whose sums are rounded once."""
    return languages.lower(configuration, weights, tokens, recipe, name)


def formats(rng: np.random.Generator, alone: bool) -> IntegerRecipe:
    """STATIC with other formats of the stream, of scores and of gates; those that stand alone are vectors."""

    def format(bits: list[int], fractions: list[int]) -> Format:
        return Format(int(rng.choice(bits)), int(rng.choice(fractions)))

    return replace(
        STATIC, residual=format([16, 20, 25], [6, 8]), scores=format([9, 12], [3, 4]), normed=format([9], [4, 5]),
        gates=format([9] if alone else [9, 12], [4, 6]),
    )  # fmt: skip


def exponents(rng: np.random.Generator, recipe: IntegerRecipe) -> IntegerRecipe:
    """Some of the vectors that matrices read have an exponent per token."""
    wide = {"normed": Format(14, 9), "mixed": Format(13, 9), "hidden": Format(16, 8)}
    chosen = {name: form for name, form in wide.items() if rng.random() < 0.5}
    return replace(recipe, activation_bits=9, gates=Format(12, 6), **chosen) if chosen else recipe


class BrevitasStyle(Builder):
    """What Brevitas trains: biases, one power of two per matrix, a residual stream that is rounded with its sums."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        self.rng = rng
        self.tokens, self.kv_heads, self.shared = self.pick(3, 5, 8), self.pick(1, 2), self.pick(1, 2)
        self.heads, self.size = self.kv_heads * self.shared, self.pick(2, 4, 8)
        self.channels, self.vocabulary = self.pick(8, 12, 16), self.pick(5, 27)
        self.form, self.rounding = str(rng.choice(["rms", "layer", "l2"])), str(rng.choice(["half_even", "half_up"]))

        self.divides_shares, self.root_fraction, self.kept_bits = self.pick(0, 1), self.pick(0, 8), self.pick(0, 9)

    def pick(self, *choices: int) -> int:
        return int(self.rng.choice(choices))

    def graph_of(self, name: str) -> Graph:
        x = self.add(
            Embedding(self.integers(-60, 60, self.vocabulary, self.channels)),
            self.input(Tensor((self.tokens, 1), 0, self.vocabulary - 1)),
            name="embedding",
        )
        x = self.add(Position(self.integers(-90, 90, self.tokens, self.channels), self.pick(1, 8)), x, name="positions")
        x = self.narrow(x, "stream")
        if self.pick(0, 1):
            x = self.norm(x, "stream.norm")
        for layer in range(self.pick(1, 2)):
            x = self.layer(x, f"{layer}")
        last = self.norm(x, "norm") if self.pick(0, 1) else x
        return self.graph(self.dense(last, self.vocabulary, "logits"), name)

    def integers(self, lo: int, hi: int, *shape: int) -> np.ndarray:
        return self.rng.integers(lo, hi + 1, shape)

    def dense(self, x: Edge, outputs: int, name: str) -> Edge:
        weights = self.integers(-7, 7, outputs, self.tensor(x).channels)
        return self.add(Dense(weights, self.integers(-99, 99, outputs)), x, name=name)

    def narrow(self, x: Edge, name: str, lo: int = -128, hi: int = 127) -> Edge:
        """To 8 bits, with a shift that keeps typical values inside."""
        shift = max(0, self.tensor(x).magnitude.bit_length() - 9)
        return self.add(Rescale([1], shift, self.rounding, lo, hi), x, name=name)

    def norm(self, x: Edge, name: str) -> Edge:
        if self.form == "l2":
            gain = self.rng.uniform(1, 5, self.pick(1, self.channels))
            return self.add(Norm.l2(gain, 4, 8, guard=5, root_fraction=self.root_fraction), x, name=name)
        every = replace(self.tensor(x), lo=-128, hi=127)  # all norms of an engine are the same
        return self.add(Norm.of(every, self.form, 5, 8), x, name=name)

    def added(self, x: Edge, sums: Edge, name: str) -> Edge:
        """The residual stream and sums, rounded together, or after the sums."""
        if self.pick(0, 1):
            return self.narrow(self.add(Add([1 << self.pick(0, 3, 6), 1]), x, sums, name=f"{name}.add"), name)
        operands = [x, self.narrow(sums, f"{name}.rounded")][:: self.pick(1, -1)]
        return self.add(Rescale([1], 0, self.rounding, -128, 127), self.add(Add([1, 1]), *operands), name=name)

    def mixed(self, scores: Edge, v: Edge, name: str) -> Edge:
        """Values weighted with shares: those of a Softmax, or exponentials that are divided behind them."""
        product = MatMul(self.heads, "values", self.kv_heads)
        if self.divides_shares:
            shares = self.add(Softmax(self.tokens, 8, exp_table(1 / 16, 8, 256), 1), scores)
            return self.narrow(self.add(product, shares, v, name=f"{name}.values"), f"{name}.mixed")
        shares = self.add(Exponential(self.tokens, table(1 / 16, 8, 256), 1), scores, name=f"{name}.shares")
        ones = np.repeat(np.eye(self.heads, dtype=np.int64), self.tokens, axis=1)
        sums = self.add(Dense(ones, ones[:, 0] * 0), shares, name=f"{name}.sums")
        values = self.add(product, shares, v, name=f"{name}.values")
        divide = Divide.of(self.tensor(sums), 0, -128, 127, least=7, kept=self.kept_bits)
        return self.add(divide, values, sums, name=f"{name}.mixed")

    def layer(self, x: Edge, name: str) -> Edge:
        n, counts = self.norm(x, f"{name}.norm1"), {"q": self.heads, "k": self.kv_heads, "v": self.kv_heads}
        q, k, v = (self.narrow(self.dense(n, c * self.size, f"{name}.{p}"), f"{name}.{p}8") for p, c in counts.items())
        scores = self.add(MatMul(self.heads, "scores", self.kv_heads), q, k, name=f"{name}.scores")
        mixed = self.mixed(self.narrow(scores, f"{name}.scores8"), v, name)
        x = self.added(x, self.dense(mixed, self.channels, f"{name}.out"), f"{name}.x1")
        up = self.dense(self.norm(x, f"{name}.norm2"), 2 * self.channels, f"{name}.up")
        if self.pick(0, 1):
            hidden = self.add(Lookup(self.integers(-128, 127, 256), -128), self.narrow(up, f"{name}.up8"))
        else:
            hidden = self.narrow(up, f"{name}.hidden", 0, 255)
        return self.added(x, self.dense(hidden, self.channels, f"{name}.down"), f"{name}.x2")
