"""`accel check --target engine`: does every level of a decode engine choose the same tokens, with the same logits?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from accel.errors import UserError
from accel.progress import Progress
from accel.verbs import BOARD
from accel.verbs.engine import making
from accel.verbs.engine.making import Wanted

if TYPE_CHECKING:
    from accel.graph import Graph
    from accel.verification.steps import StepLevel, StepOutcome

LEVELS = ("reference", "decode", "program", "rtl", "rtl_stalled", "board")
"""In the order in which they run. Every one is compared with the first."""
ON_REQUEST = ("netlist",)
"""Levels that take minutes: run when they are asked for by name."""
KNOWN = (*LEVELS, *ON_REQUEST)
TOKENS = 16


def check(
    graph: Graph,
    levels: Sequence[str] = LEVELS,
    tokens: int | None = None,
    wanted: Wanted | None = None,
    *,
    board: str = BOARD,
    device: str = "cpu",
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[StepOutcome, ...]:
    """Run `levels` of the decode engine of a graph on random tokens, and compare chosen tokens and logits.

    `tokens` is the length of the sequence, by default 16 or the whole context if that is shorter; `seed` draws it,
    the pauses, and the tokens of an engine with a temperature. Raises UserError where the graph does not fit the
    engine, and for more tokens than its context.
    """
    import numpy as np

    from accel.verification.steps import verify_steps

    most = graph.input.tokens
    if tokens is not None and tokens > most:
        raise UserError(f"a sequence of {tokens} tokens: the context of {graph.name} has {most}")
    sequence = np.random.default_rng(seed).integers(0, graph.input.hi + 1, tokens or min(TOKENS, most))
    made = _levels(graph, levels, wanted or Wanted(), board, device, seed, progress or (lambda text: None))
    return tuple(verify_steps(made, sequence))


def _levels(
    graph: Graph, names: Sequence[str], wanted: Wanted, board: str, device: str, seed: int, progress: Progress
) -> Iterator[StepLevel]:
    """Levels in order, each made when its turn comes."""
    import boards
    from accel.engine.sampling import SEED_BITS
    from accel.verbs import levels as dataflow
    from accel.verbs.engine import levels
    from hls.engine import emit

    target = boards.get(board)
    program = cache(lambda: making.program(graph, wanted, board))
    design = cache(lambda: emit.design(program(), logits=wanted.logits, dsp=target.capacity.dsp))
    drawn = seed % ((1 << SEED_BITS) - 1) + 1
    choose = levels.likeliest if wanted.temperature is None else levels.drawn(program(), drawn)
    make: dict[str, Callable[[], StepLevel]] = {
        "reference": lambda: levels.whole(graph, device, choose),
        "decode": lambda: levels.decoded(graph, device, choose),
        "program": lambda: levels.interpreted(program(), drawn),
        "rtl": lambda: levels.simulated(program(), dsp=target.capacity.dsp, seed=drawn),
        "rtl_stalled": lambda: levels.simulated(program(), dsp=target.capacity.dsp, stall=dataflow.STALL, seed=drawn),
        "board": lambda: levels.board(design(), target, drawn),
        "netlist": lambda: levels.netlist(design(), target.target, drawn),
    }
    chosen = [name for name in KNOWN if name in names]
    for number, name in enumerate(chosen, 1):
        progress(f"{number} of {len(chosen)} levels: {name}")
        yield make[name]()
