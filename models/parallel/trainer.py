"""One training step on many processes, equal to one process' step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import torch
from brevitas.core.scaling import ParameterFromRuntimeStatsScaling
from torch import distributed, nn
from torch.distributed.pipelining.schedules import PipelineScheduleSingle
from torch.distributed.tensor import DTensor

from accel.errors import UserError
from models.encoder import Encoder
from models.fitting import CLIP, WARMUP, entropy
from models.parallel import data, pipeline, processes, tensor
from models.parallel.layout import Parallel
from models.recipe import Recipe


class Trainer:
    """This process' part of a model in training, its optimizer, and the step of both.

    `model` is quantized and calibrated, the same on every rank, and no longer usable afterwards: parts of it are taken
    away. Raises UserError, on every rank, for a layout that does not fit.
    """

    def __init__(self, model: Encoder, layout: Parallel, recipe: Recipe, steps: int, device: torch.device) -> None:
        processes.agreed(lambda: check(replace(recipe, model=model.config), layout))  # shrinking changes a model
        processes.agreed(lambda: _check_model(model))
        self.layout, self.recipe, self.steps, self.device = layout, recipe, steps, device
        self.mesh = layout.mesh(device.type)
        self._dtype = model.position.dtype
        self._stage = pipeline.ModelPart(model.to(device), self.mesh.get_local_rank("pipeline"), layout.pipeline)
        self.model = self._stage.model
        self._partial = self._divide()
        self._called = data.replicate(self._stage, layout, self.mesh["data"])
        self._schedule = self._pipeline() if layout.pipeline > 1 else None
        self._called.train()
        self.done = 0
        self.optimizer = torch.optim.AdamW(self._groups(), lr=recipe.quant_rate)
        self._rates = self._one_cycle()

    def step(self, x: torch.Tensor, y: torch.Tensor) -> float:
        """Train on a batch, given whole to every rank; returns the mean loss over it, before the step."""
        rows = slice_of(len(x), self.mesh.get_local_rank("data"), self.layout.data)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._gradients(self._inputs(x[rows]), y[rows].to(self.device))
        self._reduce_scales()
        mean, norm = self._totals(loss)
        scale = torch.clamp(CLIP / (norm + 1e-6), max=1.0)
        for gradient in self._local_gradients():
            gradient.mul_(scale)
        self.optimizer.step()
        self._rates.step()
        self.done += 1
        return mean.item()

    def _inputs(self, x: torch.Tensor) -> torch.Tensor:
        return x.to(self.device, self._dtype if x.is_floating_point() else x.dtype)

    def continue_at(self, step: int) -> None:
        """Set rates and momenta to those after `step` steps."""
        self.done = step
        self._rates = self._one_cycle()

    def _one_cycle(self) -> torch.optim.lr_scheduler.OneCycleLR:
        """One-cycle schedule that continues after the steps already done.

        The optimizer's groups keep what the first one of them wrote there.
        """
        return torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            self.recipe.quant_rate,
            total_steps=max(1, self.steps),
            pct_start=WARMUP,
            last_epoch=self.done - 1,
        )

    def _divide(self) -> list[nn.Parameter]:
        if self.layout.tensor == 1:
            return []
        blocks = list(dict.fromkeys(self._stage.blocks))
        for block in blocks:
            tensor.divide(block, self.mesh["tensor"])
        return [p for block in blocks for p in tensor.partial_scales(block)]

    def _pipeline(self) -> PipelineScheduleSingle:
        layout = self.layout
        rows = self.recipe.batch // (layout.data * layout.chunks)
        mesh = self.mesh["pipeline"]
        return pipeline.schedule(self._stage, layout, mesh, rows, self.device, self._dtype, self._loss)

    def _groups(self) -> list[dict[str, object]]:
        """Scales are learned without weight decay; and the optimizer wants tensors of one mesh together."""
        groups: dict[tuple[bool, object], list[nn.Parameter]] = {}
        for name, parameter in self.model.named_parameters():
            mesh = parameter.device_mesh if isinstance(parameter, DTensor) else None
            groups.setdefault((name.endswith(".value"), mesh), []).append(parameter)
        decays = (0.0 if scale else self.recipe.weight_decay for scale, _ in groups)
        return [{"params": p, "weight_decay": d} for p, d in zip(groups.values(), decays, strict=True)]

    def _loss(self, logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return entropy(logits, y, self.recipe.label_smoothing)

    def _gradients(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The mean loss over these rows where logits are, else 0; leaves its gradients."""
        if self._schedule is None:
            loss = self._loss(self._called(x), y)
            loss.backward()
            return loss.detach()
        losses: list[torch.Tensor] = []
        if self._stage.is_last:
            self._schedule.step(target=y, losses=losses, return_outputs=False)
            return torch.stack(losses).detach().mean()
        self._schedule.step(*([x] if self._stage.is_first else []))
        return torch.zeros((), dtype=self._dtype, device=self.device)

    def _reduce_scales(self) -> None:
        data.reduce(self._partial, self.mesh["tensor"], mean=False)
        if self.layout.fully_sharded:
            scalars = [p for p in self.model.parameters() if p.ndim == 0]
            data.reduce(scalars, self.mesh["data"], mean=True)

    def _totals(self, loss: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean loss and norm of the gradient over all processes, in one message.

        What several processes hold counts once: the loss of `data` parts is a mean, and is known to `tensor` processes.
        """
        holders = self.layout.data * self.layout.tensor
        squares = loss.new_zeros(())
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                squares += _local(parameter.grad).square().sum() * (_parts(parameter) / holders)
        totals = torch.stack([loss / holders, squares])
        distributed.all_reduce(totals)
        return totals[0], totals[1].sqrt()

    def _local_gradients(self) -> Iterator[torch.Tensor]:
        return (_local(p.grad) for p in self.model.parameters() if p.grad is not None)


def slice_of(length: int, index: int, count: int) -> slice:
    """Part `index` of `count` equal ones."""
    return slice(index * length // count, (index + 1) * length // count)


def check(recipe: Recipe, layout: Parallel) -> None:
    """Raises UserError when a recipe cannot be trained under a layout by the processes that there are."""
    layout.check(recipe.model, recipe.batch, distributed.get_world_size())
    unsupported = {
        "precision": recipe.precision != "float32",
        "pruning": recipe.pruning.masks,
        "distillation": recipe.distillation is not None,
    }
    for name, used in unsupported.items():
        if used:
            raise UserError(f"Recipe.{name} trains on one process only: use `accel train`, or another recipe")


def _check_model(model: Encoder) -> None:
    if not model.config.quantized:
        raise UserError("a float network has no scales to train: quantize it first (models.quantize)")
    for name, module in model.named_modules():
        if isinstance(module, ParameterFromRuntimeStatsScaling) and module.counter <= module.collect_stats_steps:
            layer = name.partition(".act_quant")[0]
            raise UserError(f"the scale of {layer} is not calibrated: quantize the model with models.quantize")


def _local(x: torch.Tensor) -> torch.Tensor:
    return x.to_local() if isinstance(x, DTensor) else x


def _parts(parameter: nn.Parameter) -> int:
    """Among how many processes a parameter is divided."""
    if not isinstance(parameter, DTensor):
        return 1
    sizes = zip(parameter.placements, parameter.device_mesh.shape, strict=True)
    return math.prod(size for placement, size in sizes if not placement.is_replicate())
