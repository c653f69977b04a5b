"""What the integer-exact training layers share: straight-through values and quantised tensors."""

from __future__ import annotations

from typing import Any

import torch
from brevitas.quant_tensor import IntQuantTensor


class _StraightThrough(torch.autograd.Function):
    """Forward: the exact value. Backward: the gradient goes to the smooth one."""

    @staticmethod
    def forward(ctx: Any, smooth: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
        return exact

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # type: ignore[override]
        return gradient, None


def straight_through(smooth: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
    """`exact` with the gradient of `smooth`."""
    result: torch.Tensor = _StraightThrough.apply(smooth, exact)
    return result


def value_of(x: torch.Tensor | IntQuantTensor) -> torch.Tensor:
    """The real values of a tensor, quantised or not."""
    return x.value if isinstance(x, IntQuantTensor) else x


def scale_of(x: IntQuantTensor) -> float:
    """The scale of a per-tensor quantised tensor as a number."""
    return float(x.scale.reshape(-1)[0])


def integers_of(x: IntQuantTensor) -> torch.Tensor:
    """The integers of a quantised tensor, int64."""
    return torch.round(x.value.detach().double() / x.scale.double()).long()


def quantized(values: torch.Tensor, scale: float, bits: int, signed: bool, training: bool) -> IntQuantTensor:
    """A Brevitas tensor of real `values` that are multiples of `scale`."""
    like = {"dtype": values.dtype, "device": values.device}
    return IntQuantTensor(
        values, torch.tensor(scale, **like), torch.tensor(0.0, **like), torch.tensor(float(bits), **like), signed, training
    )  # fmt: skip
