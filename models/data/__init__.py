"""Data sets that install from PyPI or Debian: nothing is downloaded at run time."""

from __future__ import annotations

from importlib import import_module

from accel.errors import UserError
from models.data.split import Split, validation

SETS = {
    "digits": ("digits", "load"),
    "fashion": ("fashion", "load"),
    "vowels": ("vowels", "load"),
    "text": ("text", "load"),
    "bible": ("text", "bible"),
    "names": ("names", "load"),
}
"""Name → module and function."""


def load(name: str) -> Split:
    """A data set by name. Raises UserError when the name is unknown or what it comes from is not installed."""
    if name not in SETS:
        raise UserError(f"unknown data set {name!r}; there are {', '.join(SETS)}")
    module, function = SETS[name]
    found: Split = getattr(import_module(f"models.data.{module}"), function)()
    return found


__all__ = ["SETS", "Split", "load", "validation"]
