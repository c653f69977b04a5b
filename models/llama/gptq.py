"""Weights in groups whose roundings make up for each other (GPTQ; Frantar, Ashkboos, Hoefler, Alistarh 2023).

A column is rounded, and the columns behind it take over its error as far as the inputs of the matrix are correlated.
Scale and offset of a group are chosen when its first column is reached: those with the least error, weighted with what
an error in a column costs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from accel.progress import Progress
from models.llama.matrices import FACTOR_BITS, Matrix

DAMPING = 0.05
"""Added to the diagonal, in units of its mean. Less of it disturbs large activations of the first token."""
SPANS = torch.linspace(0.65, 1.0, 8).tolist()
SYMMETRIC_SPANS = torch.linspace(0.3, 1.0, 15).tolist()
"""Parts of a group's range that are tried; few symmetric levels leave more of it out."""
STAGES = (("attention.q", "attention.k", "attention.v"), ("attention.out",), ("feedforward.gate", "feedforward.up"),
          ("feedforward.down",))  # fmt: skip
"""Matrices of a layer in the order in which it computes; those of a stage read the same."""


class WeightGroups(NamedTuple):
    """Weights scale·q + offset: q (rows, groups, inputs of a group), scale and offset (rows, groups), in float64."""

    q: Tensor
    scale: Tensor
    offset: Tensor

    @property
    def real(self) -> Tensor:
        """The weights (rows, inputs) in float64."""
        return (self.scale[..., None] * self.q + self.offset[..., None]).flatten(1)

    @property
    def factor_bits(self) -> int:
        """Bits of a factor: a row that is one group without an offset has its multiplier, and a factor of 1."""
        return 1 if self.q.shape[1] == 1 and not self.offset.any() else FACTOR_BITS

    def matrix(self) -> Matrix:
        """The weights with scales and offsets in integers."""
        q, scale, offset = self.q.long().numpy(), self.scale.numpy(), self.offset.numpy()
        return Matrix.grouped(q, scale, offset, bits=self.factor_bits)


def fit(
    network: nn.Module, texts: Tensor, levels: tuple[int, int], group: int, progress: Progress
) -> dict[str, WeightGroups]:
    """WeightGroups of the matrices of all layers by name; the network's own weights become the rounded ones, in place.

    Each matrix is fitted to what it reads where all matrices in front of it are rounded. texts: (windows, tokens).
    """
    found, (x, *rest) = {}, _inputs(network, texts)
    with torch.inference_mode():
        for number, layer in enumerate(network.get_submodule("layers").children()):
            progress(f"fitting layer {number + 1}")
            for stage in STAGES:
                matrices = {name: part for name, part in layer.named_modules() if name in stage}
                with _squares(next(iter(matrices.values()))) as squares:
                    layer(x, *rest)
                for name, matrix in matrices.items():
                    groups = rounded(matrix.weight, squares, levels, math.gcd(group, matrix.in_features))
                    matrix.weight.copy_(groups.real)
                    found[f"layers.{number}.{name}"] = groups
            x = layer(x, *rest)
    return found


def rounded(weights: Tensor, squares: Tensor, levels: tuple[int, int], group: int) -> WeightGroups:
    """WeightGroups of weights (rows, inputs) that keep the products with inputs whose sum of x·xᵀ is `squares`.

    levels: the lowest and the highest q; offsets are 0 where the lowest is not.
    """
    w = weights.double().clone()
    damped = squares + DAMPING * squares.diagonal().mean().clamp(min=1e-12) * torch.eye(len(squares)).double()
    upper = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(damped)), upper=True)
    found: list[WeightGroups] = []
    for first in range(0, w.shape[1], group):
        here, behind = slice(first, first + group), slice(first + group, None)
        block, spread = w[:, here], upper[here, here]
        scale, offset = _span(block, spread.diagonal() ** -2, levels)
        q, errors = torch.empty_like(block), torch.empty_like(block)
        for j in range(block.shape[1]):
            q[:, j] = _nearest(block[:, j], scale, offset, levels)
            errors[:, j] = (block[:, j] - scale * q[:, j] - offset) / spread[j, j]
            block[:, j:] -= errors[:, j, None] * spread[j, j:]
        w[:, behind] -= errors @ upper[here, behind]
        found.append(WeightGroups(q, scale, offset))
    return WeightGroups(*(torch.stack(parts, dim=1) for parts in zip(*found, strict=True)))


def _span(w: Tensor, cost: Tensor, levels: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Scale and offset (rows,) for w (rows, inputs) with the least weighted square error of those that are tried."""
    shifted, ends = not levels[0], w.abs().amax(1)
    low, high = (w.amin(1), w.amax(1)) if shifted else (-ends, ends)
    best = torch.full_like(low, torch.inf), torch.zeros_like(low), low
    for part in SPANS if shifted else SYMMETRIC_SPANS:
        scale = (high - low) * part / (levels[1] - levels[0])
        offset = (low + (high - low) * (1 - part) / 2) * shifted
        q = _nearest(w, scale[:, None], offset[:, None], levels)
        scale, offset = _regressed(w, q, cost, scale, offset, shifted)
        q = _nearest(w, scale[:, None], offset[:, None], levels)
        error = ((w - scale[:, None] * q - offset[:, None]) ** 2 * cost).sum(1)
        tried = error, scale, offset
        best = tuple(torch.where(error < best[0], new, old) for new, old in zip(tried, best, strict=True))  # type: ignore[assignment]
    return best[1], best[2]


def _regressed(
    w: Tensor, q: Tensor, cost: Tensor, scale: Tensor, offset: Tensor, shifted: bool
) -> tuple[Tensor, Tensor]:
    """Scale and offset with the least weighted square error for given q; what they were where all q are equal.

    The offset is 0 unless `shifted`.
    """
    share = cost / cost.sum()
    mean_q, mean_w = ((x * share).sum(1) * shifted for x in (q, w))
    apart = q - mean_q[:, None]
    variance, covariance = (apart**2 * share).sum(1), (apart * w * share).sum(1)
    usable = (variance > 0) & (covariance > 0)
    slope = torch.where(usable, covariance / variance.clamp(min=1e-30), scale)
    return slope, torch.where(usable, mean_w - slope * mean_q, offset)


def _nearest(w: Tensor, scale: Tensor, offset: Tensor, levels: tuple[int, int]) -> Tensor:
    steps = torch.where(scale > 0, scale, 1.0)
    return ((w - offset) / steps + 0.5).floor().clamp(*levels)


def _inputs(network: nn.Module, texts: Tensor) -> tuple[Any, ...]:
    """Arguments of the first layer."""
    seen: list[tuple[Any, ...]] = []
    first = next(network.get_submodule("layers").children())
    handle = first.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    try:
        with torch.inference_mode():
            network(texts)
    finally:
        handle.remove()
    return seen[0]


@contextmanager
def _squares(matrix: nn.Module) -> Iterator[Tensor]:
    """The sum of x·xᵀ of all tokens that a matrix reads meanwhile, in float64."""
    total = torch.zeros(2 * (matrix.get_parameter("weight").shape[1],), dtype=torch.float64)

    def add(module: nn.Module, inputs: tuple[Tensor]) -> None:
        x = inputs[0].flatten(0, -2).double()
        total.add_(x.T @ x)

    handle = matrix.register_forward_pre_hook(add)
    try:
        yield total
    finally:
        handle.remove()
