"""`accel build`: an HLS project goes through its vendor's tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from accel.progress import Progress
from accel.verbs.inputs import load_samples
from accel.verbs.output import whole_folder

if TYPE_CHECKING:
    from hls.projects.vendor import Built

SAMPLES = 8


def build(
    folder: Path | str,
    out: Path | str | None = None,
    tool: str | None = None,
    progress: Progress | None = None,
    *,
    cosim: int = 0,
    data: Path | str | None = None,
    seed: int = 0,
    export: bool = False,
) -> Built:
    """Run a vendor's tool (default: the project's own) on the HLS project in `folder`; everything goes to `out`.

    `cosim` samples go through C/RTL co-simulation; `data` and `seed` as in `accel.verbs.inputs.load_samples`. `out`
    defaults to FOLDER-TOOL. Raises UserError and ToolError as `hls.projects.vendor.build` does.
    """
    from hls.projects import builders, project, vendor

    made = project.load(folder)
    name, _ = builders.choose(made, tool)
    samples = load_samples(made.graph, data, cosim, seed) if cosim else None
    vendor.plan(made, name, cosim=samples, export=export)  # a refusal comes before anything is written
    with whole_folder(Path(out or default_out(folder, name)), vendor.RESULT, keep_failed=True) as new:
        return vendor.build(made, new, name, cosim=samples, export=export, progress=progress)


def default_out(folder: Path | str, tool: str) -> Path:
    """Beside the project's folder."""
    folder = Path(folder)
    return folder.with_name(f"{folder.name}-{tool}")
