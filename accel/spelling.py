"""Names in any spelling, and the nearest name to a mistyped one."""

from __future__ import annotations

import re


def plain(name: str) -> str:
    """Small letters and digits only: `PYNQ_Z2`, `Pynq-Z2` and `pynqz2` are one name."""
    return re.sub("[^a-z0-9]", "", name.lower())
