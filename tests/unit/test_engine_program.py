"""Programs of the decode engine: the interpreter makes the integers of the graph, token by token, at every size."""

from __future__ import annotations

import engine_graphs
import numpy as np
import pytest

from accel import reference
from accel.engine.interpreter import Interpreter
from accel.engine.match import match
from accel.engine.program import build
from accel.errors import UserError

SIZES = ((1, 4), (2, 2), (2, 8), (4, 4), (4, 16), (8, 8), (8, 16), (16, 16))


def programs(seed: int) -> list:
    """The programs of a random graph at all sizes that suit it."""
    macros, found = match(engine_graphs.drawn(seed)), []
    for pe, simd in SIZES:
        try:
            found.append(build(macros, pe, simd))
        except UserError:
            continue
    return found


@pytest.mark.parametrize("seed", range(60))
def test_the_interpreter_makes_the_logits_of_the_graph(seed: int) -> None:
    made = programs(seed)
    assert made, "no size suits this graph"
    graph = made[0].network.graph
    x = np.random.default_rng(seed).integers(0, graph.input.hi + 1, (1, *graph.input.shape))
    logits = reference.run(graph, x)[0]
    for program in made:
        engine = Interpreter(program)
        for position, token in enumerate(x.reshape(-1)):
            step = engine.step(int(token), position)
            where = f"{program.sizes.pe} x {program.sizes.simd}, token {position}"
            assert np.array_equal(step.logits, logits[position]), where
            assert step.token == logits[position].argmax(), where
