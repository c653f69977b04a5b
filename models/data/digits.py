"""scikit-learn's handwritten digits as sequences: eight rows of eight pixels."""

from __future__ import annotations

import torch
from torch.nn import functional

from models.data.split import Split


def load() -> Split:
    """Images (samples, 8, 8) in [-1, 1] in steps of 1/8. Stratified split, 360 held out, always the same."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = (torch.tensor(digits.images, dtype=torch.float32) - 8) / 8
    labels = torch.tensor(digits.target)
    train, test = train_test_split(range(len(labels)), test_size=0.2, random_state=0, stratify=digits.target)
    return Split(images[train], labels[train], images[test], labels[test], shifted)


def shifted(images: torch.Tensor, probability: float) -> torch.Tensor:
    """Images (samples, rows, columns) moved by -1, 0 or 1 pixel both ways with the given probability; -1 is empty."""
    padded = functional.pad(images, (1, 1, 1, 1), value=-1.0)
    rows, columns = images.shape[1:]
    moved = torch.rand(len(images)) < probability
    offset = torch.where(moved[:, None], torch.randint(0, 3, (len(images), 2)), 1)
    row = offset[:, :1] + torch.arange(rows)
    column = offset[:, 1:] + torch.arange(columns)
    return padded[torch.arange(len(images))[:, None, None], row[:, :, None], column[:, None, :]]
