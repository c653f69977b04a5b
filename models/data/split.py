"""A data set as tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

Augment = Callable[[torch.Tensor, float], torch.Tensor]
"""Inputs of a batch and the probability that one of them is changed → inputs."""


IGNORED = -100
"""A label that counts nowhere, as torch's cross_entropy has it: behind the end of a text."""


@dataclass(frozen=True)
class Split:
    """Inputs (samples, tokens, features) with labels (samples,), or identifiers (samples, tokens) with the next ones.

    `test_*` are held out for final figures only. `augment` changes inputs while training, in ways that keep the label.
    """

    train_x: torch.Tensor
    train_y: torch.Tensor
    test_x: torch.Tensor
    test_y: torch.Tensor
    augment: Augment | None = None


def validation(split: Split, fold: int = 0) -> Split:
    """A split of the training part alone (stratified, a fifth for validation): what every choice is made on."""
    from sklearn.model_selection import train_test_split

    labels = split.train_y.numpy() if split.train_y.ndim == 1 else None
    train, held = train_test_split(range(len(split.train_y)), test_size=0.2, random_state=fold, stratify=labels)
    x, y = split.train_x, split.train_y
    return replace(split, train_x=x[train], train_y=y[train], test_x=x[held], test_y=y[held])
