"""Language models: a checkpoint becomes exact integers, writes text, and is measured against real numbers.

model = accel.lm.load("model.gguf")
model.generate("Once upon a time", tokens=40).text
model.perplexity(text).nats_integer
model.save("model.accel")
"""

from __future__ import annotations

from accel.lazy import lazy

HOMES = {
    "load": "accel.verbs.lm.loading",
    "LanguageModel": "accel.verbs.lm.model",
    "Generated": "accel.verbs.lm.writing",
    "Perplexity": "accel.verbs.lm.perplexity",
    "train": "accel.verbs.lm.training",
    "calibrate": "accel.verbs.lm.recipes",
}

__all__ = [*HOMES]
__getattr__ = lazy(__name__, HOMES)
