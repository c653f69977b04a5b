"""`accel completion`: what a shell needs to complete verbs, options, boards, targets, recipes and paths."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


@click.command(short_help="Print completion for a shell.")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print a script for a shell, which then completes accel's commands, options, boards, targets, recipes and paths.

    \b
    Examples:
      eval "$(accel completion bash)"                       # now; in ~/.bashrc: always
      accel completion zsh > ~/.zfunc/_accel
      accel completion fish > ~/.config/fish/completions/accel.fish
    """
    from click.shell_completion import get_completion_class

    from accel.cli import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "accel", "_ACCEL_COMPLETE").source())
