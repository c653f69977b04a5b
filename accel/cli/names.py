"""Names that a shell can complete: boards, data sets, recipes."""

from __future__ import annotations

import click


def boards(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Boards that begin so."""
    import boards as known

    return [name for name in known.names() if name.startswith(begun)]


def data(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Data sets that begin so."""
    from models.presets import BASES

    return [name for name in BASES if name.startswith(begun)]


def recipes(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Recipes that begin so."""
    from models.presets import LEVERS

    return [name for name in LEVERS if name.startswith(begun)]
