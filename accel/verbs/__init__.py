"""The Python API: one module per verb, and what they share. Here, and in `accel.cli`, all packages come together."""

from __future__ import annotations

from accel.lazy import lazy

BOARD = "ulx3s-85f"
"""The board of every verb to which none is named."""

__getattr__ = lazy(__name__, {}, ("lm",))
