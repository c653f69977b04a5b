"""JapaneseVowels: nine speakers say two vowels, 7 to 29 frames of 12 cepstral coefficients, from sktime's wheel."""

from __future__ import annotations

import numpy as np
import torch

from accel.errors import UserError
from models.data.split import Split

FRAMES = 32
STEP = 64
"""Coefficients are rounded to 1/64 steps; their range is -2..2."""


def load() -> Split:
    """Sequences (samples, 32, 12), zeros behind their end; 270 for training, 370 held out, as published.

    Raises UserError where sktime is not installed.
    """
    try:
        from sktime.datasets import load_japanese_vowels
    except ImportError:
        raise UserError("JapaneseVowels comes with sktime: pip install sktime") from None
    train, test = (_part(*load_japanese_vowels(name, return_X_y=True)) for name in ("train", "test"))
    return Split(*train, *test)


def _part(sequences: object, labels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """A nested data frame, a series per cell, and speakers "1" to "9"."""
    padded = np.zeros((len(labels), FRAMES, 12), np.float32)
    for sample, row in enumerate(sequences.itertuples(index=False)):  # type: ignore[attr-defined]
        frames = np.stack([np.asarray(series, np.float32) for series in row], 1)
        padded[sample, : len(frames)] = np.rint(frames * STEP) / STEP
    return torch.from_numpy(padded), torch.from_numpy(labels.astype(np.int64) - 1)
