"""`accel bitstream`: a design folder becomes what a board loads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from accel.progress import Progress
from accel.verbs import BOARD
from accel.verbs.output import whole_folder

if TYPE_CHECKING:
    from boards.bitstream import BuildResult

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
