"""Exponential: what a Softmax divides, undivided. A table's entry per score, by its distance to the row's largest one.

    E = rom[min(max(x) − x, len(rom) − 1)]

Masked keys take no part in the maximum and have E = 0; causal means key j ≤ query i + (Tk − Tq). Values are weighted
with E, and `Divide` divides what comes of it by the sum of the row: one division per row, and none of its rounding in
the weights. `accel.ops.softmax` computes its exponentials by the functions of this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from accel.constants import Constant, Integers
from accel.errors import GraphError
from accel.numeric import lookup, lowest
from accel.op import Op, frozen
from accel.rows import Rows, mixing
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch

MAX_ENTRIES, MAX_BITS = 4096, 24


class ScoreRows(Protocol):
    """An operator on rows of `row` scores with a table of exponentials."""

    @property
    def row(self) -> int: ...
    @property
    def rom(self) -> Integers: ...
    @property
    def causal(self) -> int: ...


def table(scale: float, bits: int, entries: int) -> np.ndarray:
    """rom[d] = round((2^bits − 1) · exp(−d · scale)) for d = 0..entries − 1, cut after the first zero.

    `scale` is the real value of one step of the scores. The last entry stands for every larger d.
    """
    rom = np.rint(((1 << bits) - 1) * np.exp(-np.arange(entries, dtype=np.float64) * scale)).astype(np.int64)
    return rom[: int(np.count_nonzero(rom)) + 1]


def require_falling(rom: Constant) -> None:
    """Raise GraphError when a table is not non-negative and falling."""
    if np.any(np.diff(rom.wide()) > 0) or rom.lo < 0:
        raise GraphError("rom must be non-negative and must not increase")


def require_rows(op: ScoreRows, x: Tensor) -> None:
    """Raise GraphError when scores are not whole rows, one has no key, or the table ends too early."""
    if op.row < 1 or x.channels % op.row:
        raise GraphError(f"{x.channels} channels are not whole rows of {op.row}")
    if op.causal and x.tokens > op.row:
        raise GraphError(f"causal with {x.tokens} queries and {op.row} keys leaves a row without a key")
    if len(op.rom) < x.hi - x.lo + 1 and int(op.rom[-1]) != 0:
        raise GraphError(f"rom ends at {int(op.rom[-1])} after {len(op.rom)} entries; it must reach 0")


def known_rows(op: ScoreRows, name: str, tokens: int, *inputs: Rows) -> Rows:
    """Shares where the operator is causal; raises GraphError, with its name, on scores of later tokens otherwise."""
    if op.causal and op.row == tokens:
        return Rows.SHARES
    if Rows.SCORES in inputs:
        raise GraphError(f"it looks at scores of later tokens; only a causal {name} does not (causal=1)")
    return mixing(*inputs)


def exponentials(op: ScoreRows, first: int, tokens: int, x: torch.Tensor) -> torch.Tensor:
    """E of queries first, first + 1, …: (samples, queries, heads · row) → (samples, queries, heads, row)."""
    rows = x.unflatten(-1, (-1, op.row))
    masked = _masked(op, rows, first + op.row - tokens) if op.causal else None
    visible = rows if masked is None else rows.masked_fill(masked, lowest(rows.dtype))
    distance = (visible.amax(-1, keepdim=True) - rows).clamp_(0, len(op.rom) - 1)
    found = lookup(op.rom.tensor(rows), distance)
    return found if masked is None else found.masked_fill_(masked, 0)


def _masked(op: ScoreRows, rows: torch.Tensor, last: int) -> torch.Tensor:
    """True where key j may not be seen: j > i + last. Shape (queries, 1, row)."""
    import torch

    query = torch.arange(rows.shape[1], device=rows.device)[:, None, None]
    key = torch.arange(op.row, device=rows.device)
    return key > query + last


@frozen
class Exponential(Op):
    """`row` keys per row (the channels are heads · row), `rom` the table of at most 4096 exponentials."""

    kind: ClassVar[str] = "exponential"
    row: int
    rom: Integers
    causal: int = 0

    def check(self) -> None:
        if self.rom.ndim != 1 or not 1 <= self.rom.size <= MAX_ENTRIES or not 1 <= self.rom.hi < 1 << MAX_BITS:
            raise GraphError(f"rom has 1..{MAX_ENTRIES} entries of 1 to {MAX_BITS} bits; got shape {self.rom.shape}")
        require_falling(self.rom)

    @property
    def exp_bits(self) -> int:
        """Bits of an entry of the table."""
        return int(self.rom[0]).bit_length()

    def infer(self, x: Tensor) -> Tensor:
        require_rows(self, x)
        return Tensor(x.shape, 0, int(self.rom[0]))

    def peak(self, x: Tensor) -> int:
        return max(int(self.rom[0]), x.hi - x.lo)

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return float(self.rom[0])

    def by_row(self, tokens: int, *inputs: Rows) -> Rows:
        return known_rows(self, "Exponential", tokens, *inputs)

    def evaluate(self, x: torch.Tensor) -> torch.Tensor:
        return self.evaluate_rows(0, x.shape[1], x)

    def evaluate_rows(self, first: int, tokens: int, *inputs: torch.Tensor) -> torch.Tensor:
        return exponentials(self, first, tokens, inputs[0]).flatten(-2)
