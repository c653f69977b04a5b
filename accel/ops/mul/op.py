"""Mul: y[t, c] = a[t, c] · b[t, c], element by element, exact: the gate of a gated feed-forward layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from accel.errors import GraphError
from accel.op import Op, frozen, product_error
from accel.rows import Rows, elementwise
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch


@frozen
class Mul(Op):
    """The scale of the product is the product of the scales."""

    kind: ClassVar[str] = "mul"
    arity: ClassVar[int] = 2

    def infer(self, a: Tensor, b: Tensor) -> Tensor:
        if a.shape != b.shape:
            raise GraphError(f"shapes differ: {a.shape} and {b.shape}")
        corners = [p * q for p in (a.lo, a.hi) for q in (b.lo, b.hi)]
        return Tensor(a.shape, min(corners), max(corners))

    def peak(self, a: Tensor, b: Tensor) -> int:
        return a.magnitude * b.magnitude

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return product_error(inputs, errors)

    def by_row(self, tokens: int, *inputs: Rows) -> Rows:
        return Rows.SHARES if Rows.SHARES in inputs else elementwise(*inputs, keeps_zero=True)

    def evaluate(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a * b
