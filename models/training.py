"""Float pre-training, shrinking, calibration, corrections and quantization-aware training, as a recipe says."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from accel.errors import UserError
from models import data, mixed
from models.config import EncoderConfig
from models.corrections import correct
from models.data import Split
from models.distillation import distilled
from models.encoder import Encoder
from models.exporting import check_accumulators
from models.fitting import Constraint, Fit, Loss, cross_entropy, reproducible
from models.pruning import Masks, shrunk
from models.quantization import quantize, settle
from models.recipe import Recipe
from models.resuming import Resumable
from models.scoring import judge

EpochProgress = Callable[[str, int, int, str], None]
"""Called with stage, epochs done, epochs in all, and a short text."""

CALIBRATION = 512
"""Samples of the training part whose activations set the scales."""
REFIT = 3
"""A network that was shrunk is trained on for 1/REFIT of the float epochs, at half the rate."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training part: stage "float" or "quantized", number from 1, mean training loss."""

    stage: str
    number: int
    loss: float


@dataclass(frozen=True)
class Trained:
    """A trained quantized network in eval mode, with accuracies (0..1) and cross-entropies (nats per label, or per
    identifier of a language model) on the split's test part.
    """

    model: Encoder
    recipe: Recipe
    float_accuracy: float
    quantized_accuracy: float
    float_nats: float
    quantized_nats: float
    seconds: float
    history: tuple[Epoch, ...]


def train(
    recipe: Recipe | None = None,
    *,
    split: Split | None = None,
    folder: Path | str | None = None,
    progress: EpochProgress | None = None,
) -> Trained:
    """Train on `split.train_*` (default: the recipe's data), report figures on `split.test_*`. Deterministic per seed.

    With a `folder`, every epoch is kept there. An interrupted training continues there and gives the same result. At
    the end, the folder also holds metrics.json. Raises UserError when the model does not fit the data, the training
    diverges, or the folder holds the training of another recipe.
    """
    recipe = recipe or Recipe()
    split = drawn(split or data.load(recipe.data), recipe)
    _check_fit(recipe.model, split)
    start = time.perf_counter()
    with reproducible(recipe.seed):
        stages = _Stages(recipe, split, Resumable(recipe, folder), progress)
        network = stages.float_network(recipe.model, "float")
        if recipe.pruning.shrinks:
            network = stages.shrunk(network)
        twin = settle(stages.quantized(network), split.train_x)
        if twin.config.accumulator_bits:
            check_accumulators(twin)
        held = split.test_x, split.test_y
        float_figures, quantized_figures = judge(network, *held), judge(twin, *held)
        figures = {
            "float_accuracy": float_figures[0],
            "quantized_accuracy": quantized_figures[0],
            "float_nats": float_figures[1],
            "quantized_nats": quantized_figures[1],
            "seconds": time.perf_counter() - start + stages.run.seconds_before,
        }
    stages.run.finish({**figures, "history": [asdict(epoch) for epoch in stages.history]})
    return Trained(twin, recipe, **figures, history=tuple(stages.history))


class _Stages:
    """The stages of one training; each begins with a network and gives one."""

    def __init__(self, recipe: Recipe, split: Split, run: Resumable, progress: EpochProgress | None) -> None:
        self.recipe, self.split, self.run, self.progress = recipe, split, run, progress
        self.history: list[Epoch] = []

    def float_network(self, config: EncoderConfig, name: str) -> Encoder:
        recipe = self.recipe
        network = Encoder(replace(config, quantized=False))
        return self._fit(name, network, recipe.float_epochs, recipe.float_rate, cross_entropy(recipe.label_smoothing))

    def shrunk(self, network: Encoder) -> Encoder:
        recipe = self.recipe
        small = shrunk(network, recipe.pruning)
        epochs, rate = math.ceil(recipe.float_epochs / REFIT), recipe.float_rate / 2
        return self._fit("shrunk", small, epochs, rate, cross_entropy(recipe.label_smoothing))

    def quantized(self, network: Encoder) -> Encoder:
        recipe = self.recipe
        samples = self.split.train_x[:CALIBRATION]
        if recipe.mean_bits:
            network = mixed.chosen(network, self.split, recipe.mean_bits)
        twin = quantize(network.eval(), samples, "equalize" in recipe.corrections)
        correct(twin, samples, recipe.corrections)
        loss = cross_entropy(recipe.label_smoothing)
        if recipe.distillation:
            config = recipe.distillation.teacher
            teacher = self.float_network(config, "teacher") if config else network
            loss = distilled(twin, teacher, recipe.distillation, recipe.label_smoothing)
        constraints = (Masks(twin, recipe.pruning),) if recipe.pruning.masks else ()
        return self._fit("quantized", twin, recipe.quant_epochs, recipe.quant_rate, loss, constraints)

    def _fit(
        self, name: str, model: Encoder, epochs: int, rate: float, loss: Loss, constraints: tuple[Constraint, ...] = ()
    ) -> Encoder:
        kept = self.run.restore(name, model)
        losses: list[float] = kept["losses"]
        fit = Fit(model, self.split, self.recipe, epochs, rate, loss, constraints)
        if losses:
            fit.restore(kept)
        for number in range(len(losses) + 1, epochs + 1):
            losses.append(fit.epoch())
            if not math.isfinite(losses[-1]):
                raise UserError(
                    f"training diverged ({name} epoch {number}): lower Recipe.float_rate or Recipe.quant_rate"
                )
            self.run.keep(name, fit, losses)
            if self.progress:
                self.progress(name, number, epochs, f"loss {losses[-1]:.3f}")
        self.history += [Epoch(name, number, loss) for number, loss in enumerate(losses, 1)]
        return model


def in_words(tell: Callable[[str], None]) -> EpochProgress:
    """Progress as one text."""
    return lambda stage, done, total, text: tell(f"{stage} epoch {done} of {total}, {text}")


def drawn(split: Split, recipe: Recipe) -> Split:
    """Draw at most Recipe.samples of the training part, the same for every seed."""
    if not recipe.samples or recipe.samples >= len(split.train_x):
        return split
    index = torch.randperm(len(split.train_x), generator=torch.Generator().manual_seed(0))[: recipe.samples]
    return replace(split, train_x=split.train_x[index], train_y=split.train_y[index])


def _check_fit(config: EncoderConfig, split: Split) -> None:
    takes = (config.tokens,) if config.vocabulary else (config.tokens, config.features)
    names, got = "(tokens, features)" if len(takes) == 2 else "(tokens,)", tuple(split.train_x.shape[1:])
    if takes != got:
        raise UserError(f"the model takes samples of {names} = {takes}, the data has {got}")
    if int(split.train_y.max()) >= config.classes:
        raise UserError(f"the model has {config.classes} classes, the data has label {int(split.train_y.max())}")
    if config.vocabulary and int(split.train_x.max()) >= config.vocabulary:
        raise UserError(f"the model knows {config.vocabulary} identifiers, the data has {int(split.train_x.max())}")
