"""`accel export`: a checkpoint becomes a QONNX file."""

from __future__ import annotations

from pathlib import Path

import click

from accel.cli.display import json_option, show_json, working
from accel.verbs.export import export


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
