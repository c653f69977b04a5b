"""FPGA boards: what they are (`names`, `get`), building a design for one, and simulating it there."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_LAZY = {
    "names": "boards.registry",
    "get": "boards.registry",
    "Board": "boards.board",
    "Resources": "boards.board",
    "Amaranth": "boards.board",
    "Pin": "boards.board",
    "Pinout": "boards.board",
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


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module boards has no attribute {name!r}")
