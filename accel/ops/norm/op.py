"""Norm: LayerNorm and RMSNorm over the channels of a token, or of every head: an integer root and division each.

    layer: v = n·Σx² − (Σx)² + c,  u = n·x − Σx        rms: v = n·Σx² + c,  u = n·x
    r = isqrt(v << 2g),  R = floor(2^K / max(r, 2^g))
    y = clip((u·R·γ + β + 2^(s−1)) >> s, lo, hi)

c = round(n²·eps / scale²). Without γ and β, s = K − g − f_out and the output scale is 2^−f_out; γ with f bits of
fraction adds f to s, and β is given at the scale of the sum. The rounding is half up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, ClassVar

from accel.constants import Integers
from accel.errors import GraphError
from accel.numeric import FLOAT32_EXACT, FLOAT64_CARRIED, INT64_EXACT, bits, divide, isqrt, requantize
from accel.op import Op, frozen
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch

GUARD_BITS = 8


@frozen
class Norm(Op):
    """`form` is "layer" or "rms"; `guard` g, `numerator_bits` K, `shift` s and `offset` c as in the formula.

    `row` channels are normalized together, 0: all of a token. γ and β have one entry, or one per channel of a row.
    """

    kind: ClassVar[str] = "norm"
    form: str
    guard: int
    numerator_bits: int
    shift: int
    lo: int
    hi: int
    offset: int = 0
    gamma: Integers = field(default=(1,))  # type: ignore[assignment]
    beta: Integers = field(default=(0,))  # type: ignore[assignment]
    row: int = 0

    @classmethod
    def of(
        cls, x: Tensor, form: str, out_fraction: int, out_bits: int, *, guard: int = GUARD_BITS, offset: int = 0
    ) -> Norm:
        """The constants by rule for input `x`: output of `out_bits` signed bits at scale 2^-out_fraction.

        The guard bits are lowered until every intermediate fits 62 bits. Raises GraphError when none fit.
        """
        for g in range(guard, 0, -1):
            variance = x.channels * x.channels * x.magnitude**2 + offset
            root = math.isqrt(variance << (2 * g))
            numerator = root.bit_length() + out_bits + 3
            top = (1 << (out_bits - 1)) - 1
            if numerator - g - out_fraction < 1:
                continue
            op = cls(form, g, numerator, numerator - g - out_fraction, -top - 1, top, offset)
            if op.peak(x) < INT64_EXACT:
                return op
        raise GraphError(f"{x.channels} channels of {x.width} bits do not fit 62-bit arithmetic at any guard")

    def check(self) -> None:
        if self.form not in ("layer", "rms"):
            raise GraphError(f"form is 'layer' or 'rms'; got {self.form!r}")
        if self.guard < 1 or self.numerator_bits <= self.guard or self.shift < 1 or self.offset < 0:
            raise GraphError("needs guard >= 1, numerator_bits > guard, shift >= 1, offset >= 0")
        if max(self.guard, self.numerator_bits, self.shift) > 62:
            raise GraphError("guard, numerator_bits and shift are at most 62")
        if self.lo > self.hi:
            raise GraphError(f"empty range {self.lo}..{self.hi}")
        if self.row < 0:
            raise GraphError(f"row is at least 0; got {self.row}")

    def rows(self, x: Tensor) -> Tensor:
        """x with a token for every row that is normalized: its elements in the same order."""
        heads = x.channels // (self.row or x.channels)
        return replace(x, shape=(x.tokens * heads, x.channels // heads), scale=1.0)

    def infer(self, x: Tensor) -> Tensor:
        if self.row and x.channels % self.row:
            raise GraphError(f"{x.channels} channels are not whole rows of {self.row}")
        for name in ("gamma", "beta"):
            if len(getattr(self, name)) not in (1, self.row or x.channels):
                raise GraphError(f"{len(getattr(self, name))} {name} for rows of {self.row or x.channels} channels")
        if self.peak(x) >= INT64_EXACT:
            raise GraphError(f"needs {self.peak(x).bit_length()} bits, at most 62 fit: lower the guard bits")
        return Tensor(x.shape, self.lo, self.hi)

    def variance_peak(self, x: Tensor) -> int:
        """Largest v."""
        x = self.rows(x)
        return x.channels * x.channels * x.magnitude**2 + self.offset

    def inverse_peak(self) -> int:
        """Largest R: the divisor is at least 2^g."""
        return 1 << (self.numerator_bits - self.guard)

    def product_peak(self, x: Tensor) -> int:
        """Bound on |u·R|: |u| ≤ sqrt((n−1)·v) (LayerNorm) or sqrt(n·v) (RMSNorm), plus the floor of the root."""
        x = self.rows(x)
        terms = x.channels - 1 if self.form == "layer" else x.channels
        exact = math.isqrt(terms << (2 * (self.numerator_bits - self.guard))) + 1
        return exact * (1 << self.guard) // ((1 << self.guard) - 1) + 1

    def sum_peak(self, x: Tensor) -> int:
        """Bound on |u·R·γ + β + half|."""
        product = self.product_peak(x) * max(1, self.gamma.magnitude)
        return product + self.beta.magnitude + (1 << (self.shift - 1))

    def peak(self, x: Tensor) -> int:
        return max(self.variance_peak(x) << (2 * self.guard), 1 << self.numerator_bits, self.sum_peak(x))

    def centred_bits(self, x: Tensor) -> int:
        """Signed width of u."""
        x = self.rows(x)
        reach = x.channels * (x.hi - x.lo) if self.form == "layer" else x.channels * x.magnitude
        return bits(-reach, reach)[0]

    def narrow(self, x: Tensor) -> torch.dtype | None:
        import torch

        sums = self.rows(x).channels * x.magnitude * max(x.magnitude, 2)  # Σx², and |u|
        return torch.float32 if sums <= FLOAT32_EXACT and self.peak(x) <= FLOAT64_CARRIED else None

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return float(self.hi - self.lo)

    def evaluate(self, x: torch.Tensor) -> torch.Tensor:
        """Sums over the channels stay in the dtype of x; what is made of them is float64, or int64."""
        import torch

        shape, x = x.shape, x.unflatten(-1, (-1, self.row or x.shape[-1]))
        n, wide = x.shape[-1], torch.float64 if x.is_floating_point() else torch.int64
        variance = (x * x).sum(-1, keepdim=True).to(wide).mul_(n).add_(self.offset)
        centred = n * x
        if self.form == "layer":
            total = x.sum(-1, keepdim=True)
            centred.sub_(total)
            variance.addcmul_(total.to(wide), total.to(wide), value=-1)
        root = isqrt(variance.mul_(1 << (2 * self.guard))).clamp_(min=1 << self.guard)
        product = centred.to(wide).mul_(divide(1 << self.numerator_bits, root))
        if self.has_affine:
            product = product * self.gamma.tensor(product) + self.beta.tensor(product)
        return requantize(product, self.shift, "half_up", self.lo, self.hi, own=True).to(x.dtype).reshape(shape)

    @property
    def has_affine(self) -> bool:
        return len(self.gamma) > 1 or int(self.gamma[0]) != 1 or len(self.beta) > 1 or int(self.beta[0]) != 0
