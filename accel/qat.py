"""Shared parts of the operators' training layers: exact integers forward, a smooth gradient backward."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeAlias

import torch
from brevitas.quant_tensor import IntQuantTensor
from torch import nn

from accel.errors import AccelError

DOMAIN = "accel.qonnx_ops"
"""The ONNX domain of the layers in exported files, and the module that holds their qonnx classes."""

Activation: TypeAlias = "torch.Tensor | IntQuantTensor"


def value_of(x: Activation) -> torch.Tensor:
    """The real values of a tensor, quantized or not."""
    return x.value if isinstance(x, IntQuantTensor) else x


def scale_of(x: IntQuantTensor) -> float:
    """The one scale of a quantized tensor as a number."""
    return float(x.scale.detach().reshape(-1)[0])


def quantized(values: torch.Tensor, scale: float, bits: int, signed: bool, training: bool) -> IntQuantTensor:
    """A Brevitas tensor of real `values` that are multiples of `scale`."""
    numbers = (torch.tensor(float(n), dtype=values.dtype, device=values.device) for n in (scale, 0, bits))
    return IntQuantTensor(values, *numbers, signed, training)


class ExactLayer(nn.Module, ABC):
    """A layer that computes the integers of an operator of `accel.ops`, one node of `op_type` in an exported file.

    It takes and returns quantized tensors. A tensor without a scale (float training, calibration) gets `smooth`.
    """

    op_type: ClassVar[str]
    signed: ClassVar[bool] = True
    out_bits: int

    @abstractmethod
    def smooth(self, x: torch.Tensor) -> torch.Tensor:
        """The real function, which also gives the gradient."""

    @abstractmethod
    def integers(self, x: torch.Tensor, *tables: torch.Tensor) -> torch.Tensor:
        """The operator on int64 integers."""

    @abstractmethod
    def out_scale(self, in_scale: float) -> float:
        """The scale of the output."""

    @abstractmethod
    def attributes(self, in_scale: float) -> dict[str, object]:
        """Attributes of the exported node, named as the TorchScript exporter wants them (`out_bits_i`, …)."""

    def tables(self, in_scale: float) -> tuple[torch.Tensor, ...]:
        """Constant inputs of the exported node."""
        return ()

    def forward(self, x: Activation) -> Activation:
        if not isinstance(x, IntQuantTensor):
            return self.smooth(x)
        scale = scale_of(x)
        y = _Exact.apply(x.value, self, scale, *self.tables(scale))  # type: ignore[no-untyped-call]
        return quantized(y, self.out_scale(scale), self.out_bits, self.signed, self.training)


class TableLayer(ExactLayer):
    """An exact layer with a table made for its input's scale.

    The table is a buffer: it follows the scale in train mode, and in eval mode it is frozen, stored in the checkpoint
    and the file, so that nobody computes it again.
    """

    table: torch.Tensor
    table_scale: torch.Tensor

    def __init__(self, entries: int) -> None:
        super().__init__()
        self.register_buffer("table", torch.zeros(entries, dtype=torch.int64))
        self.register_buffer("table_scale", torch.zeros(()))  # 0: not made yet

    @abstractmethod
    def make_table(self, in_scale: float) -> torch.Tensor:
        """All entries for inputs of scale `in_scale`."""

    def tables(self, in_scale: float) -> tuple[torch.Tensor, ...]:
        """Raises AccelError in eval mode when the input's scale is not the one the table was made for."""
        if float(self.table_scale) != in_scale:
            if not self.training:
                raise AccelError(
                    f"the table of this {type(self).__name__} was made for inputs of scale {float(self.table_scale)}, "
                    f"this one has {in_scale}: run one batch in train mode, then model.eval()"
                )
            self.table.copy_(self.make_table(in_scale))
            self.table_scale.fill_(in_scale)
        return (self.table,)


class _Exact(torch.autograd.Function):
    """Real values → real values through an ExactLayer's integers; straight-through to its smooth function."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, layer: ExactLayer, scale: float, *tables: torch.Tensor) -> torch.Tensor:
        ctx.layer, ctx.unused = layer, len(tables)
        ctx.save_for_backward(x)
        if torch.onnx.is_in_onnx_export():
            return x.clone()  # only `symbolic` counts: the exporter's passes stumble over arithmetic traced in here
        integers = layer.integers(torch.round(x.double() / scale).long(), *tables)
        return (integers.double() * layer.out_scale(scale)).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            (result,) = torch.autograd.grad(ctx.layer.smooth(leaf), leaf, gradient)
        return result, None, None, *(None for _ in range(ctx.unused))

    @staticmethod
    def symbolic(g: Any, x: torch.Value, layer: ExactLayer, scale: float, *tables: torch.Value) -> torch.Value:
        node = g.op(f"{DOMAIN}::{layer.op_type}", x, *tables, in_scale_f=scale, **layer.attributes(scale))
        return node.setType(x.type())
