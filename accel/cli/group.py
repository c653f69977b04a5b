"""A group of commands that suggests the nearest name for a mistyped one."""

from __future__ import annotations

import difflib

import click


class Verbs(click.Group):
    """A group whose error for an unknown command names the nearest one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names. Raises UsageError with a suggestion."""
        name, known = args[0], self.list_commands(ctx)
        near = difflib.get_close_matches(name, known, n=1)
        if name not in known and not name.startswith("-") and near:
            raise click.UsageError(f"No such command {name!r}. Did you mean {near[0]!r}?", ctx)
        return super().resolve_command(ctx, args)
