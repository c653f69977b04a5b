"""scikit-learn's handwritten digits as sequences: eight rows of eight pixels."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Split:
    """Images (samples, 8, 8) in [-1, 1] in steps of 1/8, labels, and 360 held-out images for the final figures only."""

    train_x: torch.Tensor
    train_y: torch.Tensor
    test_x: torch.Tensor
    test_y: torch.Tensor


def load() -> Split:
    """Stratified 80/20 split, always the same."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = (torch.tensor(digits.images, dtype=torch.float32) - 8) / 8
    labels = torch.tensor(digits.target)
    train, test = train_test_split(range(len(labels)), test_size=0.2, random_state=0, stratify=digits.target)
    return Split(images[train], labels[train], images[test], labels[test])


def validation(split: Split, fold: int = 0) -> Split:
    """A split of the training part alone (stratified, a fifth for validation): what every choice is made on."""
    from sklearn.model_selection import train_test_split

    train, held = train_test_split(
        range(len(split.train_y)), test_size=0.2, random_state=fold, stratify=split.train_y.numpy()
    )
    return Split(split.train_x[train], split.train_y[train], split.train_x[held], split.train_y[held])
