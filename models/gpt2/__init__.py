"""GPT-2: `models.gpt2.load(accel.checkpoints.load("folder"))` is the network in torch."""

from __future__ import annotations

from accel.lazy import lazy

HOMES = {"GPT2": "models.gpt2.network", "load": "models.gpt2.network"}

__all__ = [*HOMES]
__getattr__ = lazy(__name__, HOMES)
