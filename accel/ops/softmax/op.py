"""Softmax over rows of integers, with one table of exponentials and one division per row.

    d = max(x) − x;  E = rom[min(d, len(rom) − 1)];  S = Σ E;  F = floor(2^K / S)
    p = min((E·F + 2^(K − ob − 1)) >> (K − ob), 2^ob − 1)
    ob = out_bits,  eb ≥ max(12, ob + 4),  K = eb + ob + 4,  rom[0] = 2^eb − 1

Masked keys take no part in the maximum and have E = 0; causal means key j ≤ query i + (Tk − Tq).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from accel.constants import Integers
from accel.errors import GraphError
from accel.numeric import divide, requantize
from accel.op import Op, frozen
from accel.ops.exponential.op import exponentials, known_rows, require_falling, require_rows, table
from accel.rows import Rows
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch


MAX_OUT_BITS = 20


def exp_bits(out_bits: int) -> int:
    """Least width eb of the entries of the exponential table."""
    return max(12, out_bits + 4)


def exp_table(scale: float, out_bits: int, entries: int, more: int = 0) -> np.ndarray:
    """rom[d] = round((2^eb − 1) · exp(−d · scale)) for d = 0..entries − 1, cut after the first zero.

    `scale` is the real value of one step of the input. The last entry stands for every larger d. Long rows want `more`
    bits: what rounding the entries does to a sum grows with its terms.
    """
    return table(scale, exp_bits(out_bits) + more, entries)


@frozen
class Softmax(Op):
    """`row` keys per row (the channels are heads · row), `rom` the exponential table, `out_bits` ob."""

    kind: ClassVar[str] = "softmax"
    row: int
    out_bits: int
    rom: Integers
    causal: int = 0

    def check(self) -> None:
        if not 1 <= self.out_bits <= MAX_OUT_BITS:
            raise GraphError(f"out_bits is 1..{MAX_OUT_BITS}; got {self.out_bits}")
        least = exp_bits(self.out_bits)
        if self.rom.ndim != 1 or self.rom.size < 1 or self.exp_bits < least or self.rom[0] != (1 << self.exp_bits) - 1:
            raise GraphError(f"rom must start with 2^{least} - 1, or a larger power; got {self.rom.tolist()[:1]}")
        require_falling(self.rom)

    @property
    def exp_bits(self) -> int:
        """eb of the definition, which the table says."""
        return int(self.rom[0]).bit_length()

    @property
    def numerator_bits(self) -> int:
        """K of the definition."""
        return self.exp_bits + self.out_bits + 4

    @property
    def shift(self) -> int:
        return self.numerator_bits - self.out_bits

    def infer(self, x: Tensor) -> Tensor:
        require_rows(self, x)
        return Tensor(x.shape, 0, (1 << self.out_bits) - 1)

    def peak(self, x: Tensor) -> int:
        """E·F is at most 2^K; what rounding adds beyond that is clipped, however it is rounded itself."""
        return max(1 << self.numerator_bits, self.row << self.exp_bits, x.hi - x.lo)

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return float((1 << self.out_bits) - 1)

    def by_row(self, tokens: int, *inputs: Rows) -> Rows:
        return known_rows(self, "Softmax", tokens, *inputs)

    def evaluate(self, x: torch.Tensor) -> torch.Tensor:
        return self.evaluate_rows(0, x.shape[1], x)

    def evaluate_rows(self, first: int, tokens: int, *inputs: torch.Tensor) -> torch.Tensor:
        found = exponentials(self, first, tokens, inputs[0])
        inverse = divide(1 << self.numerator_bits, found.sum(-1, keepdim=True))
        top = (1 << self.out_bits) - 1
        return requantize(found.mul_(inverse), self.shift, "half_up", 0, top, own=True).flatten(-2)
