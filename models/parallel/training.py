"""A whole training on many processes: float pre-training on the first one, quantization-aware training on all."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from accel.errors import UserError
from accel.files import write_atomic
from models import checkpoint as whole_checkpoint
from models import data
from models.data import Split
from models.encoder import Encoder
from models.parallel import checkpoint, processes
from models.parallel.layout import Parallel
from models.parallel.trainer import Trainer, check
from models.quantization import settle
from models.recipe import Recipe
from models.resuming import METRICS
from models.scoring import accuracy, nats
from models.training import drawn, in_words, train

START, RESULT = "start.pt", "model.pt"

Tell = Callable[[str], None]
"""Called with a line of progress, on rank 0 only."""


def run(recipe: Recipe, layout: Parallel, folder: Path, device: torch.device, tell: Tell) -> Path:
    """Train under a layout; all processes call it. The result, `folder/model.pt`, is what `accel export` reads.

    The folder keeps the state after every epoch, and whatever is there is continued, under this or another layout.
    Every epoch has its own order of samples, whose incomplete last batch is left out. Raises UserError on every rank.
    """
    processes.agreed(lambda: check(recipe, layout))
    split = processes.agreed(lambda: _data(recipe))
    processes.agreed(lambda: _begin(recipe, split, folder, tell) if processes.rank() == 0 else None)
    model = processes.agreed(lambda: _started(recipe, folder))
    started = time.perf_counter()
    per_epoch = len(split.train_x) // recipe.batch
    trainer = Trainer(model, layout, recipe, recipe.quant_epochs * per_epoch, device)
    done = checkpoint.restore(trainer, folder)
    if done and processes.rank() == 0:
        tell(f"continuing after {done} of {trainer.steps} steps")
    for epoch in range(done // per_epoch, recipe.quant_epochs):
        _epoch(trainer, split, epoch, tell if processes.rank() == 0 else None)
        checkpoint.save(trainer, folder)
    seconds = time.perf_counter() - started
    processes.agreed(lambda: _finish(recipe, split, folder, seconds, tell) if processes.rank() == 0 else None)
    return folder / RESULT


def _data(recipe: Recipe) -> Split:
    split = drawn(data.load(recipe.data), recipe)
    if len(split.train_x) < recipe.batch:
        raise UserError(f"Recipe.batch ({recipe.batch}) is more than the training part ({len(split.train_x)} samples)")
    return split


def _begin(recipe: Recipe, split: Split, folder: Path, tell: Tell) -> None:
    """The float network and its calibrated twin, which is no larger than one process can train."""
    if (folder / START).exists():
        return
    before = replace(recipe, quant_epochs=0)
    whole_checkpoint.save(train(before, split=split, folder=folder / "float", progress=in_words(tell)), folder / START)


def _started(recipe: Recipe, folder: Path) -> Encoder:
    started = whole_checkpoint.load(folder / START)
    if started.recipe != replace(recipe, quant_epochs=0):
        raise UserError(f"{folder} is the training of another recipe: remove it, or choose another folder")
    return started.model


def _epoch(trainer: Trainer, split: Split, epoch: int, tell: Tell | None) -> None:
    start, before = time.perf_counter(), trainer.done
    losses = [trainer.step(x, y) for x, y in batches(split, trainer.recipe, epoch)]
    mean = sum(losses) / len(losses)
    if not math.isfinite(mean):
        raise UserError(f"training diverged (epoch {epoch + 1}): lower Recipe.quant_rate")
    if tell:
        rate = (trainer.done - before) / (time.perf_counter() - start)
        tell(f"quantized epoch {epoch + 1} of {trainer.recipe.quant_epochs}, loss {mean:.3f}, {rate:.1f} steps/s")


def batches(split: Split, recipe: Recipe, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of one epoch, the same on every rank and after every interruption: chance comes from seed and epoch."""
    chance = torch.Generator().manual_seed(recipe.seed * 1_000_003 + epoch)
    order = torch.randperm(len(split.train_x), generator=chance)
    for number, index in enumerate(order[: len(order) // recipe.batch * recipe.batch].split(recipe.batch)):
        x, y = split.train_x[index], split.train_y[index]
        if split.augment:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(order[number]) + chance.initial_seed())
                x = split.augment(x, recipe.shift_probability)
        yield x, y


def _finish(recipe: Recipe, split: Split, folder: Path, seconds: float, tell: Tell) -> None:
    """Put the parts together, measure the network and write it as a training on one process does.

    `seconds` were spent on quantization-aware training since this start.
    """
    start = whole_checkpoint.load(folder / START)
    newest = checkpoint.newest(folder)
    if newest:
        checkpoint.whole(start.model, newest)
    model = settle(start.model, split.train_x)
    held = split.test_x, split.test_y
    made = replace(
        start,
        recipe=recipe,
        model=model,
        quantized_accuracy=accuracy(model, *held),
        quantized_nats=nats(model, *held),
        seconds=start.seconds + seconds,
    )
    figures = {name: getattr(made, name) for name in whole_checkpoint.FIGURES}
    write_atomic(folder / METRICS, json.dumps(figures, indent=1) + "\n")
    whole_checkpoint.save(made, folder / RESULT)
    tell(f"accuracy on held-out data {made.quantized_accuracy:.2%} (float {made.float_accuracy:.2%})")
