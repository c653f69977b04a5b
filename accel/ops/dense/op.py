"""Dense: y[t, o] = Σ_i weight[o, i] · x[t, i] + bias[o], the same constants for every token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from accel.errors import GraphError
from accel.numeric import INT32_EXACT, has_narrow_products, narrow_product
from accel.op import Op
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch

MAX_WEIGHT_BITS = 32


@dataclass(frozen=True, eq=False)
class Dense(Op):
    """`weight` is (out, in), `bias` is (out,); both are integers, the accumulator is exact."""

    kind: ClassVar[str] = "dense"
    weight: np.ndarray
    bias: np.ndarray

    def check(self) -> None:
        if self.weight.ndim != 2 or self.bias.shape != self.weight.shape[:1]:
            raise GraphError(f"weight {self.weight.shape} and bias {self.bias.shape} must be (out, in) and (out,)")
        if self.weight.size == 0 or np.abs(self.weight).max() >> MAX_WEIGHT_BITS:
            raise GraphError(
                f"weights {self.weight.shape} need both sizes at least 1 and at most {MAX_WEIGHT_BITS} bits"
            )

    def infer(self, x: Tensor) -> Tensor:
        if x.channels != self.weight.shape[1]:
            raise GraphError(f"takes {self.weight.shape[1]} channels, got {x.channels}")
        # Python integers (dtype object) where int64 could wrap round: x may be as wide as any accumulator.
        positive = np.maximum(self.weight, 0).sum(1).astype(object)
        negative = np.minimum(self.weight, 0).sum(1).astype(object)
        lo = positive * x.lo + negative * x.hi + self.bias
        hi = positive * x.hi + negative * x.lo + self.bias
        return Tensor((x.tokens, len(self.bias)), int(lo.min()), int(hi.max()))

    def peak(self, x: Tensor) -> int:
        return int((np.abs(self.weight).sum(1).astype(object) * x.magnitude + np.abs(self.bias)).max())

    def narrow(self, x: Tensor) -> torch.dtype | None:
        import torch

        dtype = self.bytes(x)
        even = all(size % 8 == 0 for size in self.weight.shape)  # what a GPU asks for; torch is wrong for one channel
        return getattr(torch, dtype) if dtype and even and has_narrow_products() else None

    def bytes(self, x: Tensor) -> str | None:
        dtype = "int8" if x.lo < 0 else "uint8"
        span = np.iinfo(dtype)
        fits = span.min <= x.lo and x.hi <= span.max and self.weight.min() >= -128 and self.weight.max() <= 127
        reach = (256 * np.abs(self.weight).sum(1) + np.abs(self.bias)).max()
        return dtype if fits and reach <= INT32_EXACT else None

    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        return errors[0] * float(np.abs(self.weight).sum(1).max())

    def evaluate(self, x: torch.Tensor) -> torch.Tensor:
        import torch

        if x.dtype not in (torch.int8, torch.uint8):
            return torch.nn.functional.linear(x, self.constant("weight", x), self.constant("bias", x))
        weight, bias = self.constant("weight", x, torch.int8), self.constant("bias", x, torch.int32)
        if x.dtype == torch.int8:
            return narrow_product(x, weight).add_(bias)
        shifted = x.bitwise_xor(128).view(torch.int8)  # x − 128
        return narrow_product(shifted, weight).add_(bias + 128 * weight.sum(1, dtype=torch.int32))

    def macs(self, inputs: tuple[Tensor, ...], output: Tensor) -> int:
        return inputs[0].tokens * self.weight.size
