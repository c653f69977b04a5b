"""Pool: y[c] = Σ_t x[t, c], the sum over tokens. A mean is this sum and a Rescale (or a scale divided by T)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from accel.errors import GraphError
from accel.op import Op, frozen
from accel.rows import Rows
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch


@frozen
class Pool(Op):
    """Sum over tokens; the output has one token."""

    kind: ClassVar[str] = "pool"

    def infer(self, x: Tensor) -> Tensor:
        return Tensor((1, x.channels), x.tokens * x.lo, x.tokens * x.hi)

    def peak(self, x: Tensor) -> int:
        return x.tokens * x.magnitude

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return errors[0] * inputs[0].tokens

    def by_row(self, tokens: int, *inputs: Rows) -> Rows:
        raise GraphError("a sum over tokens needs all of them")

    def evaluate(self, x: torch.Tensor) -> torch.Tensor:
        return x.sum(1, keepdim=True)
