"""Embedding: y[t, c] = table[x[t, 0] − base, c], a row of constants for every identifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from accel.blocks import Blocks
from accel.constants import Constant, Integers
from accel.errors import GraphError
from accel.op import Op, frozen
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class PackedTable:
    """`bits` of q, 4 or 8, and the bytes of all blocks of a table (`accel/blocks.py`)."""

    bits: int
    packed: Constant
    base: int


@frozen
class Embedding(Op):
    """`table` is (identifiers, channels), its first row for identifier `base`; the input has one channel."""

    kind: ClassVar[str] = "embedding"
    table: Integers
    base: int = 0

    def check(self) -> None:
        if self.table.ndim != 2 or not self.table.size:
            raise GraphError(f"a table is (identifiers, channels), both at least 1; got {self.table.shape}")

    def reachable(self, x: Tensor) -> np.ndarray:
        """The rows that the input's range reaches, the first for x.lo."""
        rows: np.ndarray = self.table[x.lo - self.base : x.hi - self.base + 1]
        return rows

    def infer(self, x: Tensor) -> Tensor:
        last = self.base + len(self.table) - 1
        if x.channels != 1:
            raise GraphError(f"takes identifiers of one channel, got {x.channels}")
        if x.lo < self.base or x.hi > last:
            raise GraphError(f"input range {x.lo}..{x.hi} leaves the table's {self.base}..{last}")
        table = self.table
        if (x.lo, x.hi) != (self.base, last):
            table = Constant(self.reachable(x))
        return Tensor((x.tokens, table.shape[1]), table.lo, table.hi)

    def peak(self, x: Tensor) -> int:
        return max(x.magnitude + abs(self.base), self.table.magnitude)

    def compiled(self, *inputs: Tensor) -> tuple[str, object]:
        table = self.table
        if isinstance(table, Blocks):
            return "_grouped", PackedTable(table.bits, Constant(table.packed, own=True), self.base)
        return "", self

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return float(self.table.hi - self.table.lo)

    def evaluate(self, x: torch.Tensor) -> torch.Tensor:
        return self.table.tensor(x)[(x[:, :, 0] - self.base).long()]
