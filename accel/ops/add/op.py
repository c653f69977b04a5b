"""Add: y = multipliers[0] · a + multipliers[1] · b, element by element, exact."""

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
class Add(Op):
    """`multipliers` holds one positive integer per operand: it aligns their scales without rounding."""

    kind: ClassVar[str] = "add"
    arity: ClassVar[int] = 2
    multipliers: Integers

    def check(self) -> None:
        if self.multipliers.shape != (2,) or self.multipliers.lo < 1:
            raise GraphError(f"two multipliers of at least 1 are needed; got {self.multipliers.tolist()}")

    def infer(self, a: Tensor, b: Tensor) -> Tensor:
        if a.shape != b.shape:
            raise GraphError(f"shapes differ: {a.shape} and {b.shape}")
        p, q = self.multipliers.tolist()
        return Tensor(a.shape, p * a.lo + q * b.lo, p * a.hi + q * b.hi)

    def peak(self, a: Tensor, b: Tensor) -> int:
        p, q = self.multipliers.tolist()
        return p * a.magnitude + q * b.magnitude

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return sum(int(m) * error for m, error in zip(self.multipliers, errors, strict=True))

    def by_row(self, tokens: int, *inputs: Rows) -> Rows:
        return elementwise(*inputs, keeps_zero=True)

    def evaluate(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        import torch

        p, q = self.multipliers.tolist()
        return torch.add(a if p == 1 else a * p, b, alpha=q)
