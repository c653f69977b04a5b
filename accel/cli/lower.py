"""`accel lower`: a model file becomes hardware sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli.output import whole_folder
from accel.errors import UserError

if TYPE_CHECKING:
    from accel.graph import Graph

TARGETS = ("rtl", "vitis")
DESIGN_FILE = "design.json"
GRAPH_FILE = "graph.accel"


def lower(graph: Graph, target: str, out: Path | str, *, interval: int | None = None) -> None:
    """Write the sources of `graph` for `target` ("rtl" or "vitis") into folder `out`, and the graph beside them.

    `interval` is the number of cycles per sample that the RTL design should need at most. Raises UserError
    when `out` cannot be written or `interval` cannot be reached.
    """
    if target not in TARGETS:
        raise UserError(f"unknown target {target!r}; there are {', '.join(TARGETS)}")
    if interval is not None and target != "rtl":
        raise UserError(f"--interval is for --target rtl; {target} has no such option")
    if target == "vitis":
        from hls import project

        project.write(graph, out)
        return
    from accel import storage
    from accel.schedule import fold_for
    from hls import rtl

    with whole_folder(Path(out), DESIGN_FILE) as folder:
        rtl.lower(graph, fold_for(graph, interval) if interval else None).write(folder)
        storage.save(graph, folder / GRAPH_FILE)


@click.command(short_help="QONNX file to hardware sources.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--target", type=click.Choice(TARGETS), required=True, help="SystemVerilog or a Vitis HLS project.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder to write; an earlier one is replaced."
)
@click.option(
    "--interval", type=click.IntRange(min=1), help="Cycles per sample the RTL may need; fewer cost more area."
)
def command(model: Path, target: str, out: Path, interval: int | None) -> None:
    """Write the hardware sources of a QONNX MODEL.

    \b
    Examples:
      accel lower model.onnx --target rtl --out build/rtl
      accel lower model.onnx --target rtl --interval 1024 --out build/fast
      accel lower model.onnx --target vitis --out build/vitis
    """
    from accel import onnx_import

    lower(onnx_import.load(model), target, out, interval=interval)
    click.echo(f"wrote {out}")
