"""The open flows: yosys → nextpnr → a packer, all from PyPI. Families differ in constraints and options only."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from accel.build_plan import BuildPlan, Step
from accel.errors import ToolError
from accel.target import Cells
from boards.flows.flow import Flow, Hop, Job
from hls.synthesis import yosys

NETLIST, PLACED = "synthesis.json", "placed.json"
_STAT, _REPORT = "synthesis-stat.json", "nextpnr.json"


@dataclass(frozen=True)
class PlacedFamily:
    """One device family. `place` are the placer's own arguments, `pack` the packer's; both get more files than shown.

    `counted` names nextpnr's cell types per resource, as far as it has its own (a logic cell of iCE40 hides its
    flip-flop). `packed` counts LUTs in yosys' netlist where packing changes their number.
    """

    placer: str
    packer: str
    bitstream: str
    synthesis: Callable[[Job], str]
    place: Callable[[Job], tuple[str, ...]]
    placed: str
    pack: Callable[[Job], tuple[str, ...]]
    constraints: Callable[[Job], dict[str, str]]
    counted: dict[str, tuple[str, ...]]
    packed: Callable[[dict[str, Any]], int] | None = None


def flow(family: PlacedFamily) -> Flow:
    """The flow of a family."""
    return Flow(
        free=True,
        tools=("yosys", family.placer, family.packer),
        bitstream=family.bitstream,
        plan=lambda job: _plan(family, job),
        synthesized=lambda folder, job: _synthesized(family, folder, job),
        results=lambda folder, job: _results(family, folder, job),
        explain=lambda error, folder, job: _explain(error, folder / "place-and-route.log", job),
        critical_path=_critical_path,
    )


def _plan(family: PlacedFamily, job: Job) -> BuildPlan:
    """`seed` starts placement; a clock that is missed fails the flow."""
    stat, files = f"tee -q -o {_STAT} stat -json\n", yosys.family(job.board.target).files
    options = f"{family.synthesis(job)} -json {NETLIST}"
    script = yosys.script(job.sources, job.top, job.board.target, options) + stat
    place = (*family.place(job), "--json", NETLIST, "--seed", str(job.seed), "--report", _REPORT)
    return BuildPlan(
        {**job.files, **files, **family.constraints(job), "synthesis.ys": script},
        (
            Step("synthesis", "yosys", ("-s", "synthesis.ys"), (NETLIST, _STAT)),
            Step("place-and-route", family.placer, place, (family.placed, _REPORT)),
            Step("pack", family.packer, family.pack(job), (family.bitstream,)),
        ),
    )


def _synthesized(family: PlacedFamily, folder: Path, job: Job) -> Cells:
    cells = json.loads((folder / _STAT).read_text(encoding="utf-8"))["design"]["num_cells_by_type"]
    found = yosys.count(cells, job.board.target).placed(job.board.target)
    if not family.packed:
        return found
    netlist = json.loads((folder / NETLIST).read_text(encoding="utf-8"))["modules"][job.top]
    return replace(found, lut=family.packed(netlist))


def _results(family: PlacedFamily, folder: Path, job: Job) -> tuple[float, Cells]:
    """Raises ToolError when the tool constrained another frequency than the clock generator makes."""
    wanted = float(job.clock.mhz)
    report = json.loads((folder / _REPORT).read_text(encoding="utf-8"))
    core = min(report["fmax"].values(), key=lambda entry: abs(entry["constraint"] - wanted))
    if abs(core["constraint"] - wanted) > 0.001 * wanted:
        got = core["constraint"]
        raise ToolError(f"{family.placer} constrained the core clock to {got:g} MHz instead of {wanted:g} MHz")
    used = report["utilization"]
    counts = {name: sum(used[cell]["used"] for cell in cells if cell in used) for name, cells in family.counted.items()}
    return core["achieved"], replace(_synthesized(family, folder, job), **counts)


def _critical_path(folder: Path) -> tuple[Hop, ...]:
    """The slowest path from a clock to itself."""
    paths = json.loads((folder / _REPORT).read_text(encoding="utf-8"))["critical_paths"]
    inside: list[list[dict[str, Any]]] = [path["path"] for path in paths if path["from"] == path["to"]]
    slowest = max(inside, key=lambda path: sum(hop["delay"] for hop in path), default=[])
    return tuple(Hop(hop["type"], hop["delay"], hop["to"]["cell"]) for hop in slowest)


def _explain(error: ToolError, log: Path, job: Job) -> ToolError:
    """Explain a failed place and route: too large, too slow, or the error as it is."""
    text = log.read_text(errors="replace", encoding="utf-8") if log.exists() else ""
    over = [
        f"{cell} {used} of {available}"
        for cell, used, available in re.findall(r"(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", text)
        if int(used) > int(available)
    ]
    if over:
        return ToolError(f"the design does not fit: {', '.join(dict.fromkeys(over))}; fold it further. Log: {log}")
    missed = re.findall(r"Max frequency for clock\s+'[^']*': ([\d.]+) MHz \(FAIL at", text)
    if missed:
        reached = float(missed[-1])
        return ToolError(
            f"the design misses timing: {reached:g} MHz reached, {float(job.clock.mhz):g} MHz wanted; "
            f"choose a core clock of at most {int(reached)} MHz (--clock) or another --seed. Log: {log}"
        )
    return error
