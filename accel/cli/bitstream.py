"""`accel bitstream`: a design folder becomes what a board loads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli.display import Progress, show_table, working
from accel.cli.output import whole_folder

if TYPE_CHECKING:
    from accel.design import Design
    from boards.bitstream import BuildResult
    from boards.board import Board

MARKERS = {"ecp5": "build.json", "vivado": "build.tcl"}
"""Flow → the file by which an earlier output is known."""


def bitstream(design: Design, board: Board, out: Path, progress: Progress | None = None) -> BuildResult | None:
    """Build the bitstream of `design` for `board` into folder `out`; for a Vivado board write its script: None.

    Raises ToolError when a tool is missing or fails, or when the design does not fit or misses timing.
    """
    import boards

    with whole_folder(out, MARKERS[board.flow], keep_failed=True) as folder:
        if board.flow == "vivado":
            boards.write_vivado(design, board, folder)
            return None
        result: BuildResult = boards.build(design, board, folder, progress=progress)
    return replace(result, bitstream=out / result.bitstream.name)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--board", "name", default="ulx3s-85f", show_default=True, help="One of `accel boards`.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write.  [default: FOLDER-BOARD]")
def command(folder: Path, name: str, out: Path | None) -> None:
    """Build a bitstream of the RTL design in FOLDER.

    For boards whose tools are not free software the complete build script is written instead.

    \b
    Example:
      accel lower model.onnx --target rtl --out build/rtl
      accel bitstream build/rtl --board ulx3s-85f
    """
    import boards
    from accel.design import Design

    board = boards.get(name)
    design = Design.load(folder)
    out = out or folder.with_name(f"{folder.name}-{board.name}")
    with working("bitstream") as progress:
        result = bitstream(design, board, out, progress)
    if result is None:
        click.echo(f"wrote {out}; run: vivado -mode batch -source build.tcl (in that folder)")
        return
    used, has = result.resources, board.capacity
    show_table(
        f"{result.bitstream}",
        ("", "used", "available"),
        [
            ("LUT", f"{used.lut4}", f"{has.lut4}"),
            ("flip-flops", f"{used.ff}", f"{has.ff}"),
            ("block RAM", f"{used.bram}", f"{has.bram}"),
            ("DSP", f"{used.dsp}", f"{has.dsp}"),
            ("clock, MHz", f"{result.clock_mhz:g}", f"{result.fmax_mhz:.1f}"),
        ],
    )
