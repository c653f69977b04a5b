"""`accel compare`: a model and what was made of it, layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accel import scratch
from accel.cli.display import Progress, json_option, show_json, show_table, working
from accel.cli.inputs import as_samples, input_range, load_samples
from accel.cli.lower import DESIGN_FILE
from accel.cli.output import whole_file
from accel.design import GRAPH_FILE
from accel.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from accel.design import Design
    from accel.graph import Graph
    from accel.onnx_import import Imported
    from accel.verification.comparison import Comparison
    from accel.verification.levels import Level
    from hls.projects.project import Project
    from models.encoder import Encoder

    Model = Path | str | Imported | Graph | Encoder
    Made = Path | str | Project | Design


def compare(
    model: Model,
    project: Made | Sequence[Made],
    x: np.ndarray | Path | str | None = None,
    samples: int = 64,
    *,
    seed: int = 0,
    input_scale: float | None = None,
    input_bits: int | str | None = None,
    po2_scales: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """Compare every layer of a model at all levels that exist: torch, qonnx, reference, and each project (csim or rtl).

    `model` is a QONNX file, an imported file, an integer graph, or a network of `models`. `project` is the folder of an
    HLS project or RTL design, such a project or design as a value, or a list of them. A
    `hls.projects.project.Project` must be compiled. `x` holds samples, (samples, tokens, channels) or in the shape of
    the file: integers, or real numbers, which are quantized as the model does. Without `x`, or with a file as `x`,
    `samples` and `seed` are those of `accel.cli.inputs.load_samples`. For a file, `input_scale`, `input_bits` and
    `po2_scales` are those of `accel.onnx_import.read`. A file that means real numbers has no level qonnx; `accel check`
    measures its deviation.

    Raises UserError when the samples do not fit, or when a project was made from another model.
    """
    import numpy as np

    from accel import onnx_import
    from accel.verification.comparison import compare_levels

    if isinstance(model, (str, Path)):
        model = onnx_import.read(model, input_scale=input_scale, input_bits=input_bits, po2_scales=po2_scales)
    graph, levels = _model_levels(model)
    made = [project] if isinstance(project, (str, Path)) or not isinstance(project, Sequence) else project
    values = as_samples(graph, x) if isinstance(x, np.ndarray) else load_samples(graph, x, samples, seed)
    return compare_levels(graph, _told([*levels, *_project_levels(made)], progress or (lambda text: None)), values)


def _told(levels: list[Level], progress: Progress) -> Iterator[Level]:
    for level in levels:
        progress(level.name)
        yield level


def _model_levels(model: Imported | Graph | Encoder) -> tuple[Graph, list[Level]]:
    """The graph of a model, and the levels above the projects."""
    from accel import onnx_import
    from accel.cli import levels
    from accel.graph import Graph

    if isinstance(model, Graph):
        return model, [levels.torch_reference(model)]
    if isinstance(model, onnx_import.Imported):
        file = [levels.qonnx(model)] if model.is_exact else []
        return model.graph, [*file, levels.torch_reference(model.graph)]
    import models

    if not isinstance(model, models.Encoder):
        raise UserError(f"cannot compare a {type(model).__name__}: pass a QONNX file, a graph or a network of `models`")
    with scratch.folder() as folder:
        imported = onnx_import.read(models.export(model, folder / "model.onnx"))
    graph, others = _model_levels(imported)
    return graph, [levels.trained(graph, model), *others]


def _project_levels(projects: Sequence[Made]) -> list[Level]:
    """A level per project; of several of a kind, each gets its number."""
    levels = [_project_level(project) for project in projects]
    kinds, seen = Counter(level.name for level in levels), Counter[str]()
    named = []
    for level in levels:
        seen[level.name] += 1
        named.append(level if kinds[level.name] == 1 else replace(level, name=f"{level.name} {seen[level.name]}"))
    return named


def _project_level(project: Made) -> Level:
    from accel.cli import levels
    from accel.design import Design
    from hls.projects import project as projects

    if isinstance(project, (str, Path)):
        folder = Path(project)
        if (folder / DESIGN_FILE).exists():
            project = Design.load(folder)
        elif (folder / GRAPH_FILE).exists():
            project = projects.load(folder)
            project.compile()
        else:
            raise UserError(f"{folder} holds neither an RTL design nor an HLS project; `accel lower` writes both")
    return levels.Rtl(project).level if isinstance(project, Design) else levels.csim(project)


@click.command(short_help="Compare levels layer by layer.")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("projects", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--data", type=click.Path(path_type=Path), help="Samples in an .npy file (default: random).")
@click.option("--samples", type=click.IntRange(min=1), default=64, show_default=True, help="Maximum number of samples.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of random samples.")
@click.option("--plot", type=click.Path(path_type=Path), help="Write a figure to this file: .png, .svg or .pdf.")
@json_option
@input_range
def command(
    model: Path,
    projects: tuple[Path, ...],
    data: Path | None,
    samples: int,
    seed: int,
    plot: Path | None,
    as_json: bool,
    entry: dict[str, Any],
) -> int:
    """Compare a QONNX MODEL with the HLS projects and RTL designs in PROJECTS, layer by layer.

    The expected values of a layer come from the file in qonnx, or from the reference if qonnx does not run a sample.
    The table counts the samples that differ. It also shows the range of the values, the declared range, and the share
    of clipped values. A fault shows in its own layer and in the layers behind it.

    \b
    Examples:
      accel compare model.onnx build/rtl
      accel compare model.onnx build/vitis build/rtl --data x.npy --plot layers.png
      accel compare model.onnx build/rtl --samples 8 --json
    """
    if plot and plot.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise click.BadParameter(f"{plot}: a figure is .png, .svg or .pdf", param_hint="--plot")
    with working("compare") as progress:
        done = compare(model, projects, data, samples, seed=seed, progress=progress, **entry)
    if as_json:
        show_json(done.as_dict())
    else:
        columns, *lines = done.table
        show_table(f"{done.model}: samples that differ", columns, lines)
    if plot:
        with whole_file(plot) as file:
            done.plot(file)
        click.echo(f"wrote {plot}", err=as_json)
    for difference in done.first:
        click.echo(f"accel: {difference}", err=True)
    return int(done.mismatches > 0)
