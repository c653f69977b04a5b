"""The program of a decode engine for a model, of a size that is asked for or suits a board."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accel import arguments
from accel.errors import UserError
from accel.verbs import BOARD
from accel.verbs.engine import loading

if TYPE_CHECKING:
    from accel.engine.isa import EngineProgram
    from accel.engine.macros import MacroGraph
    from accel.engine.size import UnitEstimate
    from accel.graph import Graph
    from accel.verbs.engine.loading import CausalModel
    from accel.verbs.inputs import Entry
    from boards.board import Board


@dataclass(frozen=True)
class Wanted:
    """The wishes of a user for an engine.

    recipe, context, tokenizer: how a checkpoint becomes a graph. pe, simd: rows of the array, and products of a row.
    products: their number, where these are not given; by default, the fastest that the board has room for. temperature:
    of the tokens that are drawn, where they are. logits: all of them leave the engine, and the host chooses.
    """

    recipe: str | None = None
    context: int | None = None
    tokenizer: Path | None = None
    pe: int | None = None
    simd: int | None = None
    products: int | None = None
    temperature: float | None = None
    logits: bool = False

    def __post_init__(self) -> None:
        for name in ("pe", "simd", "products"):
            if (value := getattr(self, name)) is not None:
                arguments.whole(name, value, 1)
        if self.temperature is not None:
            arguments.positive("the temperature", self.temperature)
        if (self.pe is None) != (self.simd is None):
            raise UserError("--pe and --simd belong together: rows of the array, and products of a row")
        if self.logits and self.temperature is not None:
            raise UserError("with --logits the host draws tokens, and has a temperature then; leave out --temperature")
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
    from accel.engine.folding import folded
    from accel.engine.match import match

    return _sized(folded(match(graph)), wanted, boards.get(board))


def _sized(network: MacroGraph, wanted: Wanted, board: Board) -> EngineProgram:
    """The program for the size that is wanted, with its gaps. Raises UserError where no size suits the network."""
    from accel.engine import size, timing
    from accel.engine.program import build
    from accel.target import TARGETS

    if wanted.pe is not None and wanted.simd is not None:
        chosen = wanted.pe, wanted.simd
    elif wanted.products is not None:
        chosen = size.for_products(network, wanted.products)
    else:
        chosen = size.for_device(network, TARGETS[board.target], board.capacity, _estimate(wanted, board))
    return timing.gaps(_drawing(build(network, *chosen), wanted))


def _drawing(program: EngineProgram, wanted: Wanted) -> EngineProgram:
    """The program, which draws tokens where that is wanted."""
    from accel.engine.program import drawing

    return program if wanted.temperature is None else drawing(program, wanted.temperature)


def _estimate(wanted: Wanted, board: Board) -> UnitEstimate:
    """Cells of the units of an engine on a board."""
    from hls.engine import area

    target, dsp = board.target, board.capacity.dsp
    return lambda program: area.estimate(_drawing(program, wanted), target, logits=wanted.logits, dsp=dsp)
