"""A small training, on one process in plain torch and on many with `models.parallel`, from the same start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import DTensor
from torch.nn import functional

from accel.errors import UserError
from models.config import EncoderConfig
from models.encoder import Encoder
from models.parallel import Parallel, Trainer, checkpoint, processes
from models.quantization import quantize
from models.recipe import Recipe

SMALL = EncoderConfig(tokens=4, features=8, classes=3, channels=16, heads=4, layers=2, hidden=16)
RECIPE = Recipe(model=SMALL, batch=16, quant_rate=3e-3)
STEPS = 20

Weights = dict[str, torch.Tensor]


def calibrated(config: EncoderConfig) -> Encoder:
    """The same network on every call, in float64: rounding would magnify the order of float32 sums."""
    torch.manual_seed(0)
    network = Encoder(replace(config, quantized=False)).eval()
    shape = (32, config.tokens)
    samples = torch.randint(config.vocabulary, shape) if config.vocabulary else torch.randn(*shape, config.features)
    return quantize(network, samples).double()


def batches(recipe: Recipe) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """STEPS random batches, always the same."""
    torch.manual_seed(1)
    config = recipe.model
    tokens = (recipe.batch, config.tokens)
    if config.vocabulary:
        return [(torch.randint(config.vocabulary, tokens), torch.randint(config.classes, tokens)) for _ in range(STEPS)]
    shape = (*tokens, config.features)
    return [(torch.randn(shape, dtype=torch.float64), torch.randint(config.classes, tokens[:1])) for _ in range(STEPS)]


def single(recipe: Recipe) -> tuple[list[float], Weights]:
    """Losses and parameters after STEPS steps, as one writes them down without any parallelism."""
    model = calibrated(recipe.model).train()
    named = list(model.named_parameters())
    scales = [p for name, p in named if name.endswith(".value")]
    others = [p for name, p in named if not name.endswith(".value")]
    groups = [{"params": others, "weight_decay": recipe.weight_decay}, {"params": scales, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.quant_rate)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.quant_rate, total_steps=STEPS, pct_start=0.1)
    losses = []
    for x, y in batches(recipe):
        logits = model(x).flatten(0, -2)
        loss = functional.cross_entropy(logits, y.flatten(), label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rates.step()
        losses.append(loss.item())
    return losses, {name: p.detach() for name, p in named}


def parallel(device: torch.device, recipe: Recipe, layout: Parallel) -> tuple[list[float], Weights]:
    """The same on this rank: losses, and the parameters of its stage, whole."""
    trainer = Trainer(calibrated(recipe.model), layout, recipe, STEPS, device)
    losses = [trainer.step(x, y) for x, y in batches(recipe)]
    return losses, whole(trainer)


def whole(trainer: Trainer) -> Weights:
    """The parameters of a rank's stage."""
    named: Any = trainer.model.named_parameters()
    return {name: (p.full_tensor() if isinstance(p, DTensor) else p).detach() for name, p in named}


def resumed(
    device: torch.device, recipe: Recipe, layout: Parallel, folder: Path, until: int
) -> tuple[int, list[float], Weights]:
    """Go on at the newest checkpoint until so many steps are done, and keep the state: first step, losses, weights."""
    trainer = Trainer(calibrated(recipe.model), layout, recipe, STEPS, device)
    start = checkpoint.restore(trainer, folder)
    losses = [trainer.step(x, y) for x, y in batches(recipe)[start:until]]
    checkpoint.save(trainer, folder)
    return start, losses, whole(trainer)


def refusals(device: torch.device, cases: list[tuple[Recipe, Parallel]]) -> list[str]:
    """What this rank says to layouts that do not fit; in the last case rank 1 has a network without calibration."""
    said = []
    for number, (recipe, layout) in enumerate(cases, 1):
        uncalibrated = number == len(cases) and processes.rank() == 1
        model = Encoder(recipe.model).double() if uncalibrated else calibrated(recipe.model)
        try:
            Trainer(model, layout, recipe, STEPS, device)
            said.append("nothing")
        except UserError as error:
            said.append(str(error))
    return said
