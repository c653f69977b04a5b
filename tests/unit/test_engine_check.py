"""Levels of a decode engine: all make the same logits, and a planted fault is found where it was planted."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import engine_graphs
import numpy as np
import pytest

from accel.engine.isa import EngineProgram, Epilogue, Opcode
from accel.engine.match import match
from accel.engine.program import build
from accel.errors import UserError
from accel.verbs.engine import levels
from accel.verification.steps import StepLevel, StepOutcome, TokenSteps, verify_steps

SIZES = ((16, 16), (8, 16), (4, 16), (4, 4), (2, 8), (2, 2))


@cache
def program(seed: int) -> EngineProgram:
    """A random graph for the first size that suits it."""
    macros = match(engine_graphs.drawn(seed))
    for pe, simd in SIZES[seed % 2 :]:
        try:
            return build(macros, pe, simd)
        except UserError:
            continue
    raise AssertionError("no size suits this graph")


def sequence(made: EngineProgram, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, made.sizes.vocabulary, made.sizes.context)


def outcomes(made: EngineProgram, changed: EngineProgram) -> list[StepOutcome]:
    graph = made.network.graph
    every = [levels.whole(graph), levels.decoded(graph), levels.interpreted(changed)]
    return list(verify_steps(every, sequence(made)))


@pytest.mark.parametrize("seed", range(12))
def test_every_result_of_every_instruction_is_the_graphs(seed: int) -> None:
    made = program(seed)
    assert not any(outcome.mismatches for outcome in outcomes(made, made))
    results = levels.interpreted(made)
    assert results.locate
    assert results.locate(sequence(made)) is None


def _instruction(
    made: EngineProgram, op: Opcode, epilogue: Epilogue | None, **fields: Any
) -> tuple[EngineProgram, int]:
    """A program with other fields in the last instruction of a kind, and its number."""
    each = made.instructions
    number = max(n for n, i in enumerate(each) if i.op is op and epilogue in (None, i.epilogue))
    changed = replace(each[number], **fields)
    return replace(made, instructions=(*each[:number], changed, *each[number + 1 :])), number


@pytest.mark.parametrize("seed", [0, 1, 2, 7])
@pytest.mark.parametrize(
    ("op", "epilogue"),
    [
        (Opcode.LOAD, None), (Opcode.NORM, None), (Opcode.SCORE, None), (Opcode.VALUE, None),
        *((Opcode.MATRIX, to) for to in (Epilogue.QUERY, Epilogue.KEY, Epilogue.VALUE, Epilogue.RESIDUAL)),
    ],
)  # fmt: skip
def test_a_wrong_rounding_is_named_by_its_instruction(seed: int, op: Opcode, epilogue: Epilogue | None) -> None:
    made = program(seed)
    shift = next(i.shift for i in reversed(made.instructions) if i.op is op and epilogue in (None, i.epilogue))
    changed, number = _instruction(made, op, epilogue, shift=shift + 2)
    *right, found = outcomes(made, changed)
    assert not any(outcome.mismatches for outcome in right)
    i = made.instructions[number]
    assert found.difference
    assert f", layer {i.layer}, instruction {number} ({op.name} {i.edges[-1]!r}), channel " in found.difference
    assert found.difference.startswith("program: token ")
    assert f" ({found.mismatches} of {made.sizes.context} tokens differ)" in found.difference


def test_a_wrong_weight_is_named_by_its_row() -> None:
    made = program(0)
    weights = made.tape.weights.copy()
    row = next(row for row in range(made.sizes.pe) if weights[-1, row].any())
    weights[-1, row] *= -1
    found = outcomes(made, replace(made, tape=replace(made.tape, weights=weights)))[-1]
    assert found.difference
    last = [i for i in made.instructions if i.op is Opcode.MATRIX][-1]
    assert f"(MATRIX {last.edges[-1]!r}), channel {(last.rows - 1) * made.sizes.pe + row}: expected" in found.difference


def test_levels_without_logits_are_compared_by_the_tokens_that_follow() -> None:
    good = TokenSteps(np.array([3, 1, 2]), np.eye(4, dtype=np.int64)[[3, 1, 2]])
    bad = TokenSteps(np.array([3, 1, 0]))
    near = TokenSteps(good.chosen, good.logits + np.array([[0, 0, 0, 0], [0, 0, 0, 0], [-1, 0, 0, 0]]))  # type: ignore[operator]
    made = [StepLevel(f"{n}", lambda x, steps=steps: steps) for n, steps in enumerate((bad, good, near, bad))]  # type: ignore[misc]
    found = [(o.mismatches, o.difference) for o in verify_steps(made, np.array([0, 1, 2]))]
    assert found == [
        (0, None),
        (1, "1: token 2: expected 0 to follow, got 2 (1 of 3 tokens differ)"),
        (1, "2: token 2, logit 0: expected 0, got -1 (1 of 3 tokens differ)"),
        (1, "3: token 2: expected 2 to follow, got 0 (1 of 3 tokens differ)"),
    ]
