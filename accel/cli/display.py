"""Output for people: a live status in a terminal, plain lines in a pipe, tables on standard output."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from accel.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

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
    stage = Countdown()
    with progress.Progress(*columns, console=console, transient=True) as live:
        task = live.add_task(what, total=None, now="", left="")

        def tell(text: str) -> None:
            stage.tell(text, time.perf_counter())
            live.update(task, now=text, left=stage.left, completed=stage.done, total=stage.total or None)

        yield tell


class Countdown:
    """Progress that texts count ("3 of 60"), and the time left, judged by the steps since the first text."""

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


def show_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, extra: Sequence[str] = ()
) -> None:
    """Print a table on standard output, numbers to the right: no name and no number is ever cut.

    In a narrow terminal, columns named in `extra` are left out, then texts are folded between words. Where single words
    are too wide for that, every row is printed as a list of its entries. In a pipe the table has its natural width.
    """
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False, markup=False)
    cells = [[str(cell) for cell in row] for row in rows]
    if console.is_terminal and extra and sum(_natural(columns, cells)) + _GAP * len(columns) > console.width:
        kept = [index for index, name in enumerate(columns) if name not in extra]
        columns, cells = [columns[k] for k in kept], [[row[k] for k in kept] for row in cells]
    natural = _natural(columns, cells)
    widths = natural if not console.is_terminal else _folded(natural, columns, cells, console.width)
    console.print(Text(title, style="italic"), soft_wrap=True)
    if widths:
        console.width = max(console.width, sum(widths) + _GAP * len(widths))
        console.print(_table(columns, cells, widths))
        return
    indent = max(map(len, columns[1:]), default=0)
    for first, *others in cells:
        console.print(Text(first, style="bold"), soft_wrap=True)
        for name, cell in zip(columns[1:], others, strict=True):
            console.print(Text(f"  {name:{indent}}  {cell}"), soft_wrap=True)


_GAP = 2
"""Blanks between two columns."""
_NUMBER = re.compile(r"[-+]?\d[\d.,]*%?|")


def _natural(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(columns, *cells, strict=True)]


def _folded(natural: list[int], columns: Sequence[str], cells: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Widths of columns that fit into `room` when texts are folded between words; None where none do."""
    texts = zip(columns, *cells, strict=True)
    words = [max(len(word) for text in column for word in [*text.split(), ""]) for column in texts]
    widths = list(natural)
    while sum(widths) + _GAP * (len(widths) - 1) > room:
        index = max(range(len(widths)), key=lambda k: (widths[k] > words[k], widths[k]))
        if widths[index] <= words[index]:
            return None
        widths[index] -= 1
    return widths


def _table(columns: Sequence[str], cells: Sequence[Sequence[str]], widths: list[int]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    for index, (name, width) in enumerate(zip(columns, widths, strict=True)):
        numeric = all(_NUMBER.fullmatch(row[index]) for row in cells)
        table.add_column(name, justify="right" if numeric else "left", width=width, overflow="fold")
    for row in cells:
        table.add_row(*row)
    return table
