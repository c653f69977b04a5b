"""The registry of boards: those of this package, those of installed packages, and a file of the user's own."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from functools import cache
from importlib import import_module, metadata, util
from pathlib import Path
from types import ModuleType

from accel.errors import UserError
from accel.spelling import plain
from boards.board import Board

GROUP = "accel.boards"
"""Entry points of this group are boards of other packages: `name = "package.module:BOARD"`."""
_MODULES = {
    "ulx3s-85f": "boards.ulx3s_85f",
    "ulx3s-45f": "boards.ulx3s_45f",
    "ulx3s-25f": "boards.ulx3s_25f",
    "ulx3s-12f": "boards.ulx3s_12f",
    "icepi-zero": "boards.icepi_zero",
    "orangecrab": "boards.orangecrab",
    "colorlight-i5": "boards.colorlight_i5",
    "colorlight-i9": "boards.colorlight_i9",
    "icebreaker": "boards.icebreaker",
    "icesugar": "boards.icesugar",
    "tang-nano-9k": "boards.tang_nano_9k",
    "tang-nano-20k": "boards.tang_nano_20k",
    "tang-primer-20k": "boards.tang_primer_20k",
    "tang-primer-25k": "boards.tang_primer_25k",
    "gatemate-a1-evb": "boards.gatemate_a1_evb",
    "arty-a7-35t": "boards.arty_a7_35t",
    "arty-a7-100t": "boards.arty_a7_100t",
    "basys3": "boards.basys3",
    "pynq-z1": "boards.pynq_z1",
    "pynq-z2": "boards.pynq_z2",
    "kv260": "boards.kv260",
    "kr260": "boards.kr260",
    "zcu104": "boards.zcu104",
    "u55c": "boards.u55c",
    "de10-nano": "boards.de10_nano",
}
"""Board name → module that declares it; everything is imported on first use."""
_NEAR = 0.75
"""How alike two names have to be to suggest one for the other."""


def names() -> list[str]:
    """Names of all boards: first those of this package, then those of other installed packages."""
    return [*_MODULES, *(name for name in _entry_points() if name not in _MODULES)]


def get(name: str) -> Board:
    """Board with this name or alias in any spelling, or the BOARD of a Python file (`./myboard.py`), which is executed.

    Raises UserError, which suggests the nearest name of the same device, or says what is wrong in the file.
    """
    if name.endswith(".py"):
        return from_file(Path(name))
    known = {spelled: board for board in _own() for spelled in map(plain, (board.name, *board.aliases))}
    wanted = plain(name)
    if wanted in known:
        return known[wanted]
    others = {plain(entry): entry for entry in _entry_points()}
    if wanted in others:
        return _from_package(others[wanted])
    hint = _nearest(wanted, {**{spelled: board.name for spelled, board in known.items()}, **others})
    raise UserError(f"unknown board {name!r}{hint}; there are {', '.join(names())}")


def from_file(path: Path) -> Board:
    """BOARD of a Python file, which is run: use only files that you trust. Raises UserError when it has none."""
    spec = util.spec_from_file_location(f"accel_board_{plain(path.stem)}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UserError(f"{path}: no such board file")
    module = util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's program: whatever it raises is what is wrong with it
        raise UserError(f"{path}: {_reason(error)}") from None
    return replace(_declared(module, str(path)), source=str(path.resolve()))


def _own() -> list[Board]:
    """Boards of this package."""
    return [import_module(module).BOARD for module in _MODULES.values()]


@cache
def _entry_points() -> dict[str, metadata.EntryPoint]:
    return {entry.name: entry for entry in metadata.entry_points(group=GROUP)}


def _from_package(name: str) -> Board:
    entry = _entry_points()[name]
    where = f"board {name} ({entry.value})"
    try:
        found = entry.load()
    except (Exception, SystemExit) as error:  # as in `from_file`
        raise UserError(f"{where}: {_reason(error)}") from None
    board = found if isinstance(found, Board) else _declared(found, where)
    if plain(board.name) != plain(name):
        raise UserError(f"{where} calls itself {board.name!r}; its entry point has to have the same name")
    return board


def _declared(module: ModuleType, where: str) -> Board:
    board = getattr(module, "BOARD", None)
    if not isinstance(board, Board):
        raise UserError(f"{where}: declares no board; it needs BOARD = boards.Board(...), see docs/extending.md")
    return board


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, UserError):
        return text
    return f"{type(error).__name__}: {text}; docs/extending.md has a board file"


def _nearest(wanted: str, known: dict[str, str]) -> str:
    """A suggestion; never a name with other digits, since that is another device."""
    alike = [spelled for spelled in known if re.findall(r"\d", spelled) == re.findall(r"\d", wanted)]
    near = difflib.get_close_matches(wanted, alike, n=1, cutoff=_NEAR)
    return f" (did you mean {known[near[0]]}?)" if near else ""
