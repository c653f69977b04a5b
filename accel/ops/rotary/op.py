"""Rotary: products with constants of a token and channel, and a rotation of pairs of channels.

y[t, c] = cos[t, c mod P] · x[t, c] + sin[t, c mod P] · x[t, c xor 1]

A rotary embedding turns every pair of neighbouring channels by an angle of the token's place: cos is the same for both
channels of a pair, sin is −sin for the first and +sin for the second. All heads share a table of P channels, a head's.
Without `sin` it is a product with a table: a gate of constants, or a mask.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from accel.constants import Constant, Integers
from accel.errors import GraphError
from accel.numeric import INT64_EXACT
from accel.op import Op, frozen
from accel.rows import Rows, elementwise, mixing
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch


@frozen
class Rotary(Op):
    """`cos` and `sin` are (tokens, P), P divides the channels; the output's scale is that of x times theirs."""

    kind: ClassVar[str] = "rotary"
    cos: Integers
    sin: Integers

    def check(self) -> None:
        if self.cos.ndim != 2 or not self.cos.size or self.cos.shape != self.sin.shape:
            raise GraphError(f"cos and sin are (tokens, channels) alike; got {self.cos.shape} and {self.sin.shape}")
        if self.turns and self.period % 2:
            raise GraphError(f"pairs of channels turn; got {self.period} channels")

    @property
    def period(self) -> int:
        """P, the channels of the tables."""
        return int(self.cos.shape[1])

    @property
    def turns(self) -> int:
        """1 when channels of a pair meet, 0 when every channel is multiplied alone."""
        return int(self.sin.magnitude > 0)

    def words(self, name: str, lanes: int) -> np.ndarray:
        """Table `name` as hardware reads it: (tokens · words, lanes), as many words as repeat for every head."""
        words = math.lcm(self.period, lanes) // lanes
        table: Constant = getattr(self, name)
        return np.tile(table.wide(), (1, words * lanes // self.period)).reshape(-1, lanes)

    def infer(self, x: Tensor) -> Tensor:
        if len(self.cos) != x.tokens or x.channels % self.period:
            raise GraphError(f"tables are {self.cos.shape}, input is {x.shape}")
        wide = np.int64 if self.peak(x) < INT64_EXACT else object  # Python integers where int64 could wrap round
        ends = [[table.wide().astype(wide) * end for end in (x.lo, x.hi)] for table in (self.cos, self.sin)]
        lo, hi = (sum(pick(*pair) for pair in ends) for pick in (np.minimum, np.maximum))
        return Tensor(x.shape, int(np.min(lo)), int(np.max(hi)))

    def peak(self, x: Tensor) -> int:
        return int((np.abs(self.cos) + np.abs(self.sin)).max()) * x.magnitude

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return errors[0] * float((np.abs(self.cos) + np.abs(self.sin)).max())

    def by_row(self, tokens: int, *inputs: Rows) -> Rows:
        """Without `sin` it may be the mask that makes scores 0 for later keys."""
        if self.turns:
            return mixing(*inputs)
        table = self.cos.wide()
        hides = self.period % tokens == 0 and not np.triu(table.reshape(tokens, -1, tokens).swapaxes(0, 1), 1).any()
        return Rows.SHARES if hides else elementwise(*inputs, keeps_zero=True)

    def evaluate(self, x: torch.Tensor) -> torch.Tensor:
        return self.evaluate_rows(0, x.shape[1], x)

    def evaluate_rows(self, first: int, tokens: int, *inputs: torch.Tensor) -> torch.Tensor:
        (x,) = inputs
        cos, sin = (c.tensor(x)[first : first + x.shape[1]].unsqueeze(1) for c in (self.cos, self.sin))
        heads = x.unflatten(-1, (-1, self.period))
        y = heads * cos
        if self.turns:
            partners = heads.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
            y = y.addcmul_(partners, sin)
        return y.flatten(-2)
