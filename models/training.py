"""Float pre-training, then quantization-aware training, of an encoder."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
from torch.nn import functional

from accel.errors import UserError
from models import digits
from models.config import EncoderConfig
from models.digits import Split
from models.encoder import Encoder
from models.quantization import quantize, settle

Progress = Callable[[str, int, int, str], None]
"""Called with stage, epochs done, epochs in all, and a short text."""


@dataclass(frozen=True)
class Recipe:
    """How to train: `model` is the quantised network, pre-trained as its float twin.

    The defaults were chosen by `models.choose` on parts of the training images, never on the held-out ones.
    Raises UserError, naming the field, when a value is out of range.
    """

    model: EncoderConfig = field(default_factory=EncoderConfig)
    seed: int = 0
    float_epochs: int = 60
    float_rate: float = 6e-3
    quant_epochs: int = 15
    quant_rate: float = 1e-3
    batch: int = 128
    weight_decay: float = 1e-2
    label_smoothing: float = 0.1
    shift_probability: float = 0.5  # of moving an image by up to one pixel

    def __post_init__(self) -> None:
        for name in ("seed", "float_epochs", "quant_epochs", "weight_decay"):
            self._expect(name, getattr(self, name) >= 0, "at least 0")
        for name in ("float_rate", "quant_rate", "batch"):
            self._expect(name, getattr(self, name) > 0, "above 0")
        for name in ("label_smoothing", "shift_probability"):
            self._expect(name, 0 <= getattr(self, name) <= 1, "0..1")

    def _expect(self, name: str, holds: bool, what: str) -> None:
        if not holds:
            raise UserError(f"Recipe.{name} is {what}; got {getattr(self, name)}")


@dataclass(frozen=True)
class Epoch:
    """One pass over the training part: stage "float" or "quantised", number from 1, mean training loss."""

    stage: str
    number: int
    loss: float


@dataclass(frozen=True)
class Trained:
    """A trained quantised network in eval mode, with accuracies (0..1) on the split's test part."""

    model: Encoder
    recipe: Recipe
    float_accuracy: float
    quantized_accuracy: float
    seconds: float
    history: tuple[Epoch, ...]


def train(recipe: Recipe | None = None, *, split: Split | None = None, progress: Progress | None = None) -> Trained:
    """Train on `split.train_*` (default: digits) and report accuracy on `split.test_*`. Deterministic per seed.

    Raises UserError when the model does not fit the data or the training diverges.
    """
    recipe, split = recipe or Recipe(), split or digits.load()
    _check_fit(recipe.model, split)
    start = time.perf_counter()
    with _reproducible(recipe.seed):
        network = Encoder(replace(recipe.model, quantized=False))
        history = [*_fit(network, split, recipe, "float", recipe.float_epochs, recipe.float_rate, progress)]
        float_accuracy = accuracy(network, split.test_x, split.test_y)
        twin = quantize(network, split.train_x[:512])
        history += _fit(twin, split, recipe, "quantised", recipe.quant_epochs, recipe.quant_rate, progress)
        settle(twin, split.train_x)
        quantized_accuracy = accuracy(twin, split.test_x, split.test_y)
    seconds = time.perf_counter() - start
    return Trained(twin, recipe, float_accuracy, quantized_accuracy, seconds, tuple(history))


def logits(model: Encoder, x: torch.Tensor) -> torch.Tensor:
    """Real logits (samples, classes) in eval mode, computed in float64, where every accumulator is exact."""
    exact = copy.deepcopy(model).double().eval()
    with torch.no_grad():
        return torch.cat([exact(batch) for batch in (x.double() if x.is_floating_point() else x).split(256)])


def accuracy(model: Encoder, x: torch.Tensor, y: torch.Tensor) -> float:
    """Fraction of samples whose largest logit is the label's."""
    return (logits(model, x).argmax(1) == y).double().mean().item()


def _check_fit(config: EncoderConfig, split: Split) -> None:
    takes, got = (config.tokens, config.features), tuple(split.train_x.shape[1:])
    if takes != got:
        raise UserError(f"the model takes samples of (tokens, features) = {takes}, the data has {got}")
    if int(split.train_y.max()) >= config.classes:
        raise UserError(f"the model has {config.classes} classes, the data has label {int(split.train_y.max())}")


def _fit(
    model: Encoder, split: Split, recipe: Recipe, stage: str, epochs: int, rate: float, progress: Progress | None
) -> Iterator[Epoch]:
    """AdamW with one cycle of the learning rate; scales are learned without weight decay."""
    scales = [p for name, p in model.named_parameters() if name.endswith(".value")]
    others = [p for name, p in model.named_parameters() if not name.endswith(".value")]
    groups = [{"params": others, "weight_decay": recipe.weight_decay}, {"params": scales, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW([group for group in groups if group["params"]], lr=rate, fused=True)
    steps = max(1, epochs * math.ceil(len(split.train_x) / recipe.batch))
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    model.train()
    for number in range(1, epochs + 1):
        total = 0.0
        for index in torch.randperm(len(split.train_x)).split(recipe.batch):
            x = _shifted(split.train_x[index], recipe.shift_probability)
            loss = functional.cross_entropy(model(x), split.train_y[index], label_smoothing=recipe.label_smoothing)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*others, *scales], 1.0)
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(index)
        epoch = Epoch(stage, number, total / len(split.train_x))
        if not math.isfinite(epoch.loss):
            raise UserError(f"training diverged ({stage} epoch {number}): lower Recipe.float_rate or Recipe.quant_rate")
        if progress:
            progress(stage, number, epochs, f"loss {epoch.loss:.3f}")
        yield epoch


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
