"""Float pre-training and quantization-aware training of an encoder.

The recipe was chosen on `digits.validation` (a fifth of the training part), never on the held-out images:
`python -m models.choose` repeats the comparison.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
from torch.nn import functional

from models import digits
from models.digits import Split
from models.encoder import Encoder, EncoderConfig, quantize

Progress = Callable[[str, int, int, str], None]
"""Called with stage, steps done, steps in all, and a short text."""


@dataclass(frozen=True)
class Recipe:
    """How to train: `model` is the quantised network, pre-trained as its float twin."""

    model: EncoderConfig = field(default_factory=EncoderConfig)
    seed: int = 0
    float_epochs: int = 60
    float_rate: float = 3e-3
    quant_epochs: int = 15
    quant_rate: float = 1e-3
    batch: int = 64
    weight_decay: float = 1e-2
    label_smoothing: float = 0.1
    shift_probability: float = 0.5  # of moving an image by up to one pixel


@dataclass(frozen=True)
class Trained:
    """A trained quantised network in eval mode, with accuracies (0..1) on the split's test part."""

    model: Encoder
    recipe: Recipe
    float_accuracy: float
    quantized_accuracy: float
    seconds: float


def train(recipe: Recipe | None = None, *, split: Split | None = None, progress: Progress | None = None) -> Trained:
    """Train on `split.train_*` and report accuracy on `split.test_*`. Deterministic per seed."""
    recipe, split = recipe or Recipe(), split or digits.load()
    start = time.perf_counter()
    with _reproducible(recipe.seed):
        network = Encoder(replace(recipe.model, quantized=False))
        _fit(network, split, recipe, recipe.float_epochs, recipe.float_rate, "float", progress)
        float_accuracy = accuracy(network, split.test_x, split.test_y)
        twin = quantize(copy.deepcopy(network), split.train_x[:512])
        _fit(twin, split, recipe, recipe.quant_epochs, recipe.quant_rate, "quantised", progress)
        twin.eval()
        quantized_accuracy = accuracy(twin, split.test_x, split.test_y)
    return Trained(twin, recipe, float_accuracy, quantized_accuracy, time.perf_counter() - start)


def logits(model: Encoder, x: torch.Tensor) -> torch.Tensor:
    """Raw logits (samples, classes) in eval mode, float64."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(batch).double() for batch in x.split(256)])


def accuracy(model: Encoder, x: torch.Tensor, y: torch.Tensor) -> float:
    """Fraction of samples whose largest logit is the label's."""
    return (logits(model, x).argmax(1) == y).double().mean().item()


def _fit(
    model: Encoder, split: Split, recipe: Recipe, epochs: int, rate: float, stage: str, progress: Progress | None
) -> None:
    """AdamW, one cycle; scales are learned without weight decay."""
    steps = -(-len(split.train_x) // recipe.batch) * epochs
    scales = [p for name, p in model.named_parameters() if name.endswith(".value")]
    others = [p for name, p in model.named_parameters() if not name.endswith(".value")]
    groups = [{"params": others, "weight_decay": recipe.weight_decay}, {"params": scales, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW([group for group in groups if group["params"]], lr=rate)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=max(steps, 1), pct_start=0.1)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        order = torch.randperm(len(split.train_x))
        for index in order.split(recipe.batch):
            x = _shifted(split.train_x[index], recipe.shift_probability)
            loss = functional.cross_entropy(model(x), split.train_y[index], label_smoothing=recipe.label_smoothing)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(index)
        if progress:
            progress(stage, epoch + 1, epochs, f"loss {total / len(order):.3f}")


def _shifted(images: torch.Tensor, probability: float) -> torch.Tensor:
    """Images (samples, rows, columns) moved by -1, 0 or 1 pixel both ways with the given probability; -1 is empty."""
    padded = functional.pad(images, (1, 1, 1, 1), value=-1.0)
    rows, columns = images.shape[1:]
    moved = torch.rand(len(images)) < probability
    offset = torch.where(moved[:, None], torch.randint(0, 3, (len(images), 2)), 1)
    row = offset[:, :1] + torch.arange(rows)
    column = offset[:, 1:] + torch.arange(columns)
    return padded[torch.arange(len(images))[:, None, None], row[:, :, None], column[:, None, :]]


@contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """One thread (more only wait for each other on such small tensors) and a seeded generator, both given back."""
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)
