"""`accel report`: what a design needs and how fast it is, before any place and route."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accel.cli.bitstream import BOARD
from accel.cli.display import show_table, working

if TYPE_CHECKING:
    from boards.board import Board, Resources


def report(folder: Path | str, board: str = BOARD) -> dict[str, Any]:
    """The design in `folder`: predicted cycles, and the resources that it needs on `board` by open synthesis.

    Raises UserError on an unknown board or a folder without design, ToolError from synthesis.
    """
    import boards
    from accel.design import Design

    target = boards.get(board)
    design = Design.load(Path(folder))
    needed: Resources = boards.estimate(design, target)
    return {
        "design": design.name,
        "design_hash": design.hash,
        "board": target.name,
        "clock_mhz": target.clock_mhz,
        "predicted": design.info.get("predicted"),
        "mac_utilization": design.info.get("mac_utilization"),
        "estimate": asdict(needed),
        "capacity": asdict(target.capacity),
    }


def show_estimate(needed: Resources, board: Board) -> None:
    """A table of what is needed, and a line when that is more than there is."""
    from boards import fitting

    names = {"lut4": fitting.lut_name(board), "ff": "flip-flops", "bram": "block RAM", "dsp": "DSP"}
    has = asdict(board.capacity)
    rows = [(names[key], count, has[key], f"{count / has[key]:.0%}") for key, count in asdict(needed).items()]
    show_table(
        f"Estimate for {board.name}: open synthesis of the design alone", ("", "needed", "available", "share"), rows
    )
    over = fitting.excess(needed, board)
    if over:
        click.echo(f"by this estimate it does not fit: {', '.join(over)}")


@click.command(short_help="What a design needs, by open synthesis.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--board", "name", default=BOARD, show_default=True, help="One of `accel boards`.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(folder: Path, name: str, as_json: bool) -> None:
    """Estimate what the RTL design in FOLDER needs on a board.

    Resources are counted by open synthesis (yosys) for the board's family, without UART or bus, before place and
    route; the vendors' tools come to other numbers. Cycles are those that the schedule predicts.

    \b
    Example:
      accel report build/rtl --board pynq-z2
    """
    import boards
    from boards.board import Resources

    with working("synthesis"):
        made = report(folder, name)
    if as_json:
        click.echo(json.dumps(made, indent=2))
        return
    if made["predicted"]:
        latency, interval = made["predicted"]["latency"], made["predicted"]["interval"]
        speed = made["clock_mhz"] * 1e6 / interval
        click.echo(f"{made['design']}: latency {latency} cycles, interval {interval:g} cycles")
        click.echo(f"at {made['clock_mhz']:g} MHz: {speed:,.0f} inferences/s")
    show_estimate(Resources(**made["estimate"]), boards.get(name))
