"""Every implementation of a decode engine as a level that `accel.verification.steps.verify_steps` can run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from accel import reference
from accel.arrays import single
from accel.engine import edges
from accel.engine.interpreter import Interpreter
from accel.verification.steps import StepLevel, TokenSteps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from accel.engine.isa import EngineProgram
    from accel.graph import Graph


def whole(graph: Graph, device: str = "cpu") -> StepLevel:
    """The graph of all tokens at once."""

    def run(sequence: np.ndarray) -> TokenSteps:
        x = np.zeros((1, *graph.input.shape), np.int64)  # causal: what comes behind changes nothing
        x[0, : len(sequence), 0] = sequence
        return _steps(single(reference.run(graph, x, device=device))[0, : len(sequence)])

    return StepLevel("reference", run)


def decoded(graph: Graph, device: str = "cpu") -> StepLevel:
    """The graph row by row, each token for itself."""

    def run(sequence: np.ndarray) -> TokenSteps:
        decoder = reference.decode(graph, device=device)
        rows = [single(decoder.append(np.array([[[token]]])))[0] for token in sequence]
        return _steps(np.concatenate(rows))

    return StepLevel("decode", run)


def interpreted(program: EngineProgram) -> StepLevel:
    """The instructions as `accel.engine.interpreter` defines them."""

    def run(sequence: np.ndarray) -> TokenSteps:
        engine = Interpreter(program)
        steps = [engine.step(int(token), position) for position, token in enumerate(sequence)]
        return TokenSteps(np.array([step.token for step in steps]), np.stack([step.logits for step in steps]))

    def locate(sequence: np.ndarray) -> str | None:
        engine = Interpreter(program)
        results = [engine.step(int(token), position, trace=True).results for position, token in enumerate(sequence)]
        return first_fault(program, sequence, results)

    return StepLevel("program", run, locate)


def first_fault(program: EngineProgram, sequence: np.ndarray, results: list[dict[int, np.ndarray]]) -> str | None:
    """The first result of any token that is not the graph's, in words; None where all that was recorded is right."""
    decoder = reference.decode(program.network.graph)
    for position, token in enumerate(sequence):
        rows: Mapping[str, np.ndarray] = decoder.trace(np.array([[[token]]]))
        row = {name: values[0, 0] for name, values in rows.items()}
        if found := edges.first_difference(program, position, row, results[position]):
            return f"token {position}, {found}"
    return None


def _steps(logits: np.ndarray) -> TokenSteps:
    """All logits, and the largest of each token, the first one of equals."""
    return TokenSteps(logits.argmax(1), logits)
