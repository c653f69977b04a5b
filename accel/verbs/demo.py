"""`accel demo`: the whole path on handwritten digits."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from accel.progress import Progress, Working, silent
from accel.verbs.output import require_writable

if TYPE_CHECKING:
    from accel.verbs.stages import Context, Settings

OUT = Path("build/demo")


def demo(settings: Settings, working: Working = silent, told: Progress = lambda summary: None) -> Context:
    """Run every stage; the last one writes `report.json` and the page into `settings.out`.

    A stage runs inside `working`, and `told` gets its summary. What a stage has finished stays there, whole, when a
    later one fails. Raises UserError at once on an unknown board or an unwritable folder, ToolError on a missing tool.
    """
    from accel.verbs.report import PAGE
    from accel.verbs.report.record import FILE
    from accel.verbs.stages import STAGES, Context

    _prepare(settings)
    for name in (FILE, PAGE):
        (settings.out / name).unlink(missing_ok=True)
    context = Context(settings)
    for number, (name, stage) in enumerate(STAGES.items(), 1):
        start = time.perf_counter()
        with working(f"{number}/{len(STAGES)} {name}") as tell:
            result = stage(context, tell)
        told(result.summary)
        seconds = context.seconds | {name: round(time.perf_counter() - start, 3)}
        context = replace(context, results=(*context.results, result), seconds=seconds)
    return context


def _prepare(settings: Settings) -> None:
    """Refuse now what would fail after minutes."""
    import boards
    from accel import tools
    from boards import flows
    from boards.pins import pinout

    board = boards.get(settings.board)
    pinout(board)  # the board is simulated behind its serial port
    require_writable(settings.out)
    needed = ["g++", "verilator"]
    if settings.bitstream and flows.get(board.flow).free:
        needed += flows.get(board.flow).tools
    for tool in needed:
        tools.require(tool)
