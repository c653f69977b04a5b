"""`accel report`: everything known about a design as a web page, with its resources before place and route."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accel.progress import Progress

if TYPE_CHECKING:
    from accel.verbs.report.page import Estimate
    from accel.verbs.report.record import LevelFigures
    from accel.verbs.report.sources import Sources
    from accel.verbs.simulate import Simulated


PAGE = "report.html"


@dataclass(frozen=True)
class Reported:
    """The subject of a report, and its page."""

    page: Path
    sources: Sources
    estimate: Estimate | None
    levels: dict[str, LevelFigures]

    def as_dict(self) -> dict[str, object]:
        """Plain numbers, for JSON."""
        design, found = self.sources.design, self.estimate
        return {
            "design": design.name,
            "design_hash": design.hash,
            "page": str(self.page),
            "board": found and found.board.name,
            "clock_mhz": found and found.board.clock_mhz,
            "predicted": {"latency": design.predicted.latency, "interval": design.predicted.interval},
            "mac_utilization": design.predicted.mac_utilization,
            "levels": {name: asdict(level) for name, level in self.levels.items()},
            "estimate": found and found.needed.to_json(),
            "capacity": found and found.board.capacity.to_json(),
        }


def report(
    folder: Path | str,
    board: str | None = None,
    out: Path | str | None = None,
    samples: int = 0,
    progress: Progress | None = None,
) -> Reported:
    """Write the page about the design in `folder` (of `accel lower`, or of the demo) to `out` (default: in `folder`).

    For a `board` synthesis says what the design needs of it. With `samples`, that many random ones are simulated and
    compared now. Raises UserError on an unknown board, a folder without design or an `out` that cannot be written,
    ToolError from tools.
    """
    import boards
    from accel.verbs.output import whole_file
    from accel.verbs.report import page
    from accel.verbs.report.sources import find

    tell = progress or (lambda text: None)
    target = boards.get(board) if board else None
    sources = find(Path(folder))
    with whole_file(Path(out or Path(folder) / PAGE)) as file:
        estimate = None
        if target:
            tell("synthesis by yosys, minutes for large designs")
            estimate = page.Estimate(target, boards.estimate(sources.design, target))
        simulated = _simulated(sources.folder, samples, tell)
        tell("page")
        file.write_text(_page(sources, estimate, simulated, file.parent.parent), encoding="utf-8")
    return Reported(Path(out or Path(folder) / PAGE), sources, estimate, page.levels(sources, simulated))


def _page(sources: Sources, estimate: Estimate | None, simulated: Simulated | None, folder: Path) -> str:
    from accel.verbs.report import page

    return page.render(sources, estimate, simulated, folder)


def _simulated(folder: Path, samples: int, tell: Progress) -> Simulated | None:
    from accel.verbs.simulate import simulate

    if not samples:
        return None
    tell("simulation")
    return simulate(folder, samples=samples)
