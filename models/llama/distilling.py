"""Training of rounded weights: the network with rounded matrices learns the probabilities of the one in real numbers.

Roundings are those of `Matrix.grouped`, so the trained weights are what runs. A gradient passes a rounding as if it
were not there; scales and offsets of groups are learned beside the weights (Esser et al. 2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from accel.progress import Progress
from models.llama.gptq import WeightGroups
from models.llama.matrices import Matrix, group_integers

BATCH, RATE, RATE_OF_SCALES, WARMING, LONGEST = 4, 5e-4, 1e-4, 0.1, 1.0
"""Windows of a step; rates at their highest, and the share of steps until then; the norm of a gradient."""


class GroupedLinear(nn.Module):
    """A matrix whose weights are rounded as `Matrix.grouped` rounds them."""

    def __init__(self, groups: WeightGroups, levels: tuple[int, int], bias: Tensor | None) -> None:
        super().__init__()
        self.levels = levels
        self.weight, self.scale, self.offset = (
            nn.Parameter(x.float().clone()) for x in (groups.real, groups.scale, groups.offset)
        )
        self.bias = None if bias is None else nn.Parameter(bias.clone())

    def forward(self, x: Tensor) -> Tensor:
        groups = self._groups()
        real, rounded = groups.real, torch.from_numpy(_rounded_groups(groups))
        return functional.linear(x, (real + (rounded - real).detach()).to(x.dtype), self.bias)

    def matrix(self) -> Matrix:
        """The trained matrix in integers."""
        with torch.no_grad():
            return self._groups().matrix()

    def _groups(self) -> WeightGroups:
        scale, offset = self.scale.double().abs(), self.offset.double() * (not self.levels[0])
        parts = self.weight.double().reshape(*scale.shape, -1)
        steps = torch.where(scale > 0, scale, 1.0)
        places = ((parts - offset[..., None]) / steps[..., None]).clamp(*self.levels)
        return WeightGroups(places + ((places + 0.5).floor() - places).detach(), scale, offset)


def _rounded_groups(groups: WeightGroups) -> np.ndarray:
    """The weights (rows, inputs) that `groups.matrix()` has, in float64."""
    q, d, m = (part.detach().numpy() for part in groups)
    factor, offset, multiplier, shift = group_integers(q, d, m, groups.factor_bits)
    weights: np.ndarray = (factor[..., None] * q + offset[..., None]) * (multiplier * 2.0**-shift)[:, None, None]
    return weights.reshape(len(q), -1)


def train(
    student: nn.Module, teacher: nn.Module, texts: Tensor, groups: Mapping[str, WeightGroups],
    levels: tuple[int, int], steps: int, seed: int, progress: Progress,
) -> dict[str, Matrix | np.ndarray]:  # fmt: skip
    """Train, and return what that changes: integer matrices of all layers and real vectors, by name.

    student: a network of which these are changed, in place. groups: where its matrices begin. texts: (windows,
    tokens) that the teacher has drawn. The loss is KL(teacher ‖ student), with AdamW and one cycle of rates.
    """
    matrices = {name: _grouped(student, name, found, levels) for name, found in groups.items()}
    vectors = {name: p for name, p in student.named_parameters() if p.ndim == 1}
    scales = [p for matrix in matrices.values() for p in (matrix.scale, matrix.offset)]
    others = [*(matrix.weight for matrix in matrices.values()), *vectors.values()]
    student.requires_grad_(False)
    for parameter in (*scales, *others):
        parameter.requires_grad_(True)
    rates = [RATE, RATE_OF_SCALES]
    optimizer = torch.optim.AdamW([{"params": others}, {"params": scales}], lr=RATE, betas=(0.9, 0.99), weight_decay=0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, steps, pct_start=WARMING)
    for step, batch in zip(range(1, steps + 1), _batches(texts, seed), strict=False):
        loss = _divergence(student, teacher, batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*scales, *others], LONGEST)
        optimizer.step()
        cycle.step()
        progress(f"training, step {step} of {steps}: KL {loss.item():.3g}")
    return {name: matrix.matrix() for name, matrix in matrices.items()} | {
        name.removesuffix(".weight"): p.detach().double().numpy() for name, p in vectors.items()
    }


def _grouped(network: nn.Module, name: str, groups: WeightGroups, levels: tuple[int, int]) -> GroupedLinear:
    """Put groups in the place of a matrix."""
    parent, _, own = name.rpartition(".")
    bias = dict(network.get_submodule(name).named_parameters()).get("bias")
    made = GroupedLinear(groups, levels, bias)
    setattr(network.get_submodule(parent), own, made)
    return made


def _batches(texts: Tensor, seed: int) -> Iterator[Tensor]:
    """Windows in turn, in another order every time."""
    dice = torch.Generator().manual_seed(seed)
    while True:
        yield from texts[torch.randperm(len(texts), generator=dice)].split(BATCH)


def _divergence(student: nn.Module, teacher: nn.Module, batch: Tensor) -> Tensor:
    """KL(teacher ‖ student) per token."""
    with torch.no_grad():
        wanted = teacher(batch).log_softmax(-1).flatten(0, 1)
    found = student(batch).log_softmax(-1).flatten(0, 1)
    return functional.kl_div(found, wanted, reduction="batchmean", log_target=True)
