"""`accel boards`: the table of all boards."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from accel.cli.display import json_option, show_json


def describe() -> list[dict[str, Any]]:
    """Every supported board as plain data."""
    import boards
    from boards import flows

    found = []
    for name in boards.names():
        board = boards.get(name)
        flow = flows.get(board.flow)
        found.append(
            {
                "name": name,
                "title": board.title,
                "part": board.part,
                "output": "bitstream" if flow.free else f"project for {' and '.join(flow.tools)}",
                "flow": board.flow,
                "link": "serial port" if board.pins else "AXI",
                "clock_mhz": board.clock_mhz,
                **asdict(board.capacity),
                "aliases": list(board.aliases),
            }
        )
    return found


@click.command(short_help="List the supported boards.")
@json_option
def command(as_json: bool) -> None:
    """List the supported boards.

    \b
    Example:
      accel boards
    """
    found = describe()
    if as_json:
        show_json(found)
        return
    from accel.cli.display import show_table

    rows = [
        (b["name"], b["title"], b["output"], f"{b['clock_mhz']:g}", b["lut4"], b["ff"], b["bram"], b["dsp"])
        for b in found
    ]
    show_table("Boards", ("name", "board", "result", "clock MHz", "LUT", "FF", "BRAM", "DSP"), rows, extra=("board",))
