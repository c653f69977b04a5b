"""FPGA boards: what they are (`names`, `get`), building a design for one, and simulating it there."""

from __future__ import annotations

from accel.lazy import lazy

HOMES = {
    "names": "boards.registry",
    "get": "boards.registry",
    "Board": "boards.board",
    "Cells": "accel.target",
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

__all__ = [*HOMES]
__getattr__ = lazy(__name__, HOMES)
