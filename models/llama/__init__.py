"""Networks of Llama's kind: `models.llama.load(accel.checkpoints.load("model.gguf"))` is one in torch."""

from __future__ import annotations

from accel.lazy import lazy

HOMES = {
    "Llama": "models.llama.network",
    "Memory": "models.llama.network",
    "load": "models.llama.network",
}

__all__ = [*HOMES]
__getattr__ = lazy(__name__, HOMES)
