"""`accel bitstream`: a design folder becomes what a board loads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli.display import Progress, show_table, working
from accel.cli.output import whole_folder

if TYPE_CHECKING:
    from boards.bitstream import BuildResult

BOARD = "ulx3s-85f"
MARKERS = {"ecp5": "build.json", "vivado": "build.tcl"}
"""Flow → the file by which an earlier output is known."""


def bitstream(
    folder: Path | str, board: str = BOARD, out: Path | str | None = None, progress: Progress | None = None
) -> BuildResult | None:
    """Build the bitstream of the design in `folder` into `out` (default: FOLDER-BOARD).

    For a Vivado board the build script is written instead, and None returned. Raises UserError on an unknown board
    or a folder without design, ToolError when a tool is missing or fails, the design does not fit or misses timing.
    """
    import boards
    from accel.design import Design

    target = boards.get(board)
    design = Design.load(Path(folder))
    out = Path(out or default_out(folder, target.name))
    with whole_folder(out, MARKERS[target.flow], keep_failed=True) as new:
        if target.flow == "vivado":
            boards.write_vivado(design, target, new)
            return None
        result: BuildResult = boards.build(design, target, new, progress=progress)
    return replace(result, bitstream=out / result.bitstream.name)


def default_out(folder: Path | str, board: str) -> Path:
    """Beside the design's folder."""
    folder = Path(folder)
    return folder.with_name(f"{folder.name}-{board}")


@click.command(short_help="RTL design to bitstream.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--board", "name", default=BOARD, show_default=True, help="One of `accel boards`.")
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

    board = boards.get(name)
    out = out or default_out(folder, board.name)
    with working("bitstream") as progress:
        result = bitstream(folder, name, out, progress)
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
