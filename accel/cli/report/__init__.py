"""`accel report`: everything known about a design as a web page, with its resources before place and route."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accel.cli.display import Progress, json_option, show_json, show_table, working
from accel.cli.lower import DESIGN_FILE
from accel.errors import UserError
from accel.storage import DAMAGE

if TYPE_CHECKING:
    from accel.cli.report.page import Estimate
    from accel.cli.report.record import Level
    from accel.cli.report.sources import Sources
    from accel.cli.simulate import Simulated
    from boards.board import Board, Resources

PAGE = "report.html"


@dataclass(frozen=True)
class Reported:
    """The subject of a report, and its page."""

    page: Path
    sources: Sources
    estimate: Estimate | None
    levels: dict[str, Level]

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers, for JSON."""
        design, found = self.sources.design, self.estimate
        return {
            "design": design.name,
            "design_hash": design.hash,
            "page": str(self.page),
            "board": found and found.board.name,
            "clock_mhz": found and found.board.clock_mhz,
            "predicted": design.info.get("predicted"),
            "mac_utilization": design.info.get("mac_utilization"),
            "levels": {name: asdict(level) for name, level in self.levels.items()},
            "estimate": found and asdict(found.needed),
            "capacity": found and asdict(found.board.capacity),
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
    from accel.cli.output import whole_file
    from accel.cli.report import page
    from accel.cli.report.sources import find

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
    from accel.cli.report import page

    try:
        return page.render(sources, estimate, simulated, folder)
    except DAMAGE as error:
        path = sources.folder / DESIGN_FILE
        raise UserError(f"{path}: its info is not what `accel lower` writes; lower the model again") from error


def _simulated(folder: Path, samples: int, tell: Progress) -> Simulated | None:
    from accel.cli.simulate import simulate

    if not samples:
        return None
    tell("simulation")
    return simulate(folder, samples=samples)


def show_estimate(needed: Resources, board: Board) -> None:
    """A table of what is needed, and a line when that is more than there is."""
    from accel.cli.report.page import Estimate

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
    predicted = design.info.get("predicted")
    if predicted:
        latency, interval = predicted["latency"], predicted["interval"]
        click.echo(f"{design.name}: latency {latency} cycles, interval {interval:g} cycles")
        if estimate:
            clock = estimate.board.clock_mhz
            click.echo(f"at {clock:g} MHz: {clock * 1e6 / interval:,.0f} inferences/s")
    if estimate:
        show_estimate(estimate.needed, estimate.board)
    else:
        click.echo("--board NAME adds a synthesis for a board, which can take minutes")
