"""`accel export`: a checkpoint becomes a QONNX file."""

from __future__ import annotations

from pathlib import Path

import click

from accel.cli.display import json_option, show_json, working
from accel.cli.output import whole_file


def export(checkpoint: Path | str, out: Path | str) -> None:
    """Write the model of a checkpoint as QONNX to `out`.

    Raises UserError when `checkpoint` cannot be read as one, or `out` cannot be written.
    """
    import models

    trained = models.load(checkpoint)
    with whole_file(Path(out)) as path:
        models.export(trained.model, path)


@click.command(short_help="Write a checkpoint as a QONNX file.")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="File to write.  [default: CHECKPOINT with .onnx]")
@json_option
def command(checkpoint: Path, out: Path | None, as_json: bool) -> None:
    """Export a trained CHECKPOINT to QONNX, the file that the other verbs take.

    \b
    Example:
      accel export build/model.pt --out build/model.onnx
    """
    out = out or checkpoint.with_suffix(".onnx")
    with working("export"):
        export(checkpoint, out)
    if as_json:
        show_json({"model": out})
        return
    click.echo(f"wrote {out}")
