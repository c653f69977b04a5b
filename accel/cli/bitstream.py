"""`accel bitstream`: a design folder becomes what a board loads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli import names
from accel.cli.display import json_option, show_json, show_table, working
from accel.verbs import BOARD
from accel.verbs.bitstream import MARKER, bitstream, default_out

if TYPE_CHECKING:
    from accel.design import Design
    from boards.bitstream import BuildResult


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
        show_json({"project": out} if result is None else result.as_dict())
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
            ("LUT", f"{used.lut}", f"{has.lut}"),
            ("flip-flops", f"{used.ff}", f"{has.ff}"),
            ("block RAM", f"{used.bram}", f"{has.bram}"),
            ("DSP", f"{used.dsp}", f"{has.dsp}"),
            ("clock, MHz", f"{result.clock_mhz:g}", f"{result.fmax_mhz:.1f}"),
        ],
    )
    _show_speed(Design.load(folder), result)


def _show_speed(design: Design, result: BuildResult) -> None:
    """Samples per second of the core, or tokens of a decode engine, and those of the serial line in front of it."""
    from boards.driver import transfer_s

    each = 1 if design.context is None else design.output.beats
    word = "samples/s in the core" if design.context is None else "tokens/s in the core at the last position"
    core = f"{each * result.clock_mhz * 1e6 / design.predicted.interval:,.0f} {word}"
    line = f"; {each / transfer_s(design, result.baud):,.0f} over the serial line" if result.baud else ""
    click.echo(core + line)
