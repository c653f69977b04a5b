"""A teacher's part of the loss (Hinton, Vinyals, Dean 2015; hidden states and attention maps as in TinyBERT)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch.nn import functional

from accel.errors import UserError
from accel.qat import Activation, value_of
from models.encoder import Encoder
from models.fitting import Loss
from models.recipe import Distillation


def distilled(student: Encoder, teacher: Encoder, what: Distillation, smoothing: float) -> Loss:
    """(1 − a)·CE + a·T²·KL(teacher ‖ student) + mean squares between hidden states and attention maps.

    Raises UserError where states of the two have different shapes.
    """
    _check(student, teacher, what)
    teacher.eval()

    def loss(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), _watched(teacher, what) as wanted:
            target = teacher(x).flatten(0, -2)
        with _watched(student, what) as states:
            logits = model(x).flatten(0, -2)
        total = (1 - what.logits) * functional.cross_entropy(logits, y.flatten(), label_smoothing=smoothing)
        total = total + what.logits * _divergence(logits, target, what.temperature)
        for name, factor in (("hidden", what.hidden), ("attention", what.attention)):
            if factor:
                total = total + factor * functional.mse_loss(states[name], wanted[name])
        return total

    return loss


def _divergence(logits: torch.Tensor, target: torch.Tensor, temperature: float) -> torch.Tensor:
    """T²·KL: the square keeps the gradient's size independent of the temperature."""
    student, teacher = (functional.log_softmax(x / temperature, -1) for x in (logits, target))
    return temperature**2 * functional.kl_div(student, teacher, reduction="batchmean", log_target=True)


def _check(student: Encoder, teacher: Encoder, what: Distillation) -> None:
    mine, theirs = student.config, teacher.config
    if mine.classes != theirs.classes or mine.tokens != theirs.tokens:
        raise UserError("a teacher has the tokens and classes of the model it teaches")
    if what.hidden and mine.channels != theirs.channels:
        raise UserError(
            f"hidden states have {mine.channels} and {theirs.channels} channels: set Distillation.hidden to 0"
        )
    without = {"relu", "deferred"} & {mine.attention, theirs.attention}
    if what.attention and (mine.heads != theirs.heads or without):
        raise UserError("attention maps need softmax and the same number of heads: set Distillation.attention to 0")


@contextmanager
def _watched(model: Encoder, what: Distillation) -> Iterator[dict[str, torch.Tensor]]:
    """The last block's output and attention map of what runs meanwhile."""
    states: dict[str, torch.Tensor] = {}
    last = model.layers[-1]
    modules = {"hidden": last if what.hidden else None, "attention": last.attention.softmax if what.attention else None}

    def keep(name: str) -> Callable[[torch.nn.Module, object, Activation], None]:
        return lambda module, inputs, output: states.update({name: value_of(output)})

    handles = [module.register_forward_hook(keep(name)) for name, module in modules.items() if module is not None]
    try:
        yield states
    finally:
        for handle in handles:
            handle.remove()
