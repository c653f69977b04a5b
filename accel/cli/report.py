"""`accel report`: everything known about a design as a web page, with its resources before place and route."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli.display import json_option, show_json, show_table, working
from accel.target import Cells
from accel.verbs.report import PAGE, Reported, report

if TYPE_CHECKING:
    from boards.board import Board


def show_estimate(needed: Cells, board: Board) -> None:
    """A table of what is needed, and a line when that is more than there is."""
    from accel.verbs.report.page import Estimate

    found = Estimate(board, needed)
    rows = [(use.name, use.used, use.available, f"{use.share:.0%}") for use in found.usage]
    show_table(
        f"Estimate for {board.name}: open synthesis of the design alone", ("", "needed", "available", "share"), rows
    )
    if found.excess:
        click.echo(f"by this estimate it does not fit: {', '.join(found.excess)}")


@click.command(short_help="Write a web page about a design.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--board", "name", help="Also synthesize the design for this board.")
@click.option("--out", type=click.Path(path_type=Path), help=f"Page to write.  [default: FOLDER/{PAGE}]")
@click.option("--samples", type=click.IntRange(min=0), default=0, help="Also simulate this many random samples.")
@json_option
def command(folder: Path, name: str | None, out: Path | None, samples: int, as_json: bool) -> int:
    """Write one HTML page about the RTL design in FOLDER, which `accel lower` or `accel demo` wrote.

    The page needs no network and no other file. It shows the graph with bit widths and ranges, the levels that were
    compared, cycles and resources of every unit, the folding, and the figures of bitstreams beside FOLDER.

    With --board, yosys synthesizes the design for the board's family, without UART or bus and before place and route.
    This can take minutes. A vendor's tools give other numbers.

    \b
    Examples:
      accel report build/rtl
      accel report build/rtl --samples 64
      accel report build/demo --board pynq-z2 --out digits.html
    """
    with working("report") as progress:
        made = report(folder, name, out, samples, progress)
    click.echo(f"wrote {made.page}", err=as_json)
    if as_json:
        show_json(made.as_dict())
    else:
        _show(made)
    return int(any(level.mismatches for level in made.levels.values()))


def _show(made: Reported) -> None:
    design, estimate = made.sources.design, made.estimate
    latency, interval = design.predicted.latency, design.predicted.interval
    click.echo(f"{design.name}: latency {latency} cycles, interval {interval:g} cycles")
    if estimate:
        clock = estimate.board.clock_mhz
        click.echo(f"at {clock:g} MHz: {clock * 1e6 / interval:,.0f} inferences/s")
    if estimate:
        show_estimate(estimate.needed, estimate.board)
    else:
        click.echo("--board NAME adds a synthesis for a board, which can take minutes")
