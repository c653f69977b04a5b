"""`accel compare`: a model and what was made of it, layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from accel import scratch
from accel.design import DESIGN_FILE, GRAPH_FILE
from accel.errors import UserError
from accel.progress import Progress
from accel.verbs.inputs import as_samples, load_samples

if TYPE_CHECKING:
    from accel.arrays import Arrays
    from accel.design import Design
    from accel.graph import Graph
    from accel.onnx_import import Imported
    from accel.onnx_import.entry import Given
    from accel.verification.comparison import Comparison
    from accel.verification.levels import Level
    from hls.projects.project import Project
    from models.encoder import Encoder

    Model = Path | str | Imported | Graph | Encoder
    Made = Path | str | Project | Design


def compare(
    model: Model,
    project: Made | Sequence[Made],
    x: Arrays | Path | str | None = None,
    samples: int = 64,
    *,
    seed: int = 0,
    input_scale: Given[float] = None,
    input_bits: Given[int | str] = None,
    po2_scales: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """Compare every layer of a model at all levels that exist: torch, qonnx, reference, and each project (csim or rtl).

    `model` is a QONNX file, an imported file, an integer graph, or a network of `models`. `project` is the folder of an
    HLS project or RTL design, such a project or design as a value, or a list of them. A
    `hls.projects.project.Project` must be compiled. `x` holds samples, (samples, tokens, channels) or in the shape of
    the file (a dict of arrays where there are several inputs): integers, or real numbers, which are quantized as the
    model does. Without `x`, or with a file as `x`,
    `samples` and `seed` are those of `accel.verbs.inputs.load_samples`. For a file, `input_scale`, `input_bits` and
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
    values = as_samples(graph, x) if isinstance(x, (np.ndarray, Mapping)) else load_samples(graph, x, samples, seed)
    return compare_levels(graph, _told([*levels, *_project_levels(made)], progress or (lambda text: None)), values)


def _told(levels: list[Level], progress: Progress) -> Iterator[Level]:
    for level in levels:
        progress(level.name)
        yield level


def _model_levels(model: Imported | Graph | Encoder) -> tuple[Graph, list[Level]]:
    """The graph of a model, and the levels above the projects."""
    from accel import onnx_import
    from accel.graph import Graph
    from accel.verbs import levels

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
    from accel.design import Design
    from accel.verbs import levels
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
    if isinstance(project, Design):
        project.require_dataflow("there are no samples to compare")
        return levels.Rtl(project).level
    return levels.csim(project)
