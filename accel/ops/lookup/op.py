"""Lookup: y = table[x − base], any unary function of at most 16 bits, computed once at training or import."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from accel.constants import Integers
from accel.errors import GraphError
from accel.numeric import lookup
from accel.op import Op, frozen
from accel.rows import Rows, elementwise
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch

MAX_BITS = 16


@frozen
class Lookup(Op):
    """`table[i]` is the output for input `base + i`; the input's range must lie within the table."""

    kind: ClassVar[str] = "lookup"
    table: Integers
    base: int

    def check(self) -> None:
        if self.table.ndim != 1 or not 1 <= self.table.size <= 1 << MAX_BITS:
            raise GraphError(f"a table has 1..{1 << MAX_BITS} entries; got shape {self.table.shape}: rescale first")

    def infer(self, x: Tensor) -> Tensor:
        last = self.base + self.table.size - 1
        if x.lo < self.base or x.hi > last:
            raise GraphError(f"input range {x.lo}..{x.hi} leaves the table's {self.base}..{last}")
        reachable = self.table[x.lo - self.base : x.hi - self.base + 1]
        return Tensor(x.shape, int(reachable.min()), int(reachable.max()))

    def peak(self, x: Tensor) -> int:
        return max(x.magnitude + abs(self.base), self.table.magnitude)

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return float(np.abs(np.diff(self.table)).max(initial=0)) * math.ceil(errors[0])

    def by_row(self, tokens: int, *inputs: Rows) -> Rows:
        return elementwise(*inputs, keeps_zero=-len(self.table) < self.base <= 0 and not self.table[-self.base])

    def evaluate(self, x: torch.Tensor) -> torch.Tensor:
        return lookup(self.table.tensor(x), x - self.base)
