"""Brevitas transformers: data, training, checkpoints, export. Everything is imported on first use.

trained = models.train(models.Recipe(seed=1), progress=print)
models.save(trained, "model.pt")
models.export(trained.model, "model.onnx")
"""

from __future__ import annotations

from accel.lazy import lazy

HOMES = {
    "Encoder": "models.encoder",
    "EncoderConfig": "models.config",
    "quantize": "models.quantization",
    "Recipe": "models.recipe",
    "Pruning": "models.recipe",
    "Distillation": "models.recipe",
    "Trained": "models.training",
    "train": "models.training",
    "logits": "models.scoring",
    "save": "models.checkpoint",
    "load": "models.checkpoint",
    "export": "models.exporting",
}
MODULES = ("data",)

__all__ = [*HOMES, *MODULES]
__getattr__ = lazy(__name__, HOMES, MODULES)
