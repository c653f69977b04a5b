"""Scores of a network, computed in float64, where every accumulator is exact."""

from __future__ import annotations

import copy

import torch
from torch.nn import functional

from models.data import Split
from models.data.split import IGNORED
from models.encoder import Encoder

BATCH = 256


def logits(model: Encoder, x: torch.Tensor) -> torch.Tensor:
    """Real logits (samples, classes), or (samples, tokens, classes) of a language model, in eval mode."""
    exact = copy.deepcopy(model).double().eval()
    with torch.no_grad():
        return torch.cat([exact(batch) for batch in (x.double() if x.is_floating_point() else x).split(BATCH)])


def judge(model: Encoder, x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    """Fraction of labels, or of next identifiers, that have the largest logit, and mean cross-entropy per label."""
    found = logits(model, x)
    entropy = functional.cross_entropy(found.flatten(0, -2), y.flatten()).item()
    return (found.argmax(-1) == y)[y != IGNORED].double().mean().item(), entropy


def accuracy(model: Encoder, x: torch.Tensor, y: torch.Tensor) -> float:
    """The first of `judge`."""
    return judge(model, x, y)[0]


def nats(model: Encoder, x: torch.Tensor, y: torch.Tensor) -> float:
    """The second of `judge`."""
    return judge(model, x, y)[1]


def score(model: Encoder, split: Split) -> float:
    """Accuracy on the held-out part; of a language model the cross-entropy in nats per identifier."""
    return (nats if model.config.vocabulary else accuracy)(model, split.test_x, split.test_y)


def bigram(split: Split) -> float:
    """Cross-entropy of the held-out identifiers where each depends on the one before alone, as often as they came.

    Every pair counts once more than it came: none is impossible.
    """
    size = 1 + int(max(split.train_x.max(), split.test_x.max()))
    known, held = split.train_y != IGNORED, split.test_y != IGNORED
    pairs = torch.bincount(split.train_x[known] * size + split.train_y[known], minlength=size * size).reshape(
        size, size
    )
    chances = (pairs + 1).double() / (pairs + 1).sum(1, keepdim=True)
    return -chances[split.test_x[held], split.test_y[held]].log().mean().item()
