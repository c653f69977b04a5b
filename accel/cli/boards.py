"""`accel boards`: the table of all boards."""

from __future__ import annotations

import click

from accel.cli.display import json_option, show_json
from accel.verbs.boards import describe


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
