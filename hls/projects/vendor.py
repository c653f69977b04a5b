"""Building an HLS project with its vendor's tool: a plan as a value, reports as typed values, RTL results as a level.

built = build(project.load("build/vitis"), "build/vitis-built", cosim=x)
built.report.latency, built.cosim.mismatches
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from accel import reference, tools
from accel.arrays import single
from accel.build_plan import SCRIPT, BuildPlan
from accel.design import GRAPH_FILE
from accel.errors import ToolError, UserError
from accel.files import write_atomic
from accel.progress import Progress
from accel.verification.levels import Level, Outcome, verify
from hls.projects.builders import BuildOrder, VendorFlow, choose, program
from hls.projects.project import BENCH_EXACT, BENCH_INPUTS, BENCH_OUTPUTS, Project, bench_lines
from hls.projects.reports import Read, Span, ToolReport, reader

RESULT = "build.json"


@dataclass(frozen=True)
class Built:
    """A finished build.

    `cosim` compares the RTL's outputs with the reference; `latency` and `interval` are the cycles that it took.
    """

    tool: str
    backend: str
    project_hash: str
    version: str
    report: ToolReport
    seconds: dict[str, float]
    cosim: Outcome | None = None
    latency: Span | None = None
    interval: Span | None = None


def build(
    project: Project,
    out: Path | str,
    tool: str | None = None,
    *,
    cosim: np.ndarray | None = None,
    export: bool = False,
    progress: Progress | None = None,
) -> Built:
    """Run a vendor's tool on a project in folder `out`, which also gets RESULT, logs and everything the tool made.

    `tool` defaults to the project's own. `cosim` are integer samples (samples, tokens, channels) for C/RTL
    co-simulation. Raises ToolError when the tool is missing or fails, when a report is missing, older than this run or
    not understood; UserError on a request that this tool cannot carry out. A mismatch is no error: it is in `cosim`.
    """
    name, builder = choose(project, tool)
    job = BuildOrder(project, 0 if cosim is None else len(cosim), export)
    made = plan(project, name, cosim=cosim, export=export)
    found: list[tuple[ToolReport, np.ndarray | None, tuple[Span, Span] | None]] = []

    def check(step: str, folder: Path) -> None:
        if step == made.steps[-1].name:
            read = reader(folder, (folder / SCRIPT).stat().st_mtime_ns)
            y = _outputs(project, read, Path(builder.results), job.samples) if job.samples else None
            cycles = builder.measured(job, read) if job.samples and builder.measured else None
            found.append((builder.read(job, folder, read), y, cycles))

    for needed in builder.needs:
        tools.require(needed)
    seconds = made.execute(Path(out), progress, stale=(RESULT,), check=check)
    report, y, cycles = found[0]
    built = Built(
        tool=name,
        backend=project.backend.name,
        project_hash=made.hash,
        version=report.version or tools.version(program(builder)),
        report=report,
        seconds=seconds,
        cosim=_compare(project, cosim, y) if cosim is not None and y is not None else None,
        latency=cycles[0] if cycles else None,
        interval=cycles[1] if cycles else None,
    )
    write_atomic(Path(out) / RESULT, json.dumps(asdict(built), indent=1))
    return built


def plan(
    project: Project, tool: str | None = None, *, cosim: np.ndarray | None = None, export: bool = False
) -> BuildPlan:
    """The plan that `build` executes; `plan(…).write(folder)` writes it without running a tool."""
    _, builder = choose(project, tool)
    job = BuildOrder(project, 0 if cosim is None else len(cosim), export)
    files = _files(project)
    if cosim is not None:
        files |= _samples(project, builder, cosim)
    return BuildPlan(files | builder.files(job, files), builder.steps(job, program(builder)))


def _files(project: Project) -> dict[str, str]:
    """The text files of a project: hls4ml also copies manuals and compiled scripts."""
    files = {}
    for path in sorted(project.folder.rglob("*")):
        if path.is_file() and path.name != GRAPH_FILE and path.suffix not in {".log", ".so"}:
            try:
                files[str(path.relative_to(project.folder))] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
    return files


def _samples(project: Project, builder: VendorFlow, x: np.ndarray) -> dict[str, str]:
    """Inputs of the test bench, and the outputs that it shows beside the simulation's."""
    if builder.refused:
        raise UserError(f"--cosim: {builder.refused}")
    if len(x) < 2:
        raise UserError("--cosim needs two samples at least: a single one has no interval")
    if project.graph.input.magnitude > BENCH_EXACT:
        raise UserError(
            f"--cosim: input {project.graph.input_name!r} has {project.graph.input.width} bits; the test bench reads "
            "numbers as `float`, which is exact up to 24"
        )
    if builder.printed and project.graph.output_tensor.magnitude > builder.printed:
        raise UserError(
            f"--cosim: output {project.graph.output!r} reaches {project.graph.output_tensor.magnitude}; the test bench "
            f"of {builder.backend} prints numbers exactly up to {builder.printed}"
        )
    y = single(reference.run(project.graph, x))
    return {name: bench_lines(values) for name, values in ((BENCH_INPUTS, x), (BENCH_OUTPUTS, y))}


def _outputs(project: Project, read: Read, results: Path, samples: int) -> np.ndarray:
    """Outputs of the RTL: integers (samples, tokens, channels). Raises ToolError when some are missing."""
    text, shape = read(results), project.graph.output_tensor.shape
    words = text.split()
    if any(not re.fullmatch(r"-?\d+", word) for word in words):
        raise ToolError(f"{results} holds other things than integers: the test bench is not this project's")
    if len(words) != samples * int(np.prod(shape)):
        raise ToolError(f"{results} has {len(words)} values, not {samples} samples of {int(np.prod(shape))}")
    return np.array([int(word) for word in words], np.int64).reshape(samples, *shape)


def _compare(project: Project, x: np.ndarray, y: np.ndarray) -> Outcome:
    return verify(project.graph, Level("cosim", lambda _: y), x, reference.run(project.graph, x))
