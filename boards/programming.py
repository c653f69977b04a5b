"""Loading a bitstream into a board at a USB port, with openFPGALoader."""

from __future__ import annotations

import json
from pathlib import Path

from accel import tools
from accel.errors import ToolError, UserError
from boards.bitstream import RESULT
from boards.board import Board

LOADER = "openFPGALoader"
LOG = "program.log"
_ELSEWHERE = "load the bitstream with the tool that its maker recommends"
_REMEDIES = (
    "check the cable (some carry power only) and the socket; on Linux install openFPGALoader's udev rule "
    "(99-openfpgaloader.rules) and plug in again; under WSL attach the device with usbipd; close other programs that "
    "use the port"
)


def program(board: Board, folder: Path, *, flash: bool = False) -> None:
    """Load the bitstream in `folder`, which `boards.build` wrote, into the FPGA; with `flash`, to stay there.

    The loader's output is written beside it. Raises UserError when the folder holds no bitstream for this board or
    the board is programmed in another way, ToolError when openFPGALoader is missing or fails.
    """
    folder = Path(folder)
    if not board.loader:
        raise UserError(f"{board.name} is not programmed with {LOADER}: {board.loading or _ELSEWHERE}")
    try:
        result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder}: no bitstream here; `accel bitstream` writes one (FOLDER-BOARD)") from None
    if result["board"] != board.name:
        raise UserError(f"{folder} holds a bitstream for {result['board']}, not {board.name}")
    command = tools.command(LOADER)
    _require_known(board, command, folder)
    command += ["--board", board.loader, *(["--write-flash"] if flash else [])]
    try:
        tools.run([*command, result["bitstream"]], folder, folder / LOG)
    except ToolError as error:
        raise ToolError(f"{error}\n{_REMEDIES}") from None


def _require_known(board: Board, command: list[str], folder: Path) -> None:
    """Refuse an openFPGALoader that is older than the board: it would fail with its list of boards."""
    log = folder / LOG
    tools.run([*command, "--list-boards"], folder, log)
    if board.loader not in log.read_text(encoding="utf-8", errors="replace").split():
        version = tools.version(LOADER)
        raise ToolError(
            f"this openFPGALoader does not know {board.loader} ({version}); {board.name} needs version "
            f"{board.loader_since or 'a newer one'} or newer: https://trabucayre.github.io/openFPGALoader"
        )
