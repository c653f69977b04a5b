"""`accel explore`: the cost of every speed of a model, as a table and a plot."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from accel.cli import names
from accel.cli.display import json_option, show_json, show_table, working
from accel.cli.inputs import input_range
from accel.verbs import BOARD
from accel.verbs.explore import TABLE, explore, write
from accel.verbs.inputs import Entry
from accel.verbs.output import whole_folder


@click.command(short_help="Trade speed against area: table and plot.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--board", "name", default=BOARD, show_default=True, shell_complete=names.boards, help="One of `accel boards`."
)
@click.option(
    "--points", type=click.IntRange(min=2), default=12, show_default=True, help="Maximum number of designs to try."
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder to write; an earlier one is replaced."
)
@json_option
@input_range
def command(model: Path, name: str, points: int, out: Path, as_json: bool, entry: Entry) -> None:
    """Fold a QONNX MODEL for many speeds and estimate what each costs on a board.

    OUT receives the table (pareto.csv), a plot (pareto.png), and the schedule of the fastest design that fits
    (schedule.json).

    \b
    Examples:
      accel explore model.onnx --board ulx3s-85f --out build/explore
      accel lower model.onnx --target rtl --schedule build/explore/schedule.json --out build/rtl
    """
    import boards
    from accel import onnx_import

    board = boards.get(name)
    graph = onnx_import.load(model, **entry)
    with working("explore") as progress, whole_folder(out, TABLE) as folder:
        found, schedule = explore(graph, board, points, progress)
        write(found, schedule, board, graph.name, folder)
    if as_json:
        show_json({"board": board.name, "out": out, "points": [asdict(p) for p in found]})
        return
    rows = [
        (p.interval, p.latency, p.multipliers, f"{p.utilization:.0%}", p.lut, p.ff, p.bram, p.dsp,
         f"{p.inferences_per_s:,.0f}", "chosen" if p.chosen else "" if p.fits else "too large")
        for p in found
    ]  # fmt: skip
    columns = ("interval", "latency", "products/cycle", "used", "LUT", "FF", "BRAM", "DSP", "inferences/s", "")
    show_table(f"{graph.name} on {board.name}, {board.clock_mhz:g} MHz: estimates", columns, rows)
    click.echo(f"wrote {out}")
