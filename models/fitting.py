"""One stage of training: the loop over batches, and all of its state between two epochs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

import torch
from torch.nn import functional

from models.data import Split
from models.encoder import Encoder
from models.recipe import Recipe

WARMUP = 0.1
"""Share of the steps in which the learning rate rises."""
CLIP = 1.0
"""Largest norm of the gradient."""

STATEFUL = ("optimizer", "schedule", "scaler")

Loss = Callable[[torch.nn.Module, torch.Tensor, torch.Tensor], torch.Tensor]
"""Model, inputs, labels → mean loss of the batch."""


class Constraint(Protocol):
    """A condition that holds on the weights after every step, as pruning masks do."""

    def before(self, done: float) -> None:
        """Called before a step of the optimizer, with the share of the stage's steps that are done."""

    def after(self, done: float) -> None:
        """Called after it."""


def cross_entropy(smoothing: float) -> Loss:
    """Cross entropy of a model's logits and the labels."""

    def loss(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return entropy(model(x), y, smoothing)

    return loss


def entropy(logits: torch.Tensor, y: torch.Tensor, smoothing: float) -> torch.Tensor:
    """The mean cross-entropy of logits (…, classes) and labels (…)."""
    return functional.cross_entropy(logits.flatten(0, -2), y.flatten(), label_smoothing=smoothing)


class Fit:
    """AdamW with one cycle of the learning rate; scales are learned without weight decay."""

    def __init__(
        self, model: Encoder, split: Split, recipe: Recipe, epochs: int, rate: float, loss: Loss,
        constraints: tuple[Constraint, ...] = (),
    ) -> None:  # fmt: skip
        self.model, self.split, self.recipe, self.loss, self.constraints = model, split, recipe, loss, constraints
        scales = [p for name, p in model.named_parameters() if name.endswith(".value")]
        others = [p for name, p in model.named_parameters() if not name.endswith(".value")]
        decays = ((others, recipe.weight_decay), (scales, 0.0))
        groups = [{"params": group, "weight_decay": decay} for group, decay in decays if group]
        self.parameters = [*others, *scales]
        self.device = self.parameters[0].device
        self.steps = max(1, epochs * math.ceil(len(split.train_x) / recipe.batch))
        self.optimizer = torch.optim.AdamW(groups, lr=rate, fused=True)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, rate, total_steps=self.steps, pct_start=WARMUP
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=recipe.precision == "fp16")

    def epoch(self) -> float:
        """One pass over the training part; the mean loss."""
        self.model.train()
        total = sum(self.step(x, y) * len(x) for x, y in self._batches())
        return total / len(self.split.train_x)

    def _batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for index in torch.randperm(len(self.split.train_x)).split(self.recipe.batch):
            x, y = self.split.train_x[index], self.split.train_y[index]
            if self.split.augment:
                x = self.split.augment(x, self.recipe.shift_probability)
            yield x.to(self.device), y.to(self.device)

    def step(self, x: torch.Tensor, y: torch.Tensor) -> float:
        """Train on one batch; its mean loss before the step."""
        with self._precision():
            loss = self.loss(self.model, x, y)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.parameters, CLIP)
        for constraint in self.constraints:
            constraint.before(self.done)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()
        for constraint in self.constraints:
            constraint.after(self.done)
        return loss.item()

    @property
    def done(self) -> float:
        """Share of the steps."""
        return self.schedule.last_epoch / self.steps

    def _precision(self) -> AbstractContextManager[object]:
        kind = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.recipe.precision)
        return torch.autocast(self.device.type, kind) if kind else nullcontext()

    def state(self) -> dict[str, Any]:
        """Plain values and tensors, with which `restore` goes on as if nothing had happened."""
        parts = {name: getattr(self, name).state_dict() for name in STATEFUL}
        return {"model": self.model.state_dict(), "generator": torch.get_rng_state(), **parts}

    def restore(self, state: dict[str, Any]) -> None:
        """Everything but the model's own state, which has to be there before: loading replaces Brevitas' scales."""
        for name in STATEFUL:
            getattr(self, name).load_state_dict(state[name])
        torch.set_rng_state(state["generator"])


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """One thread (more only wait for each other on such small tensors) and a seeded generator, both given back."""
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)
