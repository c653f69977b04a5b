"""Brevitas transformers: data, training, checkpoints, export. Everything is imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "EncoderConfig": "encoder",
    "Encoder": "encoder",
    "Recipe": "train",
    "Trained": "train",
    "train": "train",
    "logits": "train",
    "save": "checkpoint",
    "load": "checkpoint",
    "export": "export",
}
__all__ = list(_HOME)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"models.{_HOME[name]}"), name)
    raise AttributeError(f"module 'models' has no attribute {name!r}")
