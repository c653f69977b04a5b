"""Fashion-MNIST as sequences: sixteen patches of 7 × 7 pixels."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import torch

from accel.errors import UserError
from models.data.split import Split

FOLDERS = ("/usr/share/datasets/fashion-mnist",)
"""Where Debian's package dataset-fashion-mnist puts it."""
VARIABLE = "ACCEL_FASHION_MNIST"
PATCH = 7


def load() -> Split:
    """Images (samples, 16, 49) in [-1, 1) in steps of 1/128: 60,000, and 10,000 held out.

    Raises UserError where the files are not installed.
    """
    found = folder()
    return Split(
        _images(found / "train-images-idx3-ubyte.gz"),
        _labels(found / "train-labels-idx1-ubyte.gz"),
        _images(found / "t10k-images-idx3-ubyte.gz"),
        _labels(found / "t10k-labels-idx1-ubyte.gz"),
    )


def folder() -> Path:
    """Folder of the four files. Raises UserError when they are not installed."""
    candidates = [Path(text) for text in (os.environ.get(VARIABLE), *FOLDERS) if text]
    for place in candidates:
        if (place / "train-images-idx3-ubyte.gz").exists():
            return place
    places = ", ".join(map(str, candidates))
    raise UserError(
        f"Fashion-MNIST is not in {places}: install it (Debian: apt install dataset-fashion-mnist) "
        f"or name the folder of its four .gz files in {VARIABLE}"
    )


def _values(path: Path, header: int) -> np.ndarray:
    """The bytes of an IDX file behind its header."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


def _labels(path: Path) -> torch.Tensor:
    return torch.from_numpy(_values(path, 8).astype(np.int64))


def _images(path: Path) -> torch.Tensor:
    side = 28 // PATCH
    images = _values(path, 16).reshape(-1, side, PATCH, side, PATCH).transpose(0, 1, 3, 2, 4)
    patches = images.reshape(len(images), side * side, PATCH * PATCH)
    return torch.from_numpy((patches.astype(np.float32) - 128) / 128)
