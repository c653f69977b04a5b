"""What a unit, a buffer or a design will occupy, without synthesis."""

from __future__ import annotations

from pathlib import Path

TARGETS = ("ecp5", "xilinx7")
"""Families that the model was fitted for."""


def samples(target: str) -> Path:
    """The recorded syntheses that the model of a target is fitted on."""
    return Path(__file__).with_name(f"samples-{target}.json")
