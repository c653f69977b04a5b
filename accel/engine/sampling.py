"""Sampling as an argmax: the largest of logits with Gumbel noise is a draw from their softmax.

The noise of a row comes from a table and from a register of 32 bits that each lane of the array has. It depends on the
seed, the position, the lane and the row block alone, so a token that is asked for again is the same token. Seed 0 is no
noise: the largest logit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from accel.errors import UserError

HEAD, TAIL, WARM_UP = 24, 5, 16
"""Bits whose leading zeros are counted, bits beside them, and steps in front of the first row."""
WORD_BITS = 12
MOST_UP = 40
"""The noise of a higher temperature leaves no room for logits beside it."""
SEED_BITS = 16
"""Of the seed in a request."""
MASK = (1 << 32) - 1


@dataclass(frozen=True, eq=False)
class GumbelNoise:
    """Noise of a row: words[index] · 2^up, in the unit of the logits. `words` has 1024 entries of at most 12 bits."""

    words: np.ndarray
    up: int

    @classmethod
    def of(cls, temperature: float, step: float) -> GumbelNoise:
        """Draw from softmax(logits · step / temperature). Raises UserError on numbers that are no such step.

        A uniform number w of 24 leading bits and more has z zeros in front and 5 bits behind its first one: the noise
        is −ln(−ln(1 − w)), with fine steps where it is large and rare.
        """
        if not (temperature > 0 and step > 0 and math.isfinite(temperature / step)):
            raise UserError(f"temperature and step of the logits are finite, above 0; got {temperature} and {step}")
        index = np.arange(1 << 10)
        zeros, tail = np.minimum(index >> TAIL, HEAD), index & ((1 << TAIL) - 1)
        w = 2.0 ** -(zeros + 1.0) * (1 + (tail + 0.5) / (1 << TAIL))
        real = -np.log(-np.log1p(-w)) * temperature / step
        up = max(0, math.frexp(np.abs(real).max())[1] - (WORD_BITS - 1) + 1)
        if up > MOST_UP:
            raise UserError(f"temperature {temperature} is too high for logits in steps of {step:g}; lower it")
        return cls(np.rint(real / 2.0**up).astype(np.int64), up)

    def rows(self, position: int, rows: int, lanes: int, seed: int) -> np.ndarray:
        """Noise for the logits of `rows` rows, with `lanes` of them per block."""
        if not seed:
            return np.zeros(rows, np.int64)
        lane = (np.arange(lanes, dtype=np.int64) + 1) * 0x9E3779B1
        state = ((seed ^ (position << 8)) ^ lane) & MASK | 1 << 31
        for _ in range(WARM_UP):
            state = _next(state)
        found = []
        for _ in range(-(-rows // lanes)):
            head = state >> (32 - HEAD)
            zeros = HEAD - np.frexp(head)[1].astype(np.int64)
            found.append(self.words[zeros << TAIL | state & ((1 << TAIL) - 1)])
            state = _next(state)
        return np.concatenate(found)[:rows] << self.up

    def choose(self, logits: np.ndarray, position: int, lanes: int, seed: int) -> int:
        """The row of the largest sum, the first of equal ones."""
        return int(np.argmax(logits + self.rows(position, len(logits), lanes, seed)))


def drawn(logits: np.ndarray, temperature: float, top_k: int | None, rng: np.random.Generator) -> int:
    """A draw from softmax(real logits / temperature) of the `top_k` largest ones: what a host does with all logits."""
    kept = np.argsort(-logits, kind="stable")[:top_k]
    with np.errstate(over="ignore"):  # far below the largest: exp(-inf) is 0
        shares = np.exp((logits[kept] - logits[kept[0]]) / temperature)
    return int(rng.choice(kept, p=shares / shares.sum()))


def _next(state: np.ndarray) -> np.ndarray:
    """One step of the registers: two invertible steps, of which the sum is not linear in the bits."""
    state = (state + (state << 10)) & MASK
    return state ^ (state >> 6)
