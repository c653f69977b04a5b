"""Matrices whose sums fit accumulators of a given width, in training and in evaluation."""

from __future__ import annotations

import brevitas.nn as qnn
import torch
from brevitas.quant_tensor import IntQuantTensor

from accel.qat import Activation, scale_of


class BoundedLinear(qnn.QuantLinear):  # type: ignore[misc]  # Brevitas has no types
    """A QuantLinear none of whose sums needs more than `accumulator_bits` bits, whatever its input.

    Before every forward pass in train mode the bias is clipped to half of the largest sum, and each row of weights is
    projected onto the L1 ball of integers that this leaves for the largest input. Weights are rounded toward zero, so
    that rounding never leaves the ball: the bound of A2Q (Colbert et al. 2023) with the projection of Duchi et al.
    2008. Their scales are learned; those of the largest weight would follow the projection.
    """

    def __init__(self, inputs: int, outputs: int, accumulator_bits: int, **quantizers: type) -> None:
        super().__init__(inputs, outputs, **quantizers)
        self.largest = 2 ** (accumulator_bits - 1) - 1

    def forward(self, x: Activation) -> torch.Tensor:
        if self.training and isinstance(x, IntQuantTensor):
            self._project(2 ** (int(x.bit_width) - int(x.signed)) - int(not x.signed), scale_of(x))
        return super().forward(x)

    @torch.no_grad()
    def _project(self, largest_input: int, input_scale: float) -> None:
        """Project the weights in place, in units of the integers, for inputs of this magnitude and scale."""
        scale = self.quant_weight().scale.detach().reshape(-1, 1)
        step, half = scale.flatten() * input_scale, self.largest // 2
        bias = (self.bias / step).clamp(-half, half)
        radius = ((self.largest - bias.round().abs()) / largest_input).floor()
        self.bias.data.copy_(bias * step)
        self.weight.data.copy_(onto_l1_balls(self.weight / scale, radius) * scale)

    def round_weights(self) -> None:
        """Round the weights in place.

        Brevitas' exporter writes the weights as they are and has the file round them to the nearest.
        """
        self.weight.data.copy_(self.quant_weight().value.detach())


def onto_l1_balls(rows: torch.Tensor, radius: torch.Tensor) -> torch.Tensor:
    """The nearest points of L1 norm at most `radius` (rows,), row by row (Duchi et al. 2008); rows inside stay."""
    size = rows.abs()
    falling = size.sort(1, descending=True).values
    excess = falling.cumsum(1) - radius[:, None]
    counts = torch.arange(1, rows.shape[1] + 1, device=rows.device)
    threshold = (excess / counts).amax(1, keepdim=True).clamp(min=0)
    return rows.sign() * (size - threshold).clamp(min=0)
