"""Window: tokens from a window of the sequence, constants where the window reaches beyond it.

y[t, c] = x[first + t, c] where 0 ≤ first + t < T, else fill[t, c]

It selects a token (the class token in front of a head), cuts a range of tokens, or puts constants (a class token,
padding) before or behind a sequence. A window beside the sequence holds constants alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from accel.constants import Integers
from accel.errors import GraphError
from accel.op import Op, frozen
from accel.rows import Rows
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch


@frozen
class Window(Op):
    """`fill` is (tokens of the output, channels); its rows count only where the window leaves the sequence."""

    kind: ClassVar[str] = "window"
    first: int
    fill: Integers

    def check(self) -> None:
        if self.fill.ndim != 2 or not self.fill.size:
            raise GraphError(f"fill is (tokens, channels), both at least 1; got {self.fill.shape}")

    def span(self, x: Tensor) -> tuple[int, int]:
        """Tokens of the output that come from the input: from the first of them to behind the last."""
        start = max(0, -self.first)
        return start, max(start, min(len(self.fill), x.tokens - self.first))

    def constants(self, x: Tensor) -> np.ndarray:
        """(rows, channels) of `fill` that are used, those before the sequence first."""
        start, stop = self.span(x)
        return np.concatenate([self.fill[:start], self.fill[stop:]])

    def infer(self, x: Tensor) -> Tensor:
        tokens, channels = self.fill.shape
        if channels != x.channels:
            raise GraphError(f"fill has {channels} channels, input has {x.channels}")
        if not -tokens <= self.first <= x.tokens:
            raise GraphError(f"tokens {self.first}..{self.first + tokens - 1} lie apart from a sequence of {x.tokens}")
        start, stop = self.span(x)
        ends = [x.lo, x.hi] if start < stop else []
        used = [*ends, *self.constants(x).reshape(-1).tolist()]
        return Tensor((tokens, channels), min(used), max(used))

    def peak(self, x: Tensor) -> int:
        return max(x.magnitude, self.fill.magnitude)

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return errors[0]

    def by_row(self, tokens: int, *inputs: Rows) -> Rows:
        raise GraphError("a window of the sequence has rows of other tokens, or none")

    def evaluate(self, x: torch.Tensor) -> torch.Tensor:
        fill = self.fill.tensor(x).expand(len(x), -1, -1)
        start = max(0, -self.first)
        inside = x[:, max(0, self.first) : max(0, self.first + len(self.fill))]
        y = fill.clone()
        y[:, start : start + inside.shape[1]] = inside
        return y
