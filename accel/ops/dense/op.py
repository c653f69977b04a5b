"""Dense: y[t, o] = Σ_i weight[o, i] · x[t, i] + bias[o], the same constants for every token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from accel.blocks import Blocks
from accel.constants import Integers
from accel.errors import GraphError
from accel.numeric import INT32_EXACT, INT64_EXACT, narrow_product
from accel.op import Op, frozen
from accel.ops.dense.packed import pack
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch

MAX_WEIGHT_BITS = 32


@frozen
class Dense(Op):
    """`weight` is (out, in), `bias` is (out,); both are integers, the accumulator is exact."""

    kind: ClassVar[str] = "dense"
    weight: Integers
    bias: Integers

    def check(self) -> None:
        if self.weight.ndim != 2 or self.bias.shape != self.weight.shape[:1]:
            raise GraphError(f"weight {self.weight.shape} and bias {self.bias.shape} must be (out, in) and (out,)")
        if self.weight.size == 0 or self.weight.magnitude >> MAX_WEIGHT_BITS:
            raise GraphError(
                f"weights {self.weight.shape} need both sizes at least 1 and at most {MAX_WEIGHT_BITS} bits"
            )

    def infer(self, x: Tensor) -> Tensor:
        if x.channels != self.weight.shape[1]:
            raise GraphError(f"takes {self.weight.shape[1]} channels, got {x.channels}")
        # Python integers (dtype object) where int64 could wrap round: x may be as wide as any accumulator.
        dtype = np.int64 if self.peak(x) < INT64_EXACT else object
        negative, positive = (sums.astype(dtype) for sums in self.weight.sums)
        bias = self.bias.wide()
        lo = positive * x.lo + negative * x.hi + bias
        hi = positive * x.hi + negative * x.lo + bias
        return Tensor((x.tokens, len(self.bias)), int(lo.min()), int(hi.max()))

    def peak(self, x: Tensor) -> int:
        reach, bias = self._reach(), np.abs(self.bias)
        if int(reach.max()) * x.magnitude + self.bias.magnitude >= INT64_EXACT:
            reach = reach.astype(object)  # Python integers, which do not wrap round
        return int((reach * x.magnitude + bias).max())

    def _reach(self) -> np.ndarray:
        """The sum of the absolute weights of every row."""
        negative, positive = self.weight.sums
        return positive - negative

    def narrow(self, x: Tensor) -> str | None:
        even = all(size % 8 == 0 for size in self.weight.shape)  # what a GPU asks for; torch is wrong for one channel
        return self.bytes(x) if even else None

    def bytes(self, x: Tensor) -> str | None:
        dtype = "int8" if x.lo < 0 else "uint8"
        span = np.iinfo(dtype)
        fits = span.min <= x.lo and x.hi <= span.max and self.weight.lo >= -128 and self.weight.hi <= 127
        reach = (256 * self._reach() + np.abs(self.bias)).max()
        return dtype if fits and reach <= INT32_EXACT else None

    def compiled(self, *inputs: Tensor) -> tuple[str, object]:
        if self._sums:
            return "_sums", self
        plain = self.bytes(*inputs) and not isinstance(self.weight, Blocks)
        packed = None if plain else pack(self.weight, self.bias)
        return ("_grouped", packed) if packed else ("", self)

    @property
    def _sums(self) -> bool:
        """Is every output the sum of as many neighbouring inputs?"""
        outputs, inputs = self.weight.shape
        if isinstance(self.weight, Blocks) or inputs % outputs or inputs == outputs:
            return False
        if self.weight.hi != 1 or self.bias.magnitude:
            return False
        ones = np.repeat(np.eye(outputs, dtype=self.weight.values.dtype), inputs // outputs, axis=1)
        return np.array_equal(self.weight.values, ones)

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return errors[0] * float(self._reach().max())

    def evaluate(self, x: torch.Tensor) -> torch.Tensor:
        import torch

        if x.dtype not in (torch.int8, torch.uint8):
            return torch.nn.functional.linear(x, self.weight.tensor(x), self.bias.tensor(x))
        weight, bias = self.weight.tensor(x, torch.int8), self.bias.tensor(x, torch.int32)
        if x.dtype == torch.int8:
            return narrow_product(x, weight).add_(bias)
        shifted = x.bitwise_xor(128).view(torch.int8)  # x − 128
        return narrow_product(shifted, weight).add_(bias + 128 * weight.sum(1, dtype=torch.int32))

    def macs(self, inputs: tuple[Tensor, ...], output: Tensor) -> int:
        return inputs[0].tokens * self.weight.size
