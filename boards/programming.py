"""A finished bitstream onto a board at a USB port, by openFPGALoader."""

from __future__ import annotations

import json
from pathlib import Path

from accel import tools
from accel.errors import UserError
from boards.bitstream import RESULT
from boards.board import Board

LOADER = "openFPGALoader"
LOG = "program.log"


def program(board: Board, folder: Path, *, flash: bool = False) -> None:
    """Load the bitstream in `folder`, which `boards.build` wrote, into the FPGA; with `flash`, to stay there.

    The loader's output is written beside it. Raises UserError when the folder holds no bitstream for this board or
    the board is programmed in another way, ToolError when openFPGALoader is missing or fails.
    """
    folder = Path(folder)
    if not board.loader:
        raise UserError(f"{board.name} is not programmed with {LOADER}: see docs/boards.md for its own way")
    try:
        result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder}: no bitstream here; `accel bitstream` writes one (FOLDER-BOARD)") from None
    if result["board"] != board.name:
        raise UserError(f"{folder} holds a bitstream for {result['board']}, not {board.name}")
    command = [*tools.command(LOADER), "--board", board.loader, *(["--write-flash"] if flash else [])]
    tools.run([*command, result["bitstream"]], folder, folder / LOG)
