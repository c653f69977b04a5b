"""MatMul: the two products of attention, per head, on flat channels (head-major).

The second operand has H' heads, `kv_heads`, each shared by G = H / H' neighbouring heads of the first:

scores: y[t, h·Tk + u] = Σ_c a[t, h·d + c] · b[u, ⌊h/G⌋·d + c]      a (Tq, H·d), b (Tk, H'·d)
values: y[t, h·d + c]  = Σ_u a[t, h·Tk + u] · b[u, ⌊h/G⌋·d + c]     a (Tq, H·Tk), b (Tk, H'·d)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from accel.errors import GraphError
from accel.numeric import INT32_EXACT
from accel.op import Op, frozen, product_error
from accel.rows import Rows, mixing
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch


@frozen
class MatMul(Op):
    """`heads` splits the channels of the first input and of the output, `kv_heads` those of the second.

    `form` is "scores" (contract channels) or "values" (tokens).
    """

    kind: ClassVar[str] = "matmul"
    arity: ClassVar[int] = 2
    keeps: ClassVar[tuple[int, ...]] = (1,)
    heads: int
    form: str
    kv_heads: int = 0  # 0: as many as heads, which the field then holds

    def __post_init__(self) -> None:
        object.__setattr__(self, "kv_heads", self.kv_heads or self.heads)
        super().__post_init__()

    def check(self) -> None:
        if self.form not in ("scores", "values"):
            raise GraphError(f"form is 'scores' or 'values'; got {self.form!r}")
        if self.heads < 1:
            raise GraphError(f"heads is at least 1; got {self.heads}")
        if self.kv_heads < 1 or self.heads % self.kv_heads:
            raise GraphError(f"kv_heads divides the {self.heads} heads; got {self.kv_heads}")

    @property
    def group(self) -> int:
        """Heads of the first input that share one of the second."""
        return self.heads // self.kv_heads

    def size(self, b: Tensor) -> int:
        """Channels of a head of the second input."""
        return b.channels // self.kv_heads

    def terms(self, b: Tensor) -> int:
        """Products in a sum."""
        return self.size(b) if self.form == "scores" else b.tokens

    def infer(self, a: Tensor, b: Tensor) -> Tensor:
        if b.channels % self.kv_heads:
            raise GraphError(f"{b.channels} channels do not split into {self.kv_heads} heads")
        terms = self.terms(b)
        expected, channels = self.heads * self.size(b), self.heads * b.tokens
        if self.form == "values":
            expected, channels = channels, expected
        if a.channels != expected:
            raise GraphError(f"first input has {a.channels} channels, expected {expected}")
        corners = [p * q for p in (a.lo, a.hi) for q in (b.lo, b.hi)]
        return Tensor((a.tokens, channels), terms * min(corners), terms * max(corners))

    def peak(self, a: Tensor, b: Tensor) -> int:
        return self.terms(b) * a.magnitude * b.magnitude

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return self.terms(inputs[1]) * product_error(inputs, errors)

    def by_row(self, tokens: int, *inputs: Rows) -> Rows:
        if self.form == "scores":
            mixing(*inputs)
            return Rows.SCORES
        if inputs[0] is not Rows.SHARES:
            raise GraphError("it adds up values of later tokens; its first input has to come from a causal Softmax")
        return mixing(inputs[1])

    def bytes(self, a: Tensor, b: Tensor) -> str | None:
        dtype = "int8" if a.lo < 0 else "uint8"
        span = np.iinfo(dtype)
        fits = span.min <= a.lo and a.hi <= span.max and b.lo >= -128 and b.hi <= 127
        return dtype if fits and 256 * self.terms(b) * b.magnitude <= INT32_EXACT else None

    def evaluate(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        left, right = self._split(a, self.group), self._split(b, 1)
        y = left @ (right.transpose(-1, -2) if self.form == "scores" else right)
        return y.permute(0, 3, 1, 2, 4).flatten(2)

    def _split(self, x: torch.Tensor, group: int) -> torch.Tensor:
        """(samples, tokens, kv_heads · group · n) → (samples, kv_heads, group, tokens, n)."""
        return x.unflatten(2, (self.kv_heads, group, -1)).permute(0, 2, 3, 1, 4)

    def macs(self, inputs: tuple[Tensor, ...], output: Tensor) -> int:
        a, b = inputs
        return a.tokens * b.tokens * self.heads * self.size(b)
