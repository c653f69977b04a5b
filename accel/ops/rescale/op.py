"""Rescale: y = clip(round(x · multiplier / 2^shift), lo, hi), the only place where precision is given up.

A left shift is a multiplier 2^k; shifts that differ per channel are multipliers 2^(shift − shift_c); ReLU is lo = 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from accel.constants import Integers
from accel.errors import GraphError
from accel.numeric import ROUNDINGS, requantize
from accel.op import Op, frozen
from accel.rows import Rows, elementwise
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch


@frozen
class Rescale(Op):
    """`multiplier` holds one integer ≥ 1, or one per channel. `rounding` is one of `accel.numeric.ROUNDINGS`."""

    kind: ClassVar[str] = "rescale"
    multiplier: Integers
    shift: int
    rounding: str
    lo: int
    hi: int

    def check(self) -> None:
        if self.multiplier.ndim != 1 or self.multiplier.lo < 1:
            raise GraphError(f"multipliers are at least 1; got {self.multiplier.tolist()}")
        if not 0 <= self.shift <= 60:
            raise GraphError(f"shift is 0..60; got {self.shift}")
        if self.rounding not in ROUNDINGS:
            raise GraphError(f"rounding is one of {', '.join(ROUNDINGS)}; got {self.rounding!r}")
        if self.lo > self.hi:
            raise GraphError(f"empty range {self.lo}..{self.hi}")

    def infer(self, x: Tensor) -> Tensor:
        if len(self.multiplier) not in (1, x.channels):
            raise GraphError(f"{len(self.multiplier)} multipliers for {x.channels} channels")
        low = min(self._scalar(x.lo * m) for m in (self.multiplier.lo, self.multiplier.hi))
        high = max(self._scalar(x.hi * m) for m in (self.multiplier.lo, self.multiplier.hi))
        return Tensor(x.shape, low, high)

    def _scalar(self, product: int) -> int:
        """The definition on one Python integer (after the multiplication)."""
        floor, rest = product >> self.shift, product & ((1 << self.shift) - 1)
        half = (1 << self.shift) >> 1
        up = {
            "half_even": rest > half or (rest == half and floor % 2 == 1),
            "half_up": rest >= half,
            "half_away": rest > half or (rest == half and product > 0),
            "floor": False,
            "toward_zero": rest > 0 and product < 0,
            "ceil": rest > 0,
            "away": rest > 0 and product > 0,
            "half_toward_zero": rest > half or (rest == half and product < 0),
        }[self.rounding]
        rounded = floor + (1 if up and self.shift else 0)
        return min(max(rounded, self.lo), self.hi)

    def peak(self, x: Tensor) -> int:
        return x.magnitude * self.multiplier.hi + ((1 << self.shift) >> 1)

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return errors[0] * float(self.multiplier.hi) / 2.0**self.shift

    def by_row(self, tokens: int, *inputs: Rows) -> Rows:
        return elementwise(*inputs, keeps_zero=self.lo <= 0 <= self.hi)

    def evaluate(self, x: torch.Tensor) -> torch.Tensor:
        product = x if self.is_shift else x * self.multiplier.tensor(x)
        return requantize(product, self.shift, self.rounding, self.lo, self.hi)

    @property
    def is_shift(self) -> bool:
        """True when no multiplication is needed."""
        return self.multiplier.shape == (1,) and self.multiplier.hi == 1
