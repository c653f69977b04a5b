"""Position: y[t, c] = multiplier · x[t, c] + table[t, c], constants that depend on the token's place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from accel.constants import Integers
from accel.errors import GraphError
from accel.op import Op, frozen
from accel.rows import Rows, elementwise
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch


@frozen
class Position(Op):
    """`table` is (tokens, channels) at the output's scale; `multiplier` ≥ 1 brings x to that scale."""

    kind: ClassVar[str] = "position"
    table: Integers
    multiplier: int = 1

    def check(self) -> None:
        if self.table.ndim != 2 or self.multiplier < 1:
            raise GraphError(f"needs a (tokens, channels) table and a multiplier of at least 1; got {self.table.shape}")

    def infer(self, x: Tensor) -> Tensor:
        if self.table.shape != x.shape:
            raise GraphError(f"table is {self.table.shape}, input is {x.shape}")
        lo = self.multiplier * x.lo + self.table.lo
        return Tensor(x.shape, lo, self.multiplier * x.hi + self.table.hi)

    def peak(self, x: Tensor) -> int:
        return self.multiplier * x.magnitude + self.table.magnitude

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return errors[0] * self.multiplier

    def by_row(self, tokens: int, *inputs: Rows) -> Rows:
        return elementwise(*inputs, keeps_zero=False)

    def evaluate(self, x: torch.Tensor) -> torch.Tensor:
        return self.evaluate_rows(0, x.shape[1], x)

    def evaluate_rows(self, first: int, tokens: int, *inputs: torch.Tensor) -> torch.Tensor:
        (x,) = inputs
        table = self.table.tensor(x)[first : first + x.shape[1]]
        return (x if self.multiplier == 1 else x * self.multiplier) + table
