"""`accel compare`: a model and what was made of it, layer by layer."""

from __future__ import annotations

from pathlib import Path

import click

from accel.cli.display import json_option, show_json, show_table, working
from accel.cli.inputs import input_range
from accel.verbs.compare import compare
from accel.verbs.inputs import Entry
from accel.verbs.output import whole_file


@click.command(short_help="Compare levels layer by layer.")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("projects", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--data", type=click.Path(path_type=Path), help="Samples in an .npy or .npz file (default: random).")
@click.option("--samples", type=click.IntRange(min=1), default=64, show_default=True, help="Maximum number of samples.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of random samples.")
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
    entry: Entry,
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
