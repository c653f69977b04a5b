"""What a person sees: a live status in a terminal, plain lines in a pipe, tables on standard output."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[str], None]
"""Called with what is being done now. Where the text counts ("3 of 60"), a bar shows it and the time that is left."""
_COUNT = re.compile(r"\b(\d+) of (\d+)\b")


@contextmanager
def working(what: str) -> Iterator[Progress]:
    """Show `what` while the block runs, and how long it took, on standard error.

    In a terminal the line is alive and shows the newest text given to the callback; in a pipe only the
    finished line is written.
    """
    from rich.console import Console

    console = Console(stderr=True, highlight=False, markup=False)
    start = time.perf_counter()
    if console.is_terminal:
        with _live(console, what) as tell:
            yield tell
    else:
        yield lambda text: None
    console.print(f"{what:32} {time.perf_counter() - start:7.1f} s")


@contextmanager
def _live(console: Console, what: str) -> Iterator[Progress]:
    from rich import progress

    columns = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=20),
        progress.TimeElapsedColumn(),
        progress.TextColumn("{task.fields[left]}", markup=False),
        progress.TextColumn("{task.fields[now]}", markup=False),
    )
    stage = Stage()
    with progress.Progress(*columns, console=console, transient=True) as live:
        task = live.add_task(what, total=None, now="", left="")

        def tell(text: str) -> None:
            stage.tell(text, time.perf_counter())
            live.update(task, now=text, left=stage.left, completed=stage.done, total=stage.total or None)

        yield tell


class Stage:
    """What texts count ("3 of 60"), and the time that is left by the steps since the first one that was told."""

    def __init__(self) -> None:
        self.done, self.total, self.left = 0, 0, ""
        self._first, self._began = 0, 0.0

    def tell(self, text: str, now: float) -> None:
        """A text of a moment, in seconds. Texts that count nothing change nothing."""
        if not (found := _COUNT.search(text)):
            return
        done, total = int(found[1]), int(found[2])
        if total != self.total or done <= self.done:  # another stage begins
            self._first, self._began, self.left = done, now, ""
        else:
            left = round((now - self._began) / (done - self._first) * (total - done))
            self.left = f"{left // 60}:{left % 60:02} left"
        self.done, self.total = done, total


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
"""Of every verb that tells something: the parameter `as_json`."""


def show_json(value: object) -> None:
    """Print one JSON document on standard output; paths become text."""
    click.echo(json.dumps(value, indent=2, default=str))


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on standard output: numbers to the right; in a pipe as wide as it needs to be."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for index, column in enumerate(columns):
        numeric = all(isinstance(row[index], (int, float)) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", no_wrap=index < len(columns) - 1)
    for row in rows:
        table.add_row(*map(str, row))
    console = Console(file=sys.stdout, highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 10_000
        console.width = console.measure(table).maximum
    console.print(table)
