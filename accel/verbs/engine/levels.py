"""Every implementation of a decode engine as a level that `accel.verification.steps.verify_steps` can run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from accel import reference
from accel.arrays import single
from accel.engine import edges
from accel.engine.interpreter import Interpreter
from accel.engine.isa import Epilogue, Opcode
from accel.errors import MismatchError
from accel.verification.steps import StepLevel, TokenSteps

if TYPE_CHECKING:
    from accel.design import Design
    from accel.engine.isa import EngineProgram
    from accel.graph import Graph
    from boards.board import Board
    from hls.engine.simulate import Tokens

Choose = Callable[[np.ndarray], np.ndarray]
"""Logits (tokens, vocabulary) → the tokens that follow."""

NETLIST_LIMIT = 4
"""Tokens: gates run at some 20,000 cycles a second."""


def likeliest(logits: np.ndarray) -> np.ndarray:
    """The largest logit of each token, the first one of equals."""
    return logits.argmax(1)


def drawn(program: EngineProgram, seed: int) -> Choose:
    """The choices of a program behind a sequence that begins at position 0, with noise of a seed if it has some."""

    def choose(logits: np.ndarray) -> np.ndarray:
        return np.array([program.choose(row, position, seed) for position, row in enumerate(logits)])

    return choose


def whole(graph: Graph, device: str = "cpu", choose: Choose = likeliest) -> StepLevel:
    """The graph of all tokens at once."""

    def run(sequence: np.ndarray) -> TokenSteps:
        x = np.zeros((1, *graph.input.shape), np.int64)  # causal: what comes behind changes nothing
        x[0, : len(sequence), 0] = sequence
        logits = single(reference.run(graph, x, device=device))[0, : len(sequence)]
        return TokenSteps(choose(logits), logits)

    return StepLevel("reference", run)


def decoded(graph: Graph, device: str = "cpu", choose: Choose = likeliest) -> StepLevel:
    """The graph row by row, each token for itself."""

    def run(sequence: np.ndarray) -> TokenSteps:
        decoder = reference.decode(graph, device=device)
        rows = [single(decoder.append(np.array([[[token]]])))[0] for token in sequence]
        logits = np.concatenate(rows)
        return TokenSteps(choose(logits), logits)

    return StepLevel("decode", run)


def interpreted(program: EngineProgram, seed: int = 0) -> StepLevel:
    """The instructions as `accel.engine.interpreter` defines them."""

    def run(sequence: np.ndarray) -> TokenSteps:
        engine, drawn = Interpreter(program), seed if program.noise else 0
        steps = [engine.step(int(token), position, drawn) for position, token in enumerate(sequence)]
        return TokenSteps(np.array([step.token for step in steps]), np.stack([step.logits for step in steps]))

    def locate(sequence: np.ndarray) -> str | None:
        engine = Interpreter(program)
        results = [engine.step(int(token), position, trace=True).results for position, token in enumerate(sequence)]
        return first_fault(program, sequence, results)

    return StepLevel("program", run, locate)


def simulated(program: EngineProgram, *, dsp: int | None = None, stall: float = 0.0, seed: int = 0) -> StepLevel:
    """The design for a device with `dsp` hard multipliers in Verilator.

    `stall` is the probability that the tape has no word in a cycle, and `seed` that of the pauses, and of the tokens
    that are drawn.

    Without pauses every token takes the predicted cycles. Raises MismatchError where one does not.
    """
    from hls.engine import emit

    design = emit.design(program, dsp=dsp)

    def run(sequence: np.ndarray) -> TokenSteps:
        found = _answers(design, sequence, trace=True, starved=stall, seed=seed)
        if not stall:
            _require_cycles(program, found.cycles[:, 0])
        logits = np.stack([_logits(program, results) for results in found.results])
        return TokenSteps(found.tokens[:, 0], logits)

    def locate(sequence: np.ndarray) -> str | None:
        found = _answers(design, sequence, trace=True, starved=stall, seed=seed)
        return first_fault(program, sequence, found.results)

    return StepLevel("rtl_stalled" if stall else "rtl", run, locate)


def netlist(design: Design, target: str, seed: int = 0) -> StepLevel:
    """The netlist that yosys makes of a design for `target`, on cell models: tokens in the cycles of the design.

    Raises MismatchError when a token takes other cycles, UserError for a target without cell models.
    """

    def run(sequence: np.ndarray) -> TokenSteps:
        from hls.synthesis import gates

        expected, got = (_answers(one, sequence, seed=seed) for one in (design, gates.synthesize(design, target)))
        late = np.flatnonzero((expected.cycles != got.cycles).any(1))
        if late.size:
            right, found = expected.cycles[late[0], 0], got.cycles[late[0], 0]
            raise MismatchError(f"netlist: token {late[0]} takes {found} cycles, not {right}")
        return _told(design, got.tokens)

    return StepLevel("netlist", run, limit=NETLIST_LIMIT)


def board(design: Design, target: Board, seed: int = 0) -> StepLevel:
    """The board's top level in Verilator, behind its serial port; all logits leave it, or the tokens that follow."""

    def run(sequence: np.ndarray) -> TokenSteps:
        import boards

        answers = boards.simulate(design, target, _requests(design, sequence, seed)[:, None])
        return _told(design, answers.reshape(len(sequence), -1))

    return StepLevel("board", run)


def _told(design: Design, answers: np.ndarray) -> TokenSteps:
    """Steps of a design whose answers are all logits, or tokens."""
    from boards.generating import tells_logits

    return TokenSteps(likeliest(answers), answers) if tells_logits(design) else TokenSteps(answers[:, 0])


def first_fault(program: EngineProgram, sequence: np.ndarray, results: list[dict[int, np.ndarray]]) -> str | None:
    """The first result of any token that is not the graph's, in words; None where all that was recorded is right."""
    decoder = reference.decode(program.network.graph)
    for position, token in enumerate(sequence):
        rows: Mapping[str, np.ndarray] = decoder.trace(np.array([[[token]]]))
        row = {name: values[0, 0] for name, values in rows.items()}
        if found := edges.first_difference(program, position, row, results[position]):
            return f"token {position}, {found}"
    return None


def _answers(
    design: Design, sequence: np.ndarray, *, trace: bool = False, starved: float = 0.0, seed: int = 0
) -> Tokens:
    from hls.engine import simulate

    requests = _requests(design, sequence, seed).tolist()
    return simulate.run(design, requests, trace=trace, starved=starved, seed=seed)


def _requests(design: Design, sequence: np.ndarray, seed: int) -> np.ndarray:
    """Tokens with their positions, and a seed where the design draws tokens."""
    parts = sequence, np.arange(len(sequence)), np.full(len(sequence), seed)
    return np.stack(parts[: design.input.lanes], axis=1)


def _logits(program: EngineProgram, results: Mapping[int, np.ndarray]) -> np.ndarray:
    """The logits among the results of a token."""
    numbers = [n for n, i in enumerate(program.instructions) if i.op is Opcode.MATRIX and i.epilogue is Epilogue.LOGITS]
    return np.concatenate([results[number].reshape(-1) for number in numbers])[: program.sizes.vocabulary]


def _require_cycles(program: EngineProgram, measured: np.ndarray) -> None:
    from accel.engine import timing

    for position, cycles in enumerate(measured):
        if (predicted := timing.cycles(program, position)) != cycles:
            raise MismatchError(f"rtl: token {position} takes {cycles} cycles, {predicted} are predicted")
