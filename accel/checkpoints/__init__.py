"""Checkpoints of language models: GGUF, safetensors in the layout of Hugging Face, and llama2.c's `.bin`.

checkpoint = accel.checkpoints.load("model.gguf")
checkpoint.configuration
checkpoint["layers.0.attention.q"].integers()
checkpoint.tokenizer().encode("Once upon a time")
"""

from __future__ import annotations

from accel.lazy import lazy

HOMES = {
    "load": "accel.checkpoints.loading",
    "Checkpoint": "accel.checkpoints.checkpoint",
    "Configuration": "accel.checkpoints.configuration",
    "RotaryPositions": "accel.checkpoints.configuration",
    "Weight": "accel.checkpoints.weight",
    "GroupQuantized": "accel.checkpoints.groups",
    "Tokenizer": "accel.checkpoints.tokenizer",
    "ChatTemplate": "accel.checkpoints.chat",
    "TextStream": "accel.checkpoints.tokenizer",
}

__all__ = [*HOMES]
__getattr__ = lazy(__name__, HOMES)
