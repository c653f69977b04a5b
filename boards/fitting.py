"""Does a design fit a board, and if not: what exceeds what, and what would fit."""

from __future__ import annotations

import math
from dataclasses import asdict

from accel.design import Design
from accel.errors import ToolError
from accel.target import TARGETS
from boards.board import Board, Resources

_LABELS = {"ff": "flip-flops", "bram": "block RAM", "dsp": "DSP"}


def require(used: Resources, board: Board, design: Design) -> None:
    """Raise ToolError, with the nearest folding and board that fit, when `board` has less than is used."""
    over = excess(used, board)
    if over:
        raise ToolError(f"the design does not fit {board.name}: {', '.join(over)}; {remedy(used, board, design)}")


def excess(used: Resources, board: Board) -> list[str]:
    """`LUT4 31000 of 24288` for everything of which `board` has less than is used."""
    available, labels = asdict(board.capacity), {"lut4": lut_name(board), **_LABELS}
    counts = asdict(used).items()
    return [f"{labels[name]} {count} of {available[name]}" for name, count in counts if count > available[name]]


def lut_name(board: Board) -> str:
    """`LUT4` or `LUT6`."""
    return f"LUT{TARGETS[board.target].lut_inputs}"


def remedy(used: Resources, board: Board, design: Design) -> str:
    """A larger interval in the proportion of what is short, and the smallest board of the same family that fits."""
    short = max(
        count / available
        for count, available in zip(asdict(used).values(), asdict(board.capacity).values(), strict=True)
        if available
    )
    larger = _larger(used, board)
    interval = design.info.get("predicted", {}).get("interval")
    ways = []
    if interval:
        ways.append(f"fold it further (accel lower --interval {_round_up(interval * short)} or more)")
    if larger:
        ways.append(f"choose --board {larger.name}")
    return " or ".join(ways) or "fold it further"


def _larger(used: Resources, board: Board) -> Board | None:
    import boards

    family = [other for other in map(boards.get, boards.names()) if other.target == board.target]
    fitting = [other for other in family if not excess(used, other)]
    return min(fitting, key=lambda other: other.capacity.lut4, default=None)


def _round_up(cycles: float) -> int:
    """To two significant digits, so that nobody takes it for exact."""
    step = 10 ** max(len(str(int(cycles))) - 2, 0)
    return math.ceil(cycles / step) * step
