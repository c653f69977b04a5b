"""Lines in and text out, of every verb that talks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import click

from accel.errors import UserError

if TYPE_CHECKING:
    from accel.verbs.lm import Generated
    from accel.verbs.lm.writing import TellText

    Say = Callable[[str, TellText | None], Generated]


def lines(*, blank: bool = False) -> Iterator[bytes]:
    """Messages, until the input ends; empty ones with `blank` only."""
    while sys.stdin is not None:  # a caller may have closed it
        if sys.stdin.isatty():
            click.echo("> ", nl=False, err=True)
        if not (line := sys.stdin.buffer.readline()):
            return
        if blank or line.strip():
            yield line.strip()


def show_piece(text: str) -> None:
    """Print text as it comes."""
    click.echo(text, nl=False)


def show_rate(found: Generated) -> None:
    """End the text, and tell on standard error how fast it came."""
    click.echo()
    click.echo(
        f"{found.prompt} tokens read in {found.first:.2f} s, {len(found.identifiers)} written, "
        f"{found.rate:.1f} per second",
        err=True,
    )


def answers(messages: Iterable[bytes], say: Say, *, show: bool) -> Iterator[Generated | None]:
    """The answer to each message, with `show` as it is written; None for a message that was left out."""
    for line in messages:
        try:
            found = say(line.decode("utf-8"), show_piece if show else None)
        except (UserError, UnicodeDecodeError) as error:
            why = error if isinstance(error, UserError) else "the message is not UTF-8"
            click.echo(f"accel: {why}; the message is left out", err=True)
            yield None
            continue
        if show:
            show_rate(found)
        yield found
