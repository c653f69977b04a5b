"""Norm: LayerNorm and RMSNorm over the channels of a token, or of every head: an integer root and division each.

    layer: v = n·Σx² − (Σx)² + c,  u = n·x − Σx        rms: v = n·Σx² + c,  u = n·x
    r = isqrt(v << 2g),  R = floor(2^K / max(r, 2^g))
    y = clip((u·R·γ + β + 2^(s−1)) >> s, lo, hi)

c = round(n²·eps / scale²). Without γ and β, s = K − g − f_out and the output scale is 2^−f_out; γ with f bits of
fraction adds f to s, and β is given at the scale of the sum. The rounding is half up.

Wide inputs, such as the residual stream of a language model, take more than 62 bits in v. For them there is a third
form, of which root and reciprocal see the g or g − 1 pairs of bits below the largest one:

    l2: v = Σx² + c,  u = x,  a = ⌈(bit_length(v) − 2g) / 2⌉
    r = max(isqrt(⌊v / 4^a⌋ · 4^f), 2^(g − 1 + f)),  R = floor(2^K / r)
    y = clip((u·R·γ + 2^(s + a − 1)) >> (s + a), lo, hi)

So y = x·γ / sqrt(v) · 2^(K − f − s), whatever the size of x. An RMSNorm has sqrt(n) in γ, c = round(n·eps / scale²).
R depends on ⌊v / 4^a⌋ < 4^g alone: with few guard bits, such as g = 5 and f = 8, it is a table of 4^g words.

Before rounding, y is at most 2^(1 − 2g) + 2^(1 − g − f) of it too large and 2^(g + f − K) of it too small. For with
m = ⌊v / 4^a⌋ ≥ 4^(g − 1), the exact root ρ = sqrt(v / 4^a)·2^f is below sqrt(m + 1)·2^f and r above sqrt(m)·2^f − 1, so
ρ − r < 2^f / (2·sqrt(m)) + 1 where r ≥ 2^(g − 1 + f); and R is less than 1 below 2^K / r, where ρ < 2^(g + f).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from accel.constants import Integers
from accel.errors import GraphError
from accel.numeric import (
    FLOAT32_EXACT,
    FLOAT64_CARRIED,
    INT64_EXACT,
    bit_length,
    bits,
    divide,
    isqrt,
    requantize,
    round_half_up,
    scaled,
)
from accel.op import Op, frozen
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch

GUARD_BITS = 8
ROOT_BITS, MAX_ROOT_BITS = 18, 24
GUARD_OF_TABLE, FRACTION_OF_TABLE = 5, 8
"""Of form "l2"; the last two make root and reciprocal a table of 1,024 words."""


@frozen
class Norm(Op):
    """`form` is "layer", "rms" or "l2"; `guard` g, `numerator_bits` K, `shift` s and `offset` c as in the formula.

    `fraction` f is of form "l2".
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
    fraction: int = 0

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

    @classmethod
    def l2(
        cls, gain: np.ndarray, fraction: int, bits: int, *, gain_bits: int = 8, guard: int = ROOT_BITS,
        root_fraction: int = 0, **more: int,
    ) -> Norm:  # fmt: skip
        """x · gain / |x| in `bits` signed bits at scale 2^-fraction, for real `gain` (1,) or (channels,).

        The largest gain has `gain_bits` bits beside its sign. An RMSNorm's gain is sqrt(n) · γ. The root has `guard`
        bits and `root_fraction` more behind them: GUARD_OF_TABLE and FRACTION_OF_TABLE make root and reciprocal a table
        of 1,024 words. `more` are fields of the operator.
        """
        most = float(np.abs(gain).max()) or 1.0
        places = gain_bits - 1 - math.floor(math.log2(most))
        gamma = np.floor(gain * 2.0**places + 0.5).astype(np.int64)
        top, whole = (1 << (bits - 1)) - 1, guard + root_fraction
        shift = whole + guard + places - fraction
        if gamma.size == 1:  # a gain that all share needs no zeros behind it
            zeros = min(int(gamma[0] & -gamma[0]).bit_length() - 1, shift - guard - 1)
            gamma, shift = gamma >> max(0, zeros), shift - max(0, zeros)
        return cls("l2", guard, 2 * whole, shift, -top - 1, top, gamma=gamma, fraction=root_fraction, **more)

    def check(self) -> None:
        if self.form not in ("layer", "rms", "l2"):
            raise GraphError(f"form is 'layer', 'rms' or 'l2'; got {self.form!r}")
        if self.form == "l2":
            self._check_l2()
        elif self.fraction:
            raise GraphError(f"a fraction is of form 'l2'; got {self.fraction}")
        if self.guard < 1 or self.numerator_bits <= self.guard or self.shift < 1 or self.offset < 0:
            raise GraphError("needs guard >= 1, numerator_bits > guard, shift >= 1, offset >= 0")
        if max(self.guard, self.numerator_bits, self.shift) > 62:
            raise GraphError("guard, numerator_bits and shift are at most 62")
        if self.lo > self.hi:
            raise GraphError(f"empty range {self.lo}..{self.hi}")
        if self.row < 0:
            raise GraphError(f"row is at least 0; got {self.row}")

    def _check_l2(self) -> None:
        if self.shift <= self.guard or self.beta.magnitude or not 2 <= self.guard <= MAX_ROOT_BITS:
            raise GraphError(f"form 'l2' needs shift > guard, a guard of 2..{MAX_ROOT_BITS}, and no beta")
        if not 0 <= self.fraction <= MAX_ROOT_BITS - self.guard or self.numerator_bits <= self.root_bits:
            raise GraphError(
                f"form 'l2' needs a fraction of 0..{MAX_ROOT_BITS} less guard, and numerator_bits > guard + fraction"
            )

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
        if self.form == "l2":
            return x.channels * x.magnitude**2 + self.offset
        return x.channels * x.channels * x.magnitude**2 + self.offset

    def exponents(self, x: Tensor) -> tuple[int, int]:
        """The smallest and the largest a of form "l2"."""
        return -self.guard, (self.variance_peak(x).bit_length() - 2 * self.guard + 1) // 2

    @property
    def root_bits(self) -> int:
        """Bits of the root of form "l2"."""
        return self.guard + self.fraction

    @property
    def least(self) -> int:
        """The divisor is at least 2^least."""
        return self.root_bits - 1 if self.form == "l2" else self.guard

    def inverse_peak(self) -> int:
        """Largest R."""
        return 1 << (self.numerator_bits - self.least)

    def product_peak(self, x: Tensor) -> int:
        """Bound on |u·R|: |u| ≤ sqrt((n−1)·v) (LayerNorm) or sqrt(n·v) (RMSNorm), plus the floor of the root."""
        if self.form == "l2":
            return x.magnitude * self.inverse_peak()
        x = self.rows(x)
        terms = x.channels - 1 if self.form == "layer" else x.channels
        exact = math.isqrt(terms << (2 * (self.numerator_bits - self.guard))) + 1
        return exact * (1 << self.guard) // ((1 << self.guard) - 1) + 1

    def sum_peak(self, x: Tensor) -> int:
        """Bound on |u·R·γ + β + half|."""
        product = self.product_peak(x) * max(1, self.gamma.magnitude)
        shift = self.shift + (max(0, self.exponents(x)[1]) if self.form == "l2" else 0)
        return product + self.beta.magnitude + (1 << (shift - 1))

    def peak(self, x: Tensor) -> int:
        if self.form == "l2":
            return max(self.variance_peak(x), 1 << self.numerator_bits, 1 << (2 * self.root_bits), self.sum_peak(x))
        return max(self.variance_peak(x) << (2 * self.guard), 1 << self.numerator_bits, self.sum_peak(x))

    def centred_bits(self, x: Tensor) -> int:
        """Signed width of u."""
        if self.form == "l2":
            return bits(-x.magnitude, x.magnitude)[0]
        x = self.rows(x)
        reach = x.channels * (x.hi - x.lo) if self.form == "layer" else x.channels * x.magnitude
        return bits(-reach, reach)[0]

    def narrow(self, x: Tensor) -> str | None:
        sums = self.rows(x).channels * x.magnitude * max(x.magnitude, 2)  # Σx², and |u|
        return "float32" if sums <= FLOAT32_EXACT and self.peak(x) <= FLOAT64_CARRIED else None

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return float(self.hi - self.lo)

    def evaluate(self, x: torch.Tensor) -> torch.Tensor:
        """Sums over the channels stay in the dtype of x; what is made of them is float64, or int64."""
        import torch

        shape, x = x.shape, x.unflatten(-1, (-1, self.row or x.shape[-1]))
        n, wide = x.shape[-1], torch.float64 if x.is_floating_point() else torch.int64
        if self.form == "l2":
            return self._over_length(x, wide).to(x.dtype).reshape(shape)
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

    def _over_length(self, x: torch.Tensor, wide: torch.dtype) -> torch.Tensor:
        """Form "l2" of rows."""
        square = (x * x).sum(-1, keepdim=True).to(wide).add_(self.offset)
        exponent = ((bit_length(square) - 2 * self.guard + 1) / 2).floor().to(wide)
        root = isqrt(scaled(square, -2 * exponent).mul_(1 << (2 * self.fraction))).clamp_(min=1 << self.least)
        product = x.to(wide) * divide(1 << self.numerator_bits, root) * self.gamma.tensor(x, wide)
        return round_half_up(product, self.shift + exponent).clamp_(self.lo, self.hi)

    @property
    def has_affine(self) -> bool:
        return len(self.gamma) > 1 or int(self.gamma[0]) != 1 or len(self.beta) > 1 or int(self.beta[0]) != 0
