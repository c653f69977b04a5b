"""`accel explore`: the cost of every speed of a model, as a table and a plot."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from accel.progress import Progress

if TYPE_CHECKING:
    from accel.dataflow.schedule import Schedule
    from accel.graph import Graph
    from boards.board import Board

TABLE, PLOT, SCHEDULE = "pareto.csv", "pareto.png", "schedule.json"


@dataclass(frozen=True)
class Point:
    """One design: predicted cycles, estimated resources, and whether they are within the board's."""

    interval: float
    latency: int
    multipliers: int
    utilization: float
    lut: int
    ff: int
    bram: int
    dsp: int
    inferences_per_s: float
    fits: bool
    chosen: bool = False


def explore(
    graph: Graph, board: Board, points: int = 12, progress: Progress | None = None
) -> tuple[list[Point], Schedule | None]:
    """Designs of `graph` from the fastest to the smallest, and the schedule of the chosen one.

    At most `points` intervals are tried, evenly spaced on a logarithmic scale, and also the fastest design that fits
    the board. That one is chosen, as `accel lower --board` does; its schedule is None if nothing fits. A design that
    another one beats in every figure is left out.
    """
    from accel.dataflow.folding import Solver

    solver = Solver(graph, board.target, board.capacity)
    chosen = solver.fastest() if solver.shortest_fitting else None
    schedules = [(chosen, True)] if chosen else []
    for interval in _spread(solver.intervals, points):
        schedule, shares = solver.at(interval)
        if all(schedule != known for known, _ in schedules):
            schedules.append((schedule, bool(shares.max() <= 1)))
    found = []
    for number, (schedule, fits) in enumerate(schedules, 1):
        if progress:
            progress(f"{number} of {len(schedules)} designs")
        found.append(replace(_point(graph, schedule, board, fits), chosen=schedule is chosen))
    front = [point for point in found if point.chosen or not any(_worse(point, other) for other in found)]
    return sorted(front, key=lambda point: point.interval), chosen


def _point(graph: Graph, schedule: Schedule, board: Board, fits: bool) -> Point:
    from hls import rtl
    from hls.rtl.area import estimate

    found = rtl.structure(graph, schedule)
    made = estimate(found.netlist, found.schedule.depths, board.target)
    interval = found.prediction.interval
    return Point(
        interval,
        found.prediction.latency,
        found.multipliers,
        round(found.mac_utilization, 4),
        made.equivalents(board.target),
        made.ff,
        made.bram,
        made.dsp,
        round(board.clock_mhz * 1e6 / interval),
        fits,
    )


def _spread(intervals: list[int], points: int) -> list[int]:
    """Choose up to `points` of the intervals, spaced as evenly as possible on a logarithmic scale."""
    import numpy as np

    wanted = np.geomspace(intervals[0], intervals[-1], points)
    return sorted({min(intervals, key=lambda interval: abs(np.log(interval / want))) for want in wanted})


def _worse(point: Point, other: Point) -> bool:
    """Is `other` at least as good in cycles and every resource, and better in one?"""
    ours = (point.interval, point.lut, point.bram, point.dsp)
    theirs = (other.interval, other.lut, other.bram, other.dsp)
    return theirs != ours and all(a <= b for a, b in zip(theirs, ours, strict=True))


def write(points: list[Point], schedule: Schedule | None, board: Board, name: str, folder: Path) -> None:
    """The table, the plot, and the schedule of the chosen design."""
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(asdict(points[0])))
        table.writeheader()
        table.writerows(asdict(point) for point in points)
    _plot(points, board, name).savefig(folder / PLOT, dpi=120)
    if schedule:
        (folder / SCHEDULE).write_text(schedule.text(), encoding="utf-8")


def _plot(points: list[Point], board: Board, name: str):  # type: ignore[no-untyped-def]
    """Cycles per sample against every resource; the chosen design is ringed, the board's limit dashed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    figure.suptitle(f"{name} on {board.title}: estimated resources")
    for axes, resource in zip(figure.subplots(1, 3), ("lut", "dsp", "bram"), strict=True):
        x, y = [p.interval for p in points], [getattr(p, resource) for p in points]
        axes.plot(x, y, "o-", color="#1f6f8b", markersize=4)
        axes.plot(
            [p.interval for p in points if p.chosen],
            [getattr(p, resource) for p in points if p.chosen],
            "o", color="#c8553d", markersize=11, fillstyle="none", markeredgewidth=2, label="chosen",
        )  # fmt: skip
        limit = board.capacity.limited[resource]
        if max(y) > limit / 4:
            axes.axhline(limit, color="gray", linestyle="--", linewidth=1, label="on the board")
        axes.set_xscale("log", base=2)
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("interval, cycles per sample")
        axes.set_title({"lut": "LUTs", "dsp": "hard multipliers", "bram": "block RAMs"}[resource])
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    return figure
