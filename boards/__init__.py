"""FPGA boards: what they are (`names`, `get`), building a design for one, and simulating it there."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, Any

from accel.errors import UserError
from accel.spelling import plain

if TYPE_CHECKING:
    from boards.board import Board

#: Board name → module that declares it; everything is imported on first use.
_MODULES = {
    "ulx3s-85f": "boards.ulx3s_85f",
    "ulx3s-25f": "boards.ulx3s_25f",
    "icebreaker": "boards.icebreaker",
    "tang-nano-9k": "boards.tang_nano_9k",
    "tang-nano-20k": "boards.tang_nano_20k",
    "arty-a7-100t": "boards.arty_a7_100t",
    "pynq-z2": "boards.pynq_z2",
    "kv260": "boards.kv260",
    "zcu104": "boards.zcu104",
    "u55c": "boards.u55c",
    "de10-nano": "boards.de10_nano",
}
_LAZY = {
    "build": "boards.bitstream",
    "BuildResult": "boards.bitstream",
    "plan": "boards.bitstream",
    "estimate": "boards.fitting",
    "simulate": "boards.simulation",
    "SimulatedBoard": "boards.simulation",
    "Host": "boards.host",
    "connect": "boards.driver",
    "Device": "boards.driver",
    "VirtualBoard": "boards.virtual",
    "program": "boards.programming",
}


def names() -> list[str]:
    """The boards there are."""
    return list(_MODULES)


def get(name: str) -> Board:
    """The board of a name or alias, however it is written. Raises UserError with the nearest name."""
    known: dict[str, Board] = {}
    for module in _MODULES.values():
        board: Board = import_module(module).BOARD
        known |= dict.fromkeys(map(plain, (board.name, *board.aliases)), board)
    wanted = plain(name)
    if wanted in known:
        return known[wanted]
    near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.4)
    hint = f"did you mean {known[near[0]].name}? " if near else ""
    raise UserError(f"unknown board {name!r}: {hint}There are {', '.join(names())}")


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module boards has no attribute {name!r}")
