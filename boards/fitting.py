"""Check that a design fits a board. If it does not: the exceeded resources, and what would fit."""

from __future__ import annotations

import math

from accel.design import Design
from accel.errors import ToolError
from accel.fold import StageFold
from accel.target import TARGETS, Cells
from boards.board import Board
from hls.synthesis import yosys

_LABELS = {"ff": "flip-flops", "bram": "block RAM", "dsp": "DSP"}


def estimate(design: Design, board: Board) -> Cells:
    """Resources of the design alone, without the board's shell, by open synthesis for the board's family.

    For boards with free tools it is what their synthesis counts; vendors' own synthesis comes to other numbers.
    Raises ToolError from yosys.
    """
    return yosys.resources(design, board.target).placed(board.target)


def require(used: Cells, board: Board, design: Design) -> None:
    """Raise ToolError, with the nearest folding and board that fit, when `board` has less than is used."""
    over = excess(used, board)
    if over:
        raise ToolError(f"the design does not fit {board.name}: {', '.join(over)}; {remedy(used, board, design)}")


def excess(used: Cells, board: Board) -> list[str]:
    """`LUT4 31000 of 24288` for everything of which `board` has less than is used."""
    needed, has, labels = used.limited, board.capacity.limited, {"lut": lut_name(board.target), **_LABELS}
    return [f"{labels[name]} {needed[name]} of {has[name]}" for name in used.beyond(board.capacity)]


def lut_name(target: str) -> str:
    """`LUT4` or `LUT6`."""
    return f"LUT{TARGETS[target].lut_inputs}"


def remedy(used: Cells, board: Board, design: Design) -> str:
    """A larger interval in the proportion of what is short, and the smallest board of the same family that fits."""
    short = max(used.shares(board.capacity).values())
    larger = _larger(used, board)
    ways = [f"choose --board {larger.name}"] if larger else []
    if design.context is not None:
        ways = [*_smaller_engine(used, board, design.context, design.predicted.multipliers), *ways]
    elif _foldable(design):
        interval = design.predicted.interval
        ways.insert(0, f"fold it further (accel lower --interval {_round_up(interval * short)} or more)")
    return " or ".join(ways) or "it cannot be folded further, and no board of this family is large enough"


def _smaller_engine(used: Cells, board: Board, context: int, products: int) -> list[str]:
    """Half of the keys and values where those do not fit, or half of the array."""
    if "bram" in used.beyond(board.capacity) and context > 1:
        return [f"lower it with a shorter context (accel lower --target engine --context {context // 2})"]
    return [f"make a smaller array (accel lower --target engine --products {products // 2})"] if products > 1 else []


def _foldable(design: Design) -> bool:
    """Does any node of the design do more than one element at a time?"""
    return any(not isinstance(fold, StageFold) and fold.parallel > 1 for fold in design.schedule.folds.values())


def _larger(used: Cells, board: Board) -> Board | None:
    import boards

    family = [other for other in map(boards.get, boards.names()) if other.target == board.target]
    fitting = [other for other in family if used.fits_in(other.capacity)]
    return min(fitting, key=lambda other: other.capacity.lut, default=None)


def _round_up(cycles: float) -> int:
    """To two significant digits, so that nobody takes it for exact."""
    step = 10 ** max(len(str(int(cycles))) - 2, 0)
    return math.ceil(cycles / step) * step
