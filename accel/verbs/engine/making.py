"""The program of a decode engine for a model, of a size that is asked for or suits a board."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from accel.errors import UserError
from accel.verbs import BOARD
from accel.verbs.engine import loading

if TYPE_CHECKING:
    from accel.engine.isa import EngineProgram
    from accel.engine.macros import MacroGraph
    from accel.graph import Graph
    from accel.verbs.engine.loading import CausalModel
    from accel.verbs.inputs import Entry
    from boards.board import Board

MOST = 1024
"""Rows, and products of a row, that are tried."""
TRIED = 2
"""Sizes of which the fastest is taken: more rows of fewer products come first."""
SHARE = 5 / 6
"""Of a board's hard multipliers, what the array may have; rounding and roots take the others."""


@dataclass(frozen=True)
class Wanted:
    """The wishes of a user for an engine.

    recipe, context, tokenizer: how a checkpoint becomes a graph. pe, simd: rows of the array, and products of a row.
    products: upper limit for their number, where these are not given; by default, what suits the board.
    """

    recipe: str | None = None
    context: int | None = None
    tokenizer: Path | None = None
    pe: int | None = None
    simd: int | None = None
    products: int | None = None

    def __post_init__(self) -> None:
        if (self.pe is None) != (self.simd is None):
            raise UserError("--pe and --simd belong together: rows of the array, and products of a row")
        if self.pe is not None and self.products is not None:
            raise UserError("--products is --pe times --simd; give it, or those two")


def read(path: Path | str, wanted: Wanted, entry: Entry | None = None) -> CausalModel:
    """The model in a file. Raises UserError where it cannot be used."""
    return loading.load(path, wanted.recipe, wanted.context, wanted.tokenizer, entry)


def program(graph: Graph, wanted: Wanted, board: str = BOARD) -> EngineProgram:
    """The program of a causal graph, with the gaps that it runs with.

    Raises UserError where the graph does not fit the engine, naming the node, or no engine of that size suits it.
    """
    import boards
    from accel.engine.match import match

    return _sized(match(graph), wanted, boards.get(board))


def _sized(network: MacroGraph, wanted: Wanted, board: Board) -> EngineProgram:
    """The program for the size that is wanted, with its gaps: of all that fit, the one with the fewest cycles.

    Cycles are those of the last position. Raises UserError where no size suits the network.
    """
    from accel.engine import timing
    from accel.engine.program import build, require_sizes

    if wanted.pe is not None and wanted.simd is not None:
        return timing.gaps(build(network, wanted.pe, wanted.simd))
    most = wanted.products or suiting(board)
    suits = [size for size in _sizes(most) if _suits(partial(require_sizes, network, *size))]
    if not suits:
        raise UserError(f"no engine of at most {most} products suits {network.graph.name}: ask for more --products")
    largest = max(pe * simd for pe, simd in suits)
    tried = sorted((size for size in suits if size[0] * size[1] == largest), reverse=True)[:TRIED]
    programs = [timing.gaps(build(network, *size)) for size in tried]
    return min(programs, key=lambda program: timing.cycles(program, network.context - 1))


def _sizes(most: int) -> list[tuple[int, int]]:
    """Powers of two with a product of at most `most`."""
    powers = [1 << bits for bits in range(MOST.bit_length())]
    return [(pe, simd) for pe in powers for simd in powers if pe <= simd and pe * simd <= most]


def _suits(require: Callable[[], None]) -> bool:
    try:
        require()
    except UserError:
        return False
    return True


def suiting(board: Board) -> int:
    """The products of an array that suits a board: a power of two. Two rows share a hard multiplier."""
    return 1 << max(0, int(2 * SHARE * board.capacity.dsp).bit_length() - 1)
