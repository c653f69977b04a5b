"""`accel bitstream`: a design folder becomes what a board loads."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli import names
from accel.cli.display import Progress, json_option, show_json, show_table, working
from accel.cli.output import whole_folder

if TYPE_CHECKING:
    from accel.design import Design
    from boards.bitstream import BuildResult

BOARD = "ulx3s-85f"
MARKER = "build.sh"
"""The file by which an earlier output is known."""


def bitstream(
    folder: Path | str,
    board: str = BOARD,
    out: Path | str | None = None,
    progress: Progress | None = None,
    *,
    clock_mhz: float | None = None,
    seed: int = 1,
) -> BuildResult | None:
    """Build the bitstream of the design in `folder` into `out` (default: FOLDER-BOARD).

    When the board needs a vendor's tools that are not installed, only their project is written, and None returned.
    Raises UserError on an unknown board, a clock that it cannot make or a folder without design, ToolError when a
    tool is missing or fails, the design does not fit or misses timing.
    """
    import boards
    from accel import tools
    from accel.design import Design
    from boards import flows

    target = boards.get(board)
    design = Design.load(Path(folder))
    out = Path(out or default_out(folder, target.name))
    flow = flows.get(target.flow)
    with whole_folder(out, MARKER, keep_failed=True) as new:
        if not flow.free and not all(map(tools.present, flow.tools)):
            boards.plan(design, target, clock_mhz=clock_mhz, seed=seed).write(new)
            return None
        result: BuildResult = boards.build(design, target, new, clock_mhz=clock_mhz, seed=seed, progress=progress)
    return replace(result, bitstream=out / result.bitstream.name)


def default_out(folder: Path | str, board: str) -> Path:
    """Beside the design's folder."""
    folder = Path(folder)
    return folder.with_name(f"{folder.name}-{board}")


@click.command(short_help="Build a bitstream of an RTL design.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--board", "name", default=BOARD, show_default=True, shell_complete=names.boards, help="One of `accel boards`."
)
@click.option("--clock", type=float, help="Upper limit for the core clock, MHz.  [default: the board's]")
@click.option("--seed", type=int, default=1, show_default=True, help="Placement seed.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write.  [default: FOLDER-BOARD]")
@json_option
def command(folder: Path, name: str, clock: float | None, seed: int, out: Path | None, as_json: bool) -> None:
    """Build a bitstream of the RTL design in FOLDER.

    If the board needs a vendor's tool that is not installed, the complete project is written instead, and open
    synthesis estimates whether the design fits.

    \b
    Example:
      accel lower model.onnx --target rtl --out build/rtl
      accel bitstream build/rtl --board ulx3s-85f
    """
    import boards
    from accel.cli.report import show_estimate
    from accel.design import Design

    board = boards.get(name)
    out = out or default_out(folder, board.name)
    with working("bitstream") as progress:
        result = bitstream(folder, name, out, progress, clock_mhz=clock, seed=seed)
    if as_json:
        show_json({"project": out} if result is None else asdict(result))
        return
    if result is None:
        show_estimate(boards.estimate(Design.load(folder), board), board)
        click.echo(f"wrote the project {out}; its tools are not installed here: run sh {MARKER} in it where they are")
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
    _show_speed(Design.load(folder), result)


def _show_speed(design: Design, result: BuildResult) -> None:
    """Samples per second of the core, and of the serial line in front of it."""
    from boards.driver import transfer_s

    interval = design.info.get("predicted", {}).get("interval")
    core = f"{result.clock_mhz * 1e6 / interval:,.0f} samples/s in the core" if interval else ""
    line = f"{1 / transfer_s(design, result.baud):,.0f} over the serial line" if result.baud else ""
    click.echo("; ".join(text for text in (core, line) if text))
