"""MatMul: the two products of attention, per head, on flat channels (head-major).

scores: y[t, h·Tk + u] = Σ_c a[t, h·d + c] · b[u, h·d + c]      a (Tq, H·d), b (Tk, H·d)
values: y[t, h·d + c]  = Σ_u a[t, h·Tk + u] · b[u, h·d + c]     a (Tq, H·Tk), b (Tk, H·d)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from accel.errors import GraphError
from accel.graph import Tensor
from accel.op import Op

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class MatMul(Op):
    """`heads` splits the channels of both inputs; `form` is "scores" (contract channels) or "values" (tokens)."""

    kind: ClassVar[str] = "matmul"
    arity: ClassVar[int] = 2
    heads: int
    form: str

    def check(self) -> None:
        if self.form not in ("scores", "values"):
            raise GraphError(f"form is 'scores' or 'values'; got {self.form!r}")
        if self.heads < 1:
            raise GraphError(f"heads is at least 1; got {self.heads}")

    def infer(self, a: Tensor, b: Tensor) -> Tensor:
        if b.channels % self.heads:
            raise GraphError(f"{b.channels} channels do not split into {self.heads} heads")
        if self.form == "scores":
            expected, channels, terms = b.channels, self.heads * b.tokens, b.channels // self.heads
        else:
            expected, channels, terms = self.heads * b.tokens, b.channels, b.tokens
        if a.channels != expected:
            raise GraphError(f"first input has {a.channels} channels, expected {expected}")
        corners = [p * q for p in (a.lo, a.hi) for q in (b.lo, b.hi)]
        return Tensor((a.tokens, channels), terms * min(corners), terms * max(corners))

    def peak(self, a: Tensor, b: Tensor) -> int:
        terms = b.channels // self.heads if self.form == "scores" else b.tokens
        return terms * a.magnitude * b.magnitude

    def evaluate(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        left, right = self._split(a), self._split(b)
        y = left @ (right.transpose(-1, -2) if self.form == "scores" else right)
        return y.transpose(1, 2).flatten(2)

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        """(samples, tokens, heads · n) → (samples, heads, tokens, n)."""
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def macs(self, inputs: tuple[Tensor, ...], output: Tensor) -> int:
        a, b = inputs
        return a.tokens * b.tokens * b.channels
