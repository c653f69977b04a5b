"""GPT-2: `models.gpt2.load(accel.checkpoints.load("folder"))` is the network in torch.

`lower(configuration, models.llama.integer_weights(checkpoint), tokens)` is one as an integer graph.
"""

from __future__ import annotations

from accel.lazy import lazy

HOMES = {"GPT2": "models.gpt2.network", "load": "models.gpt2.network", "lower": "models.gpt2.lowering"}

__all__ = [*HOMES]
__getattr__ = lazy(__name__, HOMES)
