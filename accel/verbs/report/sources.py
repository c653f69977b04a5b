"""The subject of a report: a design, its graph, and the runs and bitstreams that lie beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accel.dataflow.schedule import Schedule
from accel.design import DESIGN_FILE, GRAPH_FILE, Design
from accel.verbs.explore import PLOT, SCHEDULE
from accel.verbs.report.record import FILE, RunReport

if TYPE_CHECKING:
    from accel.graph import Graph
    from boards.bitstream import BuildResult

RTL = "rtl"
"""Where the demo puts its design."""


@dataclass(frozen=True)
class Sources:
    """`folder` holds the design; `run` is the demo's report and `builds` are bitstreams of this very design.

    `pareto` is the plot that `accel explore` made of the same model, where it lies beside the design.
    """

    folder: Path
    design: Design
    graph: Graph | None
    run: RunReport | None
    builds: tuple[BuildResult, ...]
    pareto: Path | None = None


def find(folder: Path) -> Sources:
    """All about the design in `folder`, or in the design's place of a demo in `folder`.

    Of reports and bitstreams beside it, those of another design are left out. Raises UserError without a design.
    """
    from accel import storage

    is_demo = not (folder / DESIGN_FILE).exists() and (folder / RTL / DESIGN_FILE).exists()
    place = folder / RTL if is_demo else folder
    design = Design.load(place, ("rtl",))
    design.require_dataflow("it has no units to report")
    graph = storage.load(place / GRAPH_FILE) if (place / GRAPH_FILE).exists() else None
    run, builds = _run(place.absolute().parent / FILE, design), _builds(place, design)
    return Sources(place, design, graph, run, builds, _pareto(place, design))


def _run(path: Path, design: Design) -> RunReport | None:
    if not path.exists() or design.hash not in path.read_text(errors="replace", encoding="utf-8"):
        return None
    return RunReport.load(path)


def _pareto(place: Path, design: Design) -> Path | None:
    """The newest plot beside the design whose schedule folds the same layers."""
    layers = design.schedule.folds.keys()
    plots = sorted(place.absolute().parent.glob(f"*/{PLOT}"), key=lambda path: -path.stat().st_mtime_ns)
    schedules = (path.with_name(SCHEDULE) for path in plots)
    return next((s.with_name(PLOT) for s in schedules if s.is_file() and Schedule.load(s).folds.keys() == layers), None)


def _builds(place: Path, design: Design) -> tuple[BuildResult, ...]:
    from boards.bitstream import RESULT, BuildResult

    paths = sorted(place.absolute().parent.glob(f"*/{RESULT}"))
    return tuple(
        BuildResult.load(path.parent)
        for path in paths
        if design.hash in path.read_text(errors="replace", encoding="utf-8")
    )
