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
from accel.numeric import divide, lookup, lowest, requantize
from accel.op import Op, frozen
from accel.rows import Rows, mixing
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
    top = (1 << exp_bits(out_bits) + more) - 1
    rom = np.rint(top * np.exp(-np.arange(entries, dtype=np.float64) * scale)).astype(np.int64)
    nonzero = int(np.count_nonzero(rom))
    return rom[: nonzero + 1]


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
        if np.any(np.diff(self.rom.wide()) > 0) or self.rom.lo < 0:
            raise GraphError("rom must be non-negative and must not increase")

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
        if x.channels % self.row:
            raise GraphError(f"{x.channels} channels are not whole rows of {self.row}")
        if self.causal and x.tokens > self.row:
            raise GraphError(f"causal with {x.tokens} queries and {self.row} keys leaves a row without a key")
        if len(self.rom) < x.hi - x.lo + 1 and int(self.rom[-1]) != 0:
            raise GraphError(f"rom ends at {int(self.rom[-1])} after {len(self.rom)} entries; it must reach 0")
        return Tensor(x.shape, 0, (1 << self.out_bits) - 1)

    def peak(self, x: Tensor) -> int:
        """E·F is at most 2^K; what rounding adds beyond that is clipped, however it is rounded itself."""
        return max(1 << self.numerator_bits, self.row << self.exp_bits, x.hi - x.lo)

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return float((1 << self.out_bits) - 1)

    def by_row(self, tokens: int, *inputs: Rows) -> Rows:
        if self.causal and self.row == tokens:
            return Rows.SHARES
        if Rows.SCORES in inputs:
            raise GraphError("it looks at scores of later tokens; only a causal Softmax does not (causal=1)")
        return mixing(*inputs)

    def evaluate(self, x: torch.Tensor) -> torch.Tensor:
        return self.evaluate_rows(0, x.shape[1], x)

    def evaluate_rows(self, first: int, tokens: int, *inputs: torch.Tensor) -> torch.Tensor:
        rows = inputs[0].unflatten(-1, (-1, self.row))
        masked = self._masked(rows, first + self.row - tokens) if self.causal else None
        visible = rows if masked is None else rows.masked_fill(masked, lowest(rows.dtype))
        distance = (visible.amax(-1, keepdim=True) - rows).clamp_(0, len(self.rom) - 1)
        exponentials = lookup(self.rom.tensor(rows), distance)
        if masked is not None:
            exponentials.masked_fill_(masked, 0)
        inverse = divide(1 << self.numerator_bits, exponentials.sum(-1, keepdim=True))
        top = (1 << self.out_bits) - 1
        return requantize(exponentials.mul_(inverse), self.shift, "half_up", 0, top, own=True).flatten(-2)

    def _masked(self, rows: torch.Tensor, last: int) -> torch.Tensor:
        """True where key j may not be seen: j > i + last. Shape (queries, 1, row)."""
        import torch

        query = torch.arange(rows.shape[1], device=rows.device)[:, None, None]
        key = torch.arange(self.row, device=rows.device)
        return key > query + last
