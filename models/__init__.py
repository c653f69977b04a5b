"""Brevitas transformers: data, training, checkpoints, export. Everything is imported on first use.

trained = models.train(models.Recipe(seed=1), progress=print)
models.save(trained, "model.pt")
models.export(trained.model, "model.onnx")
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Encoder": "encoder",
    "EncoderConfig": "config",
    "quantize": "quantization",
    "Recipe": "recipe",
    "Pruning": "recipe",
    "Distillation": "recipe",
    "Trained": "training",
    "train": "training",
    "logits": "scoring",
    "save": "checkpoint",
    "load": "checkpoint",
    "export": "exporting",
}
_MODULES = ("data",)

__all__ = [*_HOME, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"models.{_HOME[name]}"), name)
    if name in _MODULES:
        return import_module(f"models.{name}")
    raise AttributeError(f"module 'models' has no attribute {name!r}; there are {', '.join(__all__)}")
