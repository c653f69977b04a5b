"""BlockFloat: block floating point. The channels of a token, or groups of them, keep `bits` bits below their largest.

    e = max(0, bit_length(max |x|) − (bits − 1))     for every token and group
    y = clip(⌊x / 2^e + 1/2⌋, ±(2^(bits − 1) − 1)) · 2^e

The output is one plain integer per channel at the scale of x. Hardware may hold it as a mantissa of `bits` bits per
channel and one exponent e per group. Nothing is calibrated: the step follows every token. |y − x| < 2^e, and at most
2^(e − 1) where nothing is clipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from accel.errors import GraphError
from accel.numeric import bit_length, round_half_up, scaled
from accel.op import Op, frozen
from accel.rows import Rows, mixing
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch

MIN_BITS, MAX_BITS = 2, 16


@frozen
class BlockFloat(Op):
    """`bits` of a mantissa with its sign, 2 to 16. `group` channels share an exponent, 0: all of a token."""

    kind: ClassVar[str] = "blockfloat"
    bits: int
    group: int = 0

    def check(self) -> None:
        if not MIN_BITS <= self.bits <= MAX_BITS:
            raise GraphError(f"bits is {MIN_BITS}..{MAX_BITS}; got {self.bits}")
        if self.group < 0:
            raise GraphError(f"group is at least 0; got {self.group}")

    @property
    def top(self) -> int:
        """The largest mantissa."""
        return (1 << (self.bits - 1)) - 1

    def size(self, x: Tensor) -> int:
        """Channels that share an exponent."""
        return self.group or x.channels

    def exponent(self, x: Tensor) -> int:
        """The largest e."""
        return max(0, x.magnitude.bit_length() - (self.bits - 1))

    def infer(self, x: Tensor) -> Tensor:
        if x.channels % self.size(x):
            raise GraphError(f"{x.channels} channels are not whole groups of {self.group}")
        ends = [(self._end(x.lo, e), self._end(x.hi, e)) for e in range(self.exponent(x) + 1)]
        return Tensor(x.shape, min(lo for lo, _ in ends), max(hi for _, hi in ends))

    def _end(self, x: int, e: int) -> int:
        """Round x with exponent e; beyond the largest magnitude of that exponent it is clipped."""
        mantissa = (x + (1 << e >> 1)) >> e
        return max(-self.top, min(mantissa, self.top)) << e

    def peak(self, x: Tensor) -> int:
        return 2 * x.magnitude

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        step = 1 << self.exponent(inputs[0])
        return errors[0] + (2 * step if step > 1 else 0)

    def by_row(self, tokens: int, *inputs: Rows) -> Rows:
        return Rows.SHARES if inputs[0] is Rows.SHARES else mixing(*inputs)

    def evaluate(self, x: torch.Tensor) -> torch.Tensor:
        groups = x.unflatten(-1, (-1, self.group or x.shape[-1]))
        largest = groups.abs().amax(-1, keepdim=True)
        exponent = (bit_length(largest) - (self.bits - 1)).clamp_(min=0)
        mantissa = round_half_up(groups, exponent).clamp_(-self.top, self.top)
        return scaled(mantissa, exponent).flatten(-2)
