"""The page: what a template needs, as plain values in the order in which it is shown."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import quote

from accel import tools
from accel.target import Cells
from accel.verbs.report import diagram, hardware
from accel.verbs.report.record import LevelFigures

if TYPE_CHECKING:
    from pathlib import Path

    import jinja2

    from accel.verbs.report.sources import Sources
    from accel.verbs.simulate import Simulated
    from boards.bitstream import BuildResult
    from boards.board import Board

TICKS = 6
"""Maximum number on the axis of the timeline."""
LONGEST = 30
"""Characters of a name in a picture: the last ones say most."""


@dataclass(frozen=True)
class Usage:
    """`used` of the `available` cells of a kind."""

    name: str
    used: int
    available: int

    @property
    def share(self) -> float:
        return self.used / self.available if self.available else float(self.used > 0)


@dataclass(frozen=True)
class Estimate:
    """Resources that a design needs on a board, by open synthesis."""

    board: Board
    needed: Cells

    @property
    def usage(self) -> list[Usage]:
        """Needed and available amount of every resource."""
        return usage(self.needed, self.board.capacity, self.board.target)

    @property
    def excess(self) -> list[str]:
        """Why it does not fit."""
        from boards import fitting

        return fitting.excess(self.needed, self.board)


def usage(used: Cells, capacity: Cells, target: str) -> list[Usage]:
    """Every resource: what is used of what a board has."""
    from boards import fitting

    names = {"lut": fitting.lut_name(target), "ff": "flip-flops", "bram": "block RAM", "dsp": "DSP"}
    has = capacity.limited
    return [Usage(names[key], count, has[key]) for key, count in used.limited.items()]


def render(sources: Sources, estimate: Estimate | None, simulated: Simulated | None, folder: Path) -> str:
    """The text of the page that will lie in `folder`. Raises UserError when the graph is not the design's."""
    design, graph, run = sources.design, sources.graph, sources.run
    name = run.model.name if run else design.name
    details = hardware.figures(design, graph) if graph else None
    return _template().render(
        design=design,
        name=name,
        graph=graph,
        run=run,
        levels=levels(sources, simulated),
        cards=_cards(sources, simulated),
        model=_model(sources, name),
        cycles=_cycles(sources, simulated),
        hardware=details,
        ticks=_ticks(details.end) if details else range(0),
        drawing=diagram.draw(graph) if graph else None,
        shape=diagram,
        builds=[_build(build) for build in sources.builds],
        estimate=estimate,
        pareto=sources.pareto and quote(os.path.relpath(sources.pareto, folder)),
        versions={"accel": metadata.version("accel-fpga")} | (run.versions if run else tools.versions()),
        compare=shlex.join(["accel", "report", str(sources.folder), "--samples", "64"]),
        commands=_commands(sources, estimate),
    )


def levels(sources: Sources, simulated: Simulated | None) -> dict[str, LevelFigures]:
    """Everything that was compared: by the demo, and just now."""
    found = dict(sources.run.levels) if sources.run else {}
    if simulated:
        found[simulated.outcome.level] = LevelFigures.of(simulated.outcome)
    return found


@cache
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("accel.verbs.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"num": _number, "percent": _percent, "short": _short}
    return environment.get_template("page.html.j2")


def _number(value: float) -> str:
    """Format a number with separators and at most two decimals."""
    return f"{round(value, 2):,.10g}" if isinstance(value, float) else f"{value:,}"


def _percent(share: float) -> str:
    return f"{share * 100:.2f} %"


def _short(name: str, longest: int = LONGEST) -> str:
    return name if len(name) <= longest else "…" + name[1 - longest :]


def _cards(sources: Sources, simulated: Simulated | None) -> list[tuple[str, str, str]]:
    """The figures that come first: (what, value, remark)."""
    run, predicted = sources.run, sources.design.predicted
    cards = []
    compared = levels(sources, simulated)
    if compared:
        wrong = sum(level.mismatches for level in compared.values())
        cards.append(("mismatches", _number(wrong), "1 level" if len(compared) == 1 else f"{len(compared)} levels"))
    if run:
        cards.append(("accuracy", _percent(run.accuracy.quantized), f"float {_percent(run.accuracy.float)}"))
    cards.append(("latency", _number(predicted.latency), "cycles"))
    cards.append(("interval", _number(predicted.interval), "cycles per sample"))
    for build in sources.builds:
        speed, late = build.clock_mhz * 1e6 / predicted.interval, predicted.latency / build.clock_mhz
        cards.append(("samples per second", f"{speed:,.0f}", f"{build.board}, {build.clock_mhz:g} MHz"))
        cards.append(("latency", f"{late:,.1f} µs", f"{build.board}, {build.clock_mhz:g} MHz"))
    return cards


def _model(sources: Sources, name: str) -> list[tuple[str, str]]:
    design, graph, run = sources.design, sources.graph, sources.run
    rows = [("name", name)]
    ends = [("input", stream) for stream in design.inputs] + [("output", stream) for stream in design.outputs]
    several = len(ends) > 2
    for end, stream in ends:
        beats = f"{stream.beats} beats of {stream.lanes} × {stream.width} bit"
        rows.append(
            (f"{end} {stream.name}" if several else end, f"{', '.join(diagram.figures(stream.tensor))}; {beats}")
        )
    if run:
        rows.append(("parameters", _number(run.model.parameters)))
    if graph:
        kinds = Counter(node.op.kind for node in graph)
        rows.append(("operators", ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())))
    predicted = design.predicted
    if predicted.macs:
        rows.append(("multiply-accumulates per sample", _number(predicted.macs)))
        rows.append(("multipliers", _number(predicted.multipliers)))
        rows.append(("their utilization", _percent(predicted.mac_utilization)))
    return [*rows, ("design hash", design.hash)]


def _cycles(sources: Sources, simulated: Simulated | None) -> list[tuple[str, float, float | None]]:
    """(what, predicted, measured) of latency and interval."""
    predicted, run = sources.design.predicted, sources.run
    measured = (simulated and simulated.simulation) or (run and run.cycles)
    return [
        (what, getattr(predicted, what), getattr(measured, what) if measured else None)
        for what in ("latency", "interval")
    ]


def _ticks(end: int) -> range:
    """Round numbers from 0 to `end`."""
    steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
    return range(0, end + 1, next(step for step in steps if end // step < TICKS))


def _build(build: BuildResult) -> dict[str, object]:
    from boards import flows

    hops = flows.get(build.flow).critical_path(build.bitstream.parent)
    return {
        "result": build,
        "usage": usage(build.resources, build.capacity, build.target),
        "hops": hops,
        "period": sum(hop.delay_ns for hop in hops),
    }


def _commands(sources: Sources, estimate: Estimate | None) -> list[tuple[str, str]]:
    """(what it makes, command): everything on the page again."""
    folder, run = str(sources.folder), sources.run
    model = str(sources.folder.parent / "model.onnx") if run else "model.onnx"
    again = ["accel", "lower", model, "--target", "rtl", "--schedule", f"{folder}/schedule.json", "--out", "again"]
    found = [("everything", run.command)] if run else []
    found.append(("the same design, from the model", shlex.join(again)))
    found.append(("latency and interval, measured", shlex.join(["accel", "simulate", folder])))
    found.append(("every level compared", shlex.join(["accel", "check", model])))
    for build in sources.builds:
        words = ["accel", "bitstream", folder, "--board", build.source or build.board, "--seed", str(build.seed)]
        found.append((f"the bitstream for {build.board}", shlex.join([*words, "--clock", f"{build.clock_mhz:g}"])))
    board = ["--board", estimate.board.source or estimate.board.name] if estimate else []
    found.append(("this page", shlex.join(["accel", "report", folder, *board])))
    return found
