"""`accel lower`: a model file becomes hardware sources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from accel.design import DESIGN_FILE, GRAPH_FILE
from accel.errors import UserError
from accel.files import write_atomic
from accel.verbs import BOARD
from accel.verbs.lowered import LoweredDesign, LoweredProject
from accel.verbs.output import whole_folder

if TYPE_CHECKING:
    from accel.dataflow.schedule import Schedule
    from accel.graph import Graph
    from boards.board import Board

ENGINE = "engine"
"""The target for language models: a decode engine instead of a dataflow."""
TARGETS = ("rtl", "vitis", "vivado", "vivado-accelerator", "quartus", "catapult", "oneapi", "libero")
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
    part: str | None = None,
    clock_period_ns: float | None = None,
) -> LoweredDesign | LoweredProject:
    """Write the sources of `graph` for `target` (one of TARGETS) and the graph itself into folder `out`.

    `interval` is the upper limit for the cycles per sample. With `board`, the design is folded for the resources of
    that board; without an interval, it becomes as fast as fits. An HLS project also gets the board's part and clock,
    which `part` and `clock_period_ns` set directly. `dsp` is the upper limit for the estimated hard multipliers of RTL.
    With `unrolled`, nothing is folded. `schedule` gives the fold of every node. `io`, "stream" or "parallel", is the
    kind of edges in an HLS project. Returns the figures that are known without simulation or synthesis.

    Raises UserError when `out` cannot be written, `interval` cannot be reached, nothing fits, the schedule belongs to
    another graph, or the tool of `target` does not support the board's device.
    """
    _require_possible(target, dsp, io, part, clock_period_ns)
    if unrolled + (schedule is not None) + (interval is not None or dsp is not None) > 1:
        raise UserError("--schedule, --unrolled, and --interval with --dsp each choose a folding; give one")
    from accel.dataflow.schedule import Schedule

    device = _board(target, board)
    if isinstance(schedule, Path):
        schedule = Schedule.load(schedule)
    chosen = schedule or _solve(graph, interval, device, dsp, unrolled)
    if target == "rtl":
        return _write_design(graph, Path(out), chosen, device)
    return _write_project(graph, target, out, io, chosen, board=board, part=part, clock_period_ns=clock_period_ns)


def _require_possible(
    target: str, dsp: int | None, io: str | None, part: str | None, clock_period_ns: float | None
) -> None:
    if target == ENGINE:
        raise UserError("a decode engine is written by accel.lower_engine, which takes models' files, too")
    if target not in TARGETS:
        raise UserError(f"unknown target {target!r}; there are {', '.join(TARGETS)}")
    if target == "rtl" and io is not None:
        raise UserError("--io is for HLS projects; rtl has streams")
    if target == "rtl" and (part, clock_period_ns) != (None, None):
        raise UserError("--part and --clock-period are for HLS projects; `accel bitstream` builds rtl for a board")
    if target != "rtl" and dsp is not None:
        raise UserError(f"--dsp is for --target rtl; {target}'s own tool decides what becomes a hard multiplier")


def _board(target: str, name: str | None) -> Board | None:
    """The board of that name; None for a back end that is written for boards of its own."""
    if name is None:
        return None
    import boards
    from hls.projects import backends

    backend = None if target == "rtl" else backends.get(target)
    if backend and backend.boards:
        return None
    board = boards.get(name)
    if backend and board.target not in backend.families:
        fitting = [other for other in boards.names() if boards.get(other).target in backend.families]
        there = f"name --part, or one of {', '.join(fitting)}" if fitting else "name --part"
        raise UserError(f"{backend.name} does not build for the {board.target} device of {board.name}: {there}")
    return board


def _write_design(graph: Graph, out: Path, schedule: Schedule | None, board: Board | None) -> LoweredDesign:
    import boards
    from accel import storage
    from hls import rtl

    with whole_folder(out, DESIGN_FILE) as folder:
        design = replace(rtl.lower(graph, schedule), graph=storage.save(graph, folder / GRAPH_FILE))
        design.write(folder)
        write_atomic(folder / SCHEDULE_FILE, design.schedule.text())
    return LoweredDesign.of(out, design, graph, board or boards.get(BOARD))


def _write_project(
    graph: Graph,
    target: str,
    out: Path | str,
    io: str | None,
    schedule: Schedule | None,
    *,
    board: str | None,
    part: str | None,
    clock_period_ns: float | None,
) -> LoweredProject:
    """A back end with boards of its own takes the board's name, any other one the board's part and clock."""
    from hls.projects import project

    device = _board(target, board)
    if device:
        if part is not None:
            raise UserError(f"--board {device.name} sets the part {device.device}; give --board or --part")
        part, clock_period_ns = device.device, clock_period_ns or round(1e3 / device.clock_mhz, 3)
    made = project.write(
        graph,
        out,
        target,
        f"io_{io or 'stream'}",
        part=part,
        clock_period_ns=project.CLOCK_PERIOD_NS if clock_period_ns is None else clock_period_ns,
        board=None if device else board,
        schedule=schedule,
    )
    return LoweredProject.of(target, made)


def _solve(graph: Graph, interval: int | None, board: Board | None, dsp: int | None, unrolled: bool) -> Schedule | None:
    """The schedule for an interval, a board, or both, within `dsp` hard multipliers; the unrolled one; or none."""
    from accel.dataflow import folding
    from accel.target import DEFAULT

    if unrolled:
        return folding.unrolled(graph)
    if interval is None and board is None and dsp is None:
        return None
    target, budget = (board.target, board.capacity) if board else (DEFAULT.name, DEFAULT.typical)
    solver = folding.Solver(graph, target, budget, dsp)
    return solver.fastest() if interval is None else solver.at(interval)[0]
