"""`accel lower`: a model file becomes hardware sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli.output import whole_folder
from accel.design import write_atomic
from accel.errors import UserError

if TYPE_CHECKING:
    from accel.graph import Graph
    from accel.schedule import Schedule

TARGETS = ("rtl", "vitis")
DESIGN_FILE = "design.json"
SCHEDULE_FILE = "schedule.json"
GRAPH_FILE = "graph.accel"


def lower(
    graph: Graph,
    target: str,
    out: Path | str,
    *,
    interval: int | None = None,
    board: str | None = None,
    unrolled: bool = False,
    schedule: Path | None = None,
) -> None:
    """Write the sources of `graph` for `target` ("rtl" or "vitis") into folder `out`, and the graph beside them.

    `interval` is the number of cycles per sample that the RTL design should need at most, `board` the one whose
    resources are weighed, and filled when no interval is given; with `unrolled` nothing is folded. `schedule` is a
    file that says how every node is folded. Raises UserError when `out` cannot be written, `interval` cannot be
    reached, nothing fits the board or the schedule does not fit the graph.
    """
    if target not in TARGETS:
        raise UserError(f"unknown target {target!r}; there are {', '.join(TARGETS)}")
    chooses = interval is not None or board is not None or unrolled
    if target != "rtl" and (chooses or schedule is not None):
        raise UserError(
            f"--interval, --board, --unrolled and --schedule are for --target rtl; {target} has no such option"
        )
    if chooses and schedule is not None:
        raise UserError("--interval, --board and --unrolled choose a schedule; none goes together with --schedule")
    if unrolled and (interval is not None or board is not None):
        raise UserError("--unrolled folds nothing; it goes together with neither --interval nor --board")
    if target == "vitis":
        from hls import project

        project.write(graph, out)
        return
    from accel import storage
    from accel.schedule import Schedule
    from hls import rtl

    chosen = Schedule.load(schedule) if schedule else _solve(graph, interval, board, unrolled)
    with whole_folder(Path(out), DESIGN_FILE) as folder:
        design = rtl.lower(graph, chosen)
        design.write(folder)
        write_atomic(folder / SCHEDULE_FILE, Schedule(**design.info["schedule"]).text())
        storage.save(graph, folder / GRAPH_FILE)


def _solve(graph: Graph, interval: int | None, board: str | None, unrolled: bool) -> Schedule | None:
    """The schedule for an interval, a board, or both, or the unrolled one; None without any of them."""
    from accel import folding
    from accel.folding import fastest, fold_for

    if unrolled:
        return folding.unrolled(graph)
    if board is None:
        return fold_for(graph, interval) if interval else None
    import boards

    device = boards.get(board)
    if interval:
        return fold_for(graph, interval, device.target, device.budget)
    return fastest(graph, device.target, device.budget)


@click.command(short_help="QONNX file to hardware sources.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--target", type=click.Choice(TARGETS), required=True, help="SystemVerilog or a Vitis HLS project.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder to write; an earlier one is replaced."
)
@click.option(
    "--interval", type=click.IntRange(min=1), help="Cycles per sample the RTL may need; fewer cost more area."
)
@click.option("--board", help="Weigh its resources; without --interval: as fast as it has room for.")
@click.option("--unrolled", is_flag=True, help="Fold nothing: adder graphs, lowest latency, much area.")
@click.option(
    "--schedule", type=click.Path(path_type=Path), help="Folding to use: an edited schedule.json of an earlier run."
)
def command(
    model: Path,
    target: str,
    out: Path,
    interval: int | None,
    board: str | None,
    unrolled: bool,
    schedule: Path | None,
) -> None:
    """Write the hardware sources of a QONNX MODEL.

    \b
    Examples:
      accel lower model.onnx --target rtl --out build/rtl
      accel lower model.onnx --target rtl --interval 1024 --out build/fast
      accel lower model.onnx --target rtl --board ulx3s-85f --out build/fastest
      accel lower model.onnx --target rtl --unrolled --out build/nanoseconds
      accel lower model.onnx --target rtl --schedule build/rtl/schedule.json --out build/mine
      accel lower model.onnx --target vitis --out build/vitis
    """
    from accel import onnx_import

    graph = onnx_import.load(model)
    lower(graph, target, out, interval=interval, board=board, unrolled=unrolled, schedule=schedule)
    click.echo(f"wrote {out}")
