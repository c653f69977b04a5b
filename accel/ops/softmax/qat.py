"""Softmax for training: the integers of `op.py` forward, the gradient of the real softmax backward."""

from __future__ import annotations

import math

import torch

from accel.ops.softmax.op import Softmax, exp_table
from accel.qat import TableLayer


class IntSoftmax(TableLayer):
    """Softmax over the last axis of (samples, heads, queries, keys): `in_bits` scores, unsigned `out_bits` results.

    The output's scale is 2^-out_bits. Causal: query i sees keys up to i + (keys - queries).
    The powers are those of `base`.
    """

    op_type = "IntSoftmax"
    signed = False

    def __init__(self, in_bits: int = 8, out_bits: int = 8, causal: bool = False, base: float = math.e) -> None:
        super().__init__(1 << in_bits)
        self.out_bits, self.causal, self.rate = out_bits, causal, math.log(base)

    def make_table(self, in_scale: float) -> torch.Tensor:
        """The exponentials of `op.py`, filled up with zeros: a buffer keeps its size."""
        used = torch.from_numpy(exp_table(in_scale * self.rate, self.out_bits, len(self.table)))
        return torch.cat([used, torch.zeros(len(self.table) - len(used), dtype=torch.int64)])

    def tables(self, in_scale: float) -> tuple[torch.Tensor, ...]:
        """The table up to its first zero."""
        (table,) = super().tables(in_scale)
        return (table[: int(table.count_nonzero()) + 1],)

    def integers(self, x: torch.Tensor, *tables: torch.Tensor) -> torch.Tensor:
        op = Softmax(x.shape[-1], self.out_bits, tables[0].cpu().numpy(), int(self.causal))
        return op.evaluate(x.reshape(-1, *x.shape[-2:])).reshape(x.shape)  # every head is a sample of its own

    def smooth(self, x: torch.Tensor) -> torch.Tensor:
        if self.causal:
            queries, keys = x.shape[-2:]
            hidden = torch.ones(queries, keys, dtype=torch.bool, device=x.device).triu(1 + keys - queries)
            x = x.masked_fill(hidden, -torch.inf)
        return torch.softmax(x * self.rate, -1)

    def out_scale(self, in_scale: float) -> float:
        return 2.0**-self.out_bits

    def attributes(self, in_scale: float) -> dict[str, object]:
        return {"out_bits_i": self.out_bits, "causal_i": int(self.causal)}
