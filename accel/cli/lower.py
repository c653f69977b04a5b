"""`accel lower`: a model file becomes hardware sources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accel.cli import names
from accel.cli.display import json_option, show_json
from accel.cli.inputs import input_range
from accel.cli.output import whole_folder
from accel.design import GRAPH_FILE, write_atomic
from accel.errors import UserError

if TYPE_CHECKING:
    from accel.graph import Graph
    from accel.schedule import Schedule

TARGETS = ("rtl", "vitis", "vivado", "vivado-accelerator", "quartus", "catapult", "oneapi", "libero")
DESIGN_FILE = "design.json"
SCHEDULE_FILE = "schedule.json"


def lower(
    graph: Graph,
    target: str,
    out: Path | str,
    *,
    interval: int | None = None,
    board: str | None = None,
    dsp: int | None = None,
    unrolled: bool = False,
    schedule: Schedule | Path | None = None,
    io: str | None = None,
) -> None:
    """Write the sources of `graph` for `target` (of TARGETS) into folder `out`, and the graph beside them.

    `interval` is the number of cycles per sample that the design should need at most, `board` the one whose resources
    are weighed, and filled when no interval is given; of an HLS project for a board it is that board. `dsp` limits the
    hard multipliers of RTL, by estimate. With `unrolled` nothing is folded. `schedule` says how every node is folded.
    An HLS project's edges are streams or arrays by `io` ("stream" or "parallel"). Raises UserError when `out` cannot be
    written, `interval` cannot be reached, nothing fits or the schedule does not fit the graph.
    """
    _require_possible(target, dsp, io)
    project_board = board if target != "rtl" and _is_board_project(target) else None
    board = None if project_board else board
    solves = any(value is not None for value in (interval, board, dsp))
    if solves + unrolled + (schedule is not None) > 1:
        raise UserError("--schedule, --unrolled, and --interval with --board and --dsp each choose a folding; give one")
    from accel.schedule import Schedule

    if isinstance(schedule, Path):
        schedule = Schedule.load(schedule)
    chosen = schedule or _solve(graph, interval, board, dsp, unrolled)
    if target != "rtl":
        from hls import project

        project.write(graph, out, target, f"io_{io or 'stream'}", board=project_board, schedule=chosen)
        return
    from accel import storage
    from hls import rtl

    with whole_folder(Path(out), DESIGN_FILE) as folder:
        design = rtl.lower(graph, chosen)
        digest = storage.save(graph, folder / GRAPH_FILE)
        replace(design, info={**design.info, "graph": digest}).write(folder)
        write_atomic(folder / SCHEDULE_FILE, Schedule(**design.info["schedule"]).text())


def _require_possible(target: str, dsp: int | None, io: str | None) -> None:
    if target not in TARGETS:
        raise UserError(f"unknown target {target!r}; there are {', '.join(TARGETS)}")
    if target == "rtl" and io is not None:
        raise UserError("--io is for HLS projects; rtl has streams")
    if target != "rtl" and dsp is not None:
        raise UserError(f"--dsp is for --target rtl; {target}'s own tool decides what becomes a hard multiplier")


def _is_board_project(target: str) -> bool:
    from hls import backends

    return bool(backends.get(target).boards)


def _solve(graph: Graph, interval: int | None, board: str | None, dsp: int | None, unrolled: bool) -> Schedule | None:
    """The schedule for an interval, a board, or both, within `dsp` hard multipliers; the unrolled one; or none."""
    from accel import folding
    from accel.target import DEFAULT

    if unrolled:
        return folding.unrolled(graph)
    target, budget = DEFAULT.name, DEFAULT.typical
    if board is not None:
        import boards

        device = boards.get(board)
        target, budget = device.target, device.budget
    solver = folding.Solver(graph, target, budget, dsp)
    if interval is None:
        return solver.fastest() if board is not None or dsp is not None else None
    chosen, shares = solver.at(interval)
    if dsp is not None and shares[folding.DSP] > 1:
        least = round(shares[folding.DSP] * solver.room[folding.DSP])
        raise UserError(f"{graph.name} in {interval} cycles needs {least} hard multipliers at least, not {dsp}")
    return chosen


@click.command(short_help="QONNX file to hardware sources.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--target", type=click.Choice(TARGETS), required=True, help="SystemVerilog, or an HLS project.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder to write; an earlier one is replaced."
)
@click.option("--interval", type=click.IntRange(min=1), help="Cycles per sample it may need; fewer cost more area.")
@click.option(
    "--board",
    shell_complete=names.boards,
    help="Weigh its resources; without --interval: as fast as it has room for. Of a board project: its board.",
)
@click.option("--dsp", type=click.IntRange(min=0), help="RTL: use at most so many hard multipliers, by estimate.")
@click.option("--io", type=click.Choice(["stream", "parallel"]), help="Edges of an HLS project.  [default: stream]")
@click.option("--unrolled", is_flag=True, help="Fold nothing: adder graphs, lowest latency, much area.")
@click.option(
    "--schedule", type=click.Path(path_type=Path), help="Folding to use: an edited schedule.json of an earlier run."
)
@json_option
@input_range
def command(
    model: Path,
    target: str,
    out: Path,
    interval: int | None,
    board: str | None,
    dsp: int | None,
    io: str | None,
    unrolled: bool,
    schedule: Path | None,
    as_json: bool,
    entry: dict[str, Any],
) -> None:
    """Write the hardware sources of a QONNX MODEL.

    \b
    Examples:
      accel lower model.onnx --target rtl --out build/rtl
      accel lower model.onnx --target rtl --interval 1024 --out build/fast
      accel lower model.onnx --target rtl --board ulx3s-85f --out build/fastest
      accel lower model.onnx --target rtl --interval 1024 --dsp 30 --out build/few
      accel lower model.onnx --target rtl --unrolled --out build/nanoseconds
      accel lower model.onnx --target rtl --schedule build/rtl/schedule.json --out build/mine
      accel lower model.onnx --target vitis --out build/vitis
      accel lower model.onnx --target vitis --schedule build/rtl/schedule.json --out build/same
      accel lower model.onnx --target vivado-accelerator --board pynq-z2 --out build/pynq
    """
    from accel import onnx_import

    graph = onnx_import.load(model, **entry)
    lower(graph, target, out, interval=interval, board=board, dsp=dsp, unrolled=unrolled, schedule=schedule, io=io)
    if as_json:
        from accel.design import Design

        predicted = Design.load(out).info["predicted"] if target == "rtl" else None
        show_json({"out": out, "target": target, "predicted": predicted})
        return
    click.echo(f"wrote {out}")
