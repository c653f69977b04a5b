"""Simulation of an engine in Verilator: requests in, tokens with their cycles out, and every result where asked for.

found = run(design, [(token, position), …]); difference(program, requests, found)
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from accel import scratch
from accel.design import Design
from accel.engine.interpreter import Interpreter
from accel.engine.isa import EngineProgram, Opcode, Sizes
from accel.files import write_atomic
from hls.engine.writes import LANE
from hls.simulation import verilator
from hls.simulation.simulate import HARNESS, SHORT_RUN, TRACE_SWITCH, SimulationError, pack, unpack

Requests = Sequence[Sequence[int]]
"""Tokens, their positions, and seeds where tokens are drawn."""
TracedResults = dict[int, np.ndarray]
"""By the number of an instruction its results, (blocks, lanes)."""


@dataclass(frozen=True)
class Tokens:
    """All that an engine answered.

    tokens: (requests, burst), or logits (requests, vocabulary). cycles: of each token, from the one in which its LOAD
    may issue to the next one's. total: cycles of the run, which took `seconds`. results: of each token, where they were
    traced.
    """

    tokens: np.ndarray
    cycles: np.ndarray
    total: int
    seconds: float
    results: list[TracedResults] = field(default_factory=list)


PAUSES = "pauses.hex"
"""What a traced tape reads: in how many of 256 cycles it has no word, and a seed above 0."""


def run(design: Design, requests: Requests, *, trace: bool = False, starved: float = 0.0, seed: int = 0) -> Tokens:
    """Simulate requests, one after the other. Raises SimulationError when the design hangs.

    `starved` is the probability that the tape has no word in a cycle, which makes it a traced run; `seed` is that of
    such pauses, and of registers without a reset.
    """
    trace = trace or starved > 0
    request, answer, latency = design.input, design.output, int(design.predicted.latency)
    with scratch.folder() as folder:
        design.write(folder)
        words = pack(np.array(requests, np.int64), request.lanes, request.width)
        write_atomic(folder / "stimulus0", words.tobytes())
        write_atomic(folder / PAUSES, f"{round(256 * starved):x} {seed + 1:x}\n")
        arguments = [len(requests), seed, 10_000 + 20 * latency, 0, int(trace), 1, 0, answer.beats, 0]
        done, seconds = _execute(design, folder, arguments, trace, latency * len(requests) <= SHORT_RUN)
        if done.returncode:
            said = f"{done.stdout.strip()} {done.stderr[-300:]}"
            raise SimulationError(f"simulation of {design.name}: exit code {done.returncode}: {said}")
        values = unpack(np.fromfile(folder / "result0", np.uint32), 1, answer.width, answer.signed)
        begun = np.fromfile(folder / "stimulus0.times", np.int64)[:, None] + 1
        values, ends = values.reshape(-1, answer.beats), np.fromfile(folder / "result0.times", np.int64)
        traced = _results(np.fromfile(folder / "trace", np.uint32)) if trace else []
        cycles = np.diff(np.hstack([begun, ends.reshape(-1, answer.beats)]))
        return Tokens(values, cycles, int(done.stdout.split()[0]), seconds, traced)


def _execute(
    design: Design, folder: Path, arguments: list[int], trace: bool, quick: bool
) -> tuple[subprocess.CompletedProcess[str], float]:
    sources = design.sources
    if trace:
        write_atomic(folder / TRACE_SWITCH[0], TRACE_SWITCH[1])
        sources = [TRACE_SWITCH[0], *sources]
    defines = ["ACCEL_INPUTS(X)=X(s)", "ACCEL_OUTPUTS(X)=X(m)"]
    executable = verilator.build(folder, sources, design.top, HARNESS, defines=defines, quick=quick)
    start = time.perf_counter()
    done = subprocess.run([executable, *map(str, arguments)], cwd=folder, capture_output=True, encoding="utf-8")
    return done, time.perf_counter() - start


def _results(words: np.ndarray) -> list[TracedResults]:
    """Records (lanes, number of the instruction, its lanes of 64 bits) → the results of every token."""
    found: list[dict[int, list[np.ndarray]]] = []
    rows, last = _records(words), -1
    for number, lanes in rows:
        if number == 0 and last != 0:
            found.append({})
        found[-1].setdefault(number, []).append(lanes)
        last = number
    return [{number: np.array(blocks) for number, blocks in token.items()} for token in found]


def _records(words: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """The numbers of instructions and the lanes behind each."""
    ids, values = words.reshape(-1, 2).T
    lanes = int(ids[0]) if len(ids) else 1
    records = values.reshape(-1, 1 + lanes * (LANE // 32))
    pairs = records[:, 1:].astype(np.uint64).reshape(len(records), lanes, 2)
    whole = (pairs[..., 0] | pairs[..., 1] << np.uint64(32)).astype(np.int64)
    return list(zip(records[:, 0].tolist(), whole, strict=True))


def _known(sizes: Sizes, position: int, blocks: int) -> np.ndarray:
    """Which lanes of scores are those of keys up to the position: the others have whatever the cache held."""
    together = sizes.queries * sizes.side
    block = np.arange(blocks) // together % (position // sizes.pe + 1)
    return block[:, None] * sizes.pe + np.arange(sizes.pe) <= position


def difference(program: EngineProgram, requests: Requests, found: Tokens) -> str:
    """The first result that is not the interpreter's: token, layer, instruction, edge and both values; "" if none."""
    interpreter = Interpreter(program)
    for number, request in enumerate(requests):
        expected, position = interpreter.step(*request, trace=True), request[1]
        for index, instruction in enumerate(program.instructions):
            want, got = expected.results[index], found.results[number].get(index)
            if not want.size:
                continue
            where = f"token {number} at position {position}, layer {instruction.layer}, instruction {index}"
            where += f" ({instruction.op.name} {instruction.epilogue.name}), edge {instruction.edges[-1]!r}"
            if got is None or got.shape != want.shape:
                return f"{where}: {0 if got is None else len(got)} blocks of {len(want)}"
            seen = _known(program.sizes, position, len(want)) if instruction.op is Opcode.SCORE else True
            if len(wrong := np.argwhere((got != want) & seen)):
                block, lane = wrong[0]
                return f"{where}, block {block}, lane {lane}: {got[block, lane]}, not {want[block, lane]}"
    return ""
