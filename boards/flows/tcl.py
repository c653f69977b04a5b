"""Scripts for the vendors' tools: text with `@{name}` to fill in, since `$` and braces are Tcl's own."""

from __future__ import annotations

from string import Template


class _Script(Template):
    delimiter = "@"


def fill(text: str, **values: object) -> str:
    """`text` with every `@{name}` replaced; a name without a value is a KeyError."""
    return _Script(text).substitute(values)


def lines(prefix: str, names: list[str]) -> str:
    """One command per name."""
    return "\n".join(f"{prefix} {name}" for name in names)
