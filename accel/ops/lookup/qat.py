"""Lookup for training: a unary function through a table forward, the gradient of the function backward."""

from __future__ import annotations

from collections.abc import Callable

import torch

from accel.ops.lookup.op import Lookup
from accel.qat import TableLayer


class IntLookup(TableLayer):
    """`function`, element by element, of signed `bits`-bit integers; the result has the same width and scale.

    table[i] = clip(round(function((base + i) · scale) / scale)), rounded half to even, base = -2^(bits - 1).
    """

    op_type = "IntLookup"

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor], bits: int = 8) -> None:
        super().__init__(1 << bits)
        self.function, self.out_bits, self.base = function, bits, -(1 << (bits - 1))

    def make_table(self, in_scale: float) -> torch.Tensor:
        points = torch.arange(self.base, -self.base, dtype=torch.float64) * in_scale
        return torch.round(self.function(points) / in_scale).clamp(self.base, -self.base - 1).long()

    def integers(self, x: torch.Tensor, *tables: torch.Tensor) -> torch.Tensor:
        return Lookup(tables[0].cpu().numpy(), self.base).evaluate(x)

    def smooth(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)

    def out_scale(self, in_scale: float) -> float:
        return in_scale

    def attributes(self, in_scale: float) -> dict[str, object]:
        return {"out_scale_f": in_scale, "base_i": self.base}
