"""Divide: every head of a token by a number of its own, with one reciprocal per token and head.

    b' = the t leading bits of max(b, 2^g), all others 0 (t = 0: all bits stay)
    inv = floor(2^K / b');  j = max(0, bit_length(inv) − s);  R = inv >> j
    y = clip((a·R + 2^(K − j − f − 1)) >> (K − j − f), lo, hi)

a is (tokens, heads · n), b (tokens, heads), y = a / b in steps of 2^−f. R has s significant bits: it differs from
2^(K − j) / b' by less than 2^(1 − s) + b' / 2^K of it, so y by 1/2 and that part of |a / b'| · 2^f. Where t bits are
kept, b' ≤ b < b'·(1 + 2^(1 − t)), so |a / b'| is |a / b| and at most 2^(1 − t) of it more. With few bits, such as
t = 9, and s and K by rule (`of`), R is a table of 2^(t − 1) words. A Softmax whose values are weighted with undivided
exponentials (`Exponential`) divides once per row by it, with the row's sum as b.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from accel.errors import GraphError
from accel.numeric import INT64_EXACT, bit_length, divide, round_half_up, scaled
from accel.op import Op, frozen
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch


@frozen
class Divide(Op):
    """`numerator_bits` K, `least` g ≥ 1, `fraction` f, lo..hi, `kept` t and `significant` s as in the formula."""

    kind: ClassVar[str] = "divide"
    arity: ClassVar[int] = 2
    most_significant: ClassVar[int] = 18
    """The largest s: R is an operand of a hard multiplier."""
    more: ClassVar[int] = 3
    """Bits of R beyond `kept`, by rule: R then loses an eighth of what the divisor may have lost, at most."""
    numerator_bits: int
    least: int
    fraction: int
    lo: int
    hi: int
    kept: int = 0
    significant: int = most_significant

    @classmethod
    def of(cls, b: Tensor, fraction: int, lo: int, hi: int, least: int = 1, kept: int = 0) -> Divide:
        """The constants by rule for divisors `b`, of which none below 2^least matters: reciprocals with all bits."""
        fewest = max(kept + cls.more, fraction + 2 - least)  # so that the smallest shift is 1, at least
        significant = min(fewest, cls.most_significant) if kept else cls.most_significant
        numerator_bits = max(b.hi, 1 << least).bit_length() + significant
        return cls(numerator_bits, least, fraction, lo, hi, kept, significant)

    def check(self) -> None:
        if not 1 <= self.least < self.numerator_bits <= 60:
            raise GraphError(f"needs 1 <= least < numerator_bits <= 60; got {self.least} and {self.numerator_bits}")
        if not 1 <= self.shifts[0] <= self.shifts[1] <= 60:
            raise GraphError(f"shifts of {self.shifts[0]} to {self.shifts[1]} do not fit 1..60: change the fraction")
        if self.lo > self.hi:
            raise GraphError(f"empty range {self.lo}..{self.hi}")
        if not 0 <= self.kept <= 60:
            raise GraphError(f"kept is 0..60; got {self.kept}")
        if not 1 <= self.significant <= self.most_significant:
            raise GraphError(f"significant is 1..{self.most_significant}; got {self.significant}")

    @property
    def inverse_peak(self) -> int:
        """The largest inv."""
        return 1 << (self.numerator_bits - self.least)

    @property
    def spare(self) -> int:
        """The largest j."""
        return max(0, self.inverse_peak.bit_length() - self.significant)

    @property
    def shifts(self) -> tuple[int, int]:
        """The smallest and the largest shift, K − j − f."""
        return self.numerator_bits - self.spare - self.fraction, self.numerator_bits - self.fraction

    @property
    def factor_peak(self) -> int:
        """The largest R."""
        return min(self.inverse_peak, (1 << self.significant) - 1)

    def infer(self, a: Tensor, b: Tensor) -> Tensor:
        if a.tokens != b.tokens or a.channels % b.channels:
            raise GraphError(f"{b.shape} are not the divisors of heads of {a.shape}")
        if b.lo < 0:
            raise GraphError(f"divisors are not negative; got {b.lo}..{b.hi}")
        if self.peak(a, b) >= INT64_EXACT:
            raise GraphError(f"needs {self.peak(a, b).bit_length()} bits, at most 62 fit")
        return Tensor(a.shape, self.lo, self.hi)

    def peak(self, a: Tensor, b: Tensor) -> int:
        rounding = 1 << (self.shifts[1] - 1)
        return max(1 << self.numerator_bits, b.magnitude, a.magnitude * self.factor_peak + rounding)

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return float(self.hi - self.lo)

    def evaluate(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        inverse = divide(1 << self.numerator_bits, self.cut(b.clamp(min=1 << self.least)))[..., None]
        spare = (bit_length(inverse) - self.significant).clamp_(min=0)
        product = a.unflatten(-1, (b.shape[-1], -1)) * scaled(inverse, -spare)
        shift = self.numerator_bits - self.fraction - spare
        return round_half_up(product, shift).clamp_(self.lo, self.hi).flatten(-2)

    def cut(self, b: torch.Tensor) -> torch.Tensor:
        """The `kept` leading bits of divisors, all others 0."""
        if not self.kept:
            return b
        below = (bit_length(b) - self.kept).clamp_(min=0)
        return scaled(scaled(b, -below), below)
