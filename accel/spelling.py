"""Names: in any spelling, and safe for one line of text."""

from __future__ import annotations

import re
from collections.abc import Sequence


def plain(name: str) -> str:
    """Small letters and digits only: `PYNQ_Z2`, `Pynq-Z2` and `pynqz2` are one name."""
    return re.sub("[^a-z0-9]", "", name.lower())


def printable(text: str, limit: int = 80) -> str:
    """A name from a file, safe for one line of text: no control or format characters, bounded length."""
    cleaned = "".join(c if c.isprintable() else "_" for c in text[: 4 * limit])
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def brief(text: str, most: int = 20) -> str:
    """A text for one line in which an integer of more than `most` digits, from a file, has only the first of them."""
    return re.sub(rf"(\d{{{most}}})\d+", r"\1…", text)


def shortened(names: Sequence[str], most: int = 8) -> str:
    """A list for one line of text: the first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
