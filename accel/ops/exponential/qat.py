"""Softmax over values for training: exponentials undivided, and one division behind the values they weight.

The nodes of the graph are those of a language model: Exponential, a Dense of ones, MatMul and Divide.
"""

from __future__ import annotations

import torch
from brevitas.quant_tensor import IntQuantTensor
from torch import nn

from accel.ops.divide.qat import IntDivide
from accel.ops.exponential.op import Exponential, table
from accel.qat import Activation, TableLayer, scale_of, value_of


class IntExponential(TableLayer):
    """exp(x − largest x) over the last axis of (samples, heads, queries, keys), `out_bits` unsigned bits.

    The output's scale is 2^-out_bits. Causal: query i sees keys up to i + (keys - queries), others are 0.
    """

    op_type = "IntExponential"
    signed = False

    def __init__(self, in_bits: int = 8, out_bits: int = 8, causal: bool = False) -> None:
        super().__init__(1 << in_bits)
        self.out_bits, self.causal = out_bits, causal

    def make_table(self, in_scale: float) -> torch.Tensor:
        """The exponentials of `op.py`, filled up with zeros: a buffer keeps its size."""
        used = torch.from_numpy(table(in_scale, self.out_bits, len(self.table)))
        return torch.cat([used, torch.zeros(len(self.table) - len(used), dtype=torch.int64)])

    def tables(self, in_scale: float) -> tuple[torch.Tensor, ...]:
        """The table up to its first zero."""
        (found,) = super().tables(in_scale)
        return (found[: int(found.count_nonzero()) + 1],)

    def integers(self, x: torch.Tensor, *tables: torch.Tensor) -> torch.Tensor:
        op = Exponential(x.shape[-1], tables[0].cpu().numpy(), int(self.causal))
        return op.evaluate(x.reshape(-1, *x.shape[-2:])).reshape(x.shape)  # every head is a sample of its own

    def smooth(self, x: torch.Tensor) -> torch.Tensor:
        if self.causal:
            queries, keys = x.shape[-2:]
            hidden = torch.ones(queries, keys, dtype=torch.bool, device=x.device).triu(1 + keys - queries)
            x = x.masked_fill(hidden, -torch.inf)
        return (x - x.amax(-1, keepdim=True)).exp()

    def out_scale(self, in_scale: float) -> float:
        return 2.0**-self.out_bits

    def attributes(self, in_scale: float) -> dict[str, object]:
        return {"out_scale_f": self.out_scale(in_scale), "causal_i": int(self.causal)}


class DeferredSoftmax(nn.Module):
    """softmax(scores) @ values, divided once behind the values; the result is at the values' scale in their bits.

    `kept` leading bits of a row's sum reach its reciprocal, 0: all.
    """

    def __init__(
        self, in_bits: int = 8, exp_bits: int = 8, value_bits: int = 8, causal: bool = False, kept: int = 0
    ) -> None:
        super().__init__()
        self.exponential = IntExponential(in_bits, exp_bits, causal)
        self.divide = IntDivide(value_bits, least=exp_bits - 1, kept=kept)

    def forward(self, scores: Activation, values: Activation) -> Activation:
        """Scores (samples, heads, queries, keys), values (samples, heads, keys, channels of a head)."""
        shares = self.exponential(scores)
        parts, weights = value_of(shares), value_of(values)
        weighted, sums = parts @ weights, parts.sum(-1, keepdim=True)
        if not isinstance(shares, IntQuantTensor) or not isinstance(values, IntQuantTensor):
            return weighted / sums
        scale = scale_of(shares)
        largest = int(parts.shape[-1]) * ((1 << self.exponential.out_bits) - 1)
        quotient: Activation = self.divide(weighted, sums, scale * scale_of(values), scale, largest)
        return quotient
