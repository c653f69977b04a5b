"""Random blocks of language models: exponents in common, norms of wide inputs, and a division per row of attention.

python tests/random_language.py 1234 rtl      what seed 1234 is; whether RTL (or csim, native) equals the reference
"""

from __future__ import annotations

import sys

import numpy as np
from random_blocks import Block, Maker, made, main

from accel.building import Edge
from accel.hardware import divisors
from accel.ops import BlockFloat, Dense, Divide, Exponential, MatMul, Norm, Rescale
from accel.ops.exponential.op import table

COMMAND = "python tests/random_language.py {seed} {level}"


def block(seed: int) -> Block:
    """The block of a seed, in every process."""
    rng = np.random.default_rng(seed)
    return made(Language(lambda lo, hi: int(rng.integers(lo, hi, endpoint=True))))


class Language(Maker):
    """A maker of blocks whose parts are those of language models, more often than not."""

    def dense(self, x: Edge, outputs: int) -> Edge:
        """A matrix may read its inputs with shared exponents."""
        if self.pick(True, True, False):
            channels = self.tensor(x).channels
            x = self.add(BlockFloat(self.integer(2, 12), self.pick(0, *divisors(channels))), x)
        return super().dense(x, outputs)

    def residual(self, x: Edge, layer: object) -> Edge:
        """The stream between the blocks may be wide."""
        total = super().residual(x, layer)
        if self.pick(True, False):
            bits, gain = self.integer(12, 25), self.integer(0, 10)
            total = self.add(Rescale([1 << gain], 0, "floor", -(1 << (bits - 1)), (1 << (bits - 1)) - 1), total)
        return total

    def norm(self, x: Edge) -> Edge:
        """Form l2 of tokens or heads wherever the others are too narrow, and where it is drawn."""
        if self.tensor(x).width <= 12 and self.pick(True, False, False):
            return super().norm(x)
        channels, bits, guard = self.tensor(x).channels, self.width() + 4, self.integer(5, 18)
        row = self.pick(0, *divisors(channels))
        gain = self.rng.normal(0, 2.0 ** self.integer(-2, 3), self.pick(1, row or channels))
        fraction, offset = self.integer(0, min(bits, guard) - 4), self.pick(0, 1, 999, 1 << 20)
        return self.add(Norm.l2(gain, fraction, bits, guard=guard, offset=offset, row=row), x)

    def weighted(self, scores: Edge, v: Edge) -> Edge:
        """Values weighted with exponentials, and divided by the sum of those."""
        if self.pick(True, False, False):
            return super().weighted(scores, v)
        tokens, bits = self.tensor(scores).tokens, self.width()
        rom = table(self.pick(1 / 8, 1 / 2, 1 / 64), bits, 4096)
        shares = self.add(Exponential(tokens, rom, self.causal), scores)
        ones = np.repeat(np.eye(self.heads, dtype=np.int64), tokens, axis=1)
        sums = self.add(Dense(ones, np.zeros(self.heads, np.int64)), shares)
        values = self.add(MatMul(self.heads, "values", self.kv_heads), shares, v)
        lo, hi = self.range()
        least = self.integer(1, bits)
        return self.add(Divide.of(self.tensor(sums), self.integer(-3, 4), lo, hi, least), values, sums)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], block, COMMAND))
