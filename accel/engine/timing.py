"""When instructions of the engine may issue, and how many cycles a token takes: exact, for a tape that never waits.

program = gaps(build(network, 16, 16)); cycles(program, position)

Every memory has, for each of its words, the first cycle in which it may be read. An instruction begins as soon as all
of its beats find what they read: that is its gap, the largest one of all positions. A late beat is never too late for
what follows, so the gaps hold as well for a tape that makes beats wait.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from accel.engine import latency
from accel.engine.delays import Delays, delays_of
from accel.engine.isa import EngineProgram, Epilogue, Instruction, MultiplierSource, Opcode, Sizes
from accel.engine.sampling import WARM_UP

LONG_AGO = -(1 << 40)


def gaps(program: EngineProgram) -> EngineProgram:
    """The program with the least gaps that are right at every position."""
    sizes, delays, found = program.sizes, delays_of(program), list[Instruction]()
    clocks = [_Clock(sizes, delays, position) for position in range(0, sizes.context, sizes.pe)]  # of all key blocks
    for instruction in program.instructions:
        made = replace(instruction, gap=max(clock.gap(instruction) for clock in clocks))
        for clock in clocks:
            clock.issue(made)
        found.append(made)
    return replace(program, instructions=tuple(found))


def cycles(program: EngineProgram, position: int) -> int:
    """Cycles of a token at a position: from the one in which its LOAD may issue to that of the next token's."""
    return sum(each.gap - 1 + beats(each, program.sizes, position) for each in program.instructions)


def beats(instruction: Instruction, sizes: Sizes, position: int) -> int:
    """Cycles in which an instruction issues."""
    groups, key_blocks = sizes.kv_heads // sizes.side, position // sizes.pe + 1
    words = position // sizes.simd + 1
    match instruction.op:
        case Opcode.LOAD | Opcode.NORM:
            return sizes.width // sizes.pe
        case Opcode.BLOCK:
            return instruction.rows
        case Opcode.MATRIX:
            return instruction.rows * instruction.words * instruction.planes
        case Opcode.SCORE:
            return groups * key_blocks * sizes.queries * sizes.head_words * max(sizes.key_planes, sizes.side)
        case Opcode.SOFT | Opcode.SHARE:
            return sizes.heads * words * (sizes.simd // sizes.pe)
        case Opcode.VALUE:
            return sizes.heads // sizes.banks * sizes.head_blocks * words * sizes.value_planes
    return 1


class _Clock:
    """The first cycles in which beats may read what was written, for a token at a position."""

    def __init__(self, sizes: Sizes, delays: Delays, position: int) -> None:
        self.sizes, self.delays, self.position = sizes, delays, position
        self.last = -1  # issue
        self.ratio = sizes.simd // sizes.pe
        self.vectors = np.full(sizes.words * self.ratio, LONG_AGO)
        self.stream = np.full(sizes.width // sizes.pe, LONG_AGO)
        self.held = np.full(sizes.held_blocks, LONG_AGO)
        self.root = self.rounding = self.port = self.noise = self.token = self.operands = self.exponent = LONG_AGO
        self.keys = np.full(-(-sizes.kv_heads * sizes.head_size // sizes.simd) * self.ratio, LONG_AGO)
        self.values = np.full(-(-sizes.kv_heads * sizes.head_size // sizes.pe), LONG_AGO)
        self.scores = np.full((sizes.heads, self.key_blocks), LONG_AGO)
        self.largest = np.full(sizes.heads, LONG_AGO)
        self.shares = np.full((sizes.heads, self.share_blocks), LONG_AGO)
        self.factors = np.full(sizes.heads, LONG_AGO)

    @cached_property
    def key_blocks(self) -> int:
        return self.position // self.sizes.pe + 1

    @cached_property
    def words(self) -> int:
        return self.position // self.sizes.simd + 1

    @cached_property
    def share_blocks(self) -> int:
        return self.words * self.ratio

    # ---- what an instruction waits for

    def gap(self, i: Instruction) -> int:
        """The least gap of the next instruction."""
        return max(1, *(_late(ready, at) - self.last for ready, at in self._reads(i)))

    def _reads(self, i: Instruction) -> list[tuple[np.ndarray, np.ndarray]]:
        """Pairs (first cycles in which words may be read, cycles behind the beginning in which they are)."""
        early = self.delays.early
        match i.op:
            case Opcode.LOAD:
                return [self._one(self.rounding, early)]
            case Opcode.NORM:
                blocks = np.arange(len(self.stream))
                port = self._one(self.port, self.delays.early + 2)
                return [(self.stream, blocks), self._one(self.root, early - 1), self._one(self.rounding, early), port]
            case Opcode.BLOCK:
                held, port = self.held[: i.rows], self._one(self.port, early + 2)
                rest = [self._one(self.exponent, early - 1), self._one(self.rounding, early), port]
                return [(held, np.arange(i.rows)), *rest]
            case Opcode.MATRIX:
                return self._matrix_reads(i)
            case Opcode.SCORE:
                return self._score_reads(i)
            case Opcode.SOFT:
                first = np.arange(self.sizes.heads) * self.share_blocks
                at = first[:, None] + np.arange(self.key_blocks)
                return [(self.scores, at), (self.largest, first + 1)]
            case Opcode.SHARE:
                at = np.arange(self.shares.size).reshape(self.shares.shape)
                return [(self.shares, at), (self.factors, at[:, 0] + early - 1), self._one(self.rounding, early)]
            case Opcode.VALUE:
                return self._value_reads(i)
        return [self._one(self.token, 0)]

    @staticmethod
    def _one(ready: int, at: int) -> tuple[np.ndarray, np.ndarray]:
        return np.array(ready), np.array(at)

    def _matrix_reads(self, i: Instruction) -> list[tuple[np.ndarray, np.ndarray]]:
        words = np.arange(i.words)
        blocks = self.vectors[i.source * self.ratio :][: i.words * self.ratio].reshape(i.words, self.ratio)
        each, found = i.words * i.planes, [(blocks.max(1), words * i.planes), self._one(self.operands, 0)]
        if i.epilogue is Epilogue.RESIDUAL:
            rows = np.arange(i.rows) * each
            at = rows + self.delays.sums - 2 if i.aligned else rows + each - 1 + self.delays.result - 1
            found.append((self.stream, at))
        if i.epilogue in (Epilogue.VECTOR, Epilogue.QUERY, Epilogue.GATE):
            found.append(self._one(self.port, each - 1 + self._written(i) - 1))
        if i.epilogue is Epilogue.LOGITS:
            found.append(self._one(self.noise, each - 1 + self.delays.sums))
        return found

    def _score_steps(self) -> np.ndarray:
        """The first beat of every step (kv group, key block, query)."""
        sizes = self.sizes
        shape = sizes.kv_heads // sizes.side, self.key_blocks, sizes.queries
        return np.arange(np.prod(shape)).reshape(shape) * sizes.head_words * self._score_beats

    @property
    def _score_beats(self) -> int:
        return max(self.sizes.key_planes, self.sizes.side)

    def _score_reads(self, i: Instruction) -> list[tuple[np.ndarray, np.ndarray]]:
        sizes, steps = self.sizes, self._score_steps()
        word = np.arange(sizes.head_words) * self._score_beats
        count = steps.shape[0] * sizes.queries * sizes.head_words
        queries = self.vectors[i.source * self.ratio :][: count * self.ratio].reshape(count, self.ratio).max(1)
        keys = self.keys.reshape(-1, self.ratio).max(1)
        asked = (steps[:, 0, :, None] + word).ravel()
        return [(queries, asked), (keys, (steps[:, -1, 0, None] + word).ravel())]

    def _value_steps(self) -> np.ndarray:
        """The first beat of every result (kv group, query, channel block)."""
        sizes = self.sizes
        shape = sizes.kv_heads // sizes.banks, sizes.queries, sizes.head_blocks
        return np.arange(np.prod(shape)).reshape(shape) * self.words * sizes.value_planes

    def _value_reads(self, i: Instruction) -> list[tuple[np.ndarray, np.ndarray]]:
        sizes, steps = self.sizes, self._value_steps()
        word = np.arange(self.words) * sizes.value_planes
        shares = self._by_bank(self.shares.reshape(-1, self.words, self.ratio).max(2))
        values = self.values.reshape(steps.shape[0], sizes.head_blocks, -1).max(2)
        found = [(shares, steps[:, :, 0, None] + word), (values, steps[:, 0, :] + word[-1])]
        if i.factor is MultiplierSource.HEAD:
            # multipliers are chosen a cycle before the sums
            last = self.words * sizes.value_planes - 1 + self.delays.sums + self.delays.cache - 1
            found.append((self._by_bank(self.factors), steps[:, :, 0] + last))
        return found

    def _by_bank(self, ready: np.ndarray) -> np.ndarray:
        """Cycles of every head → those of all heads whose blocks lie side by side: (kv group, query, …)."""
        sizes = self.sizes
        found: np.ndarray = ready.reshape(-1, sizes.banks, sizes.queries, *ready.shape[1:]).max(1)
        return found

    # ---- what an instruction leaves

    def _written(self, i: Instruction) -> int:
        """Cycles from the last beat of a vector's block to the first one that may read it."""
        late = 0
        if i.epilogue is Epilogue.GATE or i.looked_up:
            late = self.delays.gate
        elif i.epilogue in (Epilogue.QUERY, Epilogue.KEY):
            late = self.delays.rotary
        return self.delays.result + late + 1

    def issue(self, i: Instruction) -> None:
        """Record the cycles of everything that the next instruction writes, which has its gap."""
        start = self.last + i.gap
        self.last = start + beats(i, self.sizes, self.position) - 1
        match i.op:
            case Opcode.LOAD | Opcode.NORM | Opcode.BLOCK:
                self._issue_blocks(i, start)
            case Opcode.MATRIX:
                self._issue_matrix(i, start)
            case Opcode.SCORE:
                self._issue_score(start)
            case Opcode.SOFT:
                first = start + np.arange(self.sizes.heads) * self.share_blocks
                self.shares[:] = first[:, None] + np.arange(self.share_blocks) + self.delays.shares + 2
                self.factors[:] = first + self.share_blocks - 1 + self.delays.factor + 2
            case Opcode.SHARE:
                self.shares[:] = start + np.arange(self.shares.size).reshape(self.shares.shape) + self.delays.early + 3
                self.rounding = start + self.shares.size + self.delays.early
            case Opcode.VALUE:
                ends = start + self._value_steps().ravel() + self.words * self.sizes.value_planes - 1
                self.operands = int(ends[-1]) + self.delays.cache + 1
                self._vector(i, ends + self.delays.cache + self.delays.result + 1)
                self.rounding = int(ends[-1]) + self.delays.cache + self.delays.sums + 1

    def _issue_blocks(self, i: Instruction, start: int) -> None:
        at = start + np.arange(beats(i, self.sizes, self.position))
        done = at + (self.delays.early + 2)
        if i.op is Opcode.LOAD and not self.delays.load_rounded:
            done = at + 1
        self.rounding = int(at[-1]) + 1 + self.delays.early
        if i.op is Opcode.LOAD:
            self.noise = int(at[-1]) + 1 + WARM_UP
        if i.op is Opcode.LOAD or i.epilogue is Epilogue.RESIDUAL:
            self._stream(i, done)
        else:
            self._vector(i, done + 1)

    def _stream(self, i: Instruction, done: np.ndarray) -> None:
        """Blocks of the residual stream that come at these cycles."""
        self.stream[:] = done + 2
        if i.copied:
            self._write(i.target, done + 2)
        self.root = int(done[-1]) + self.delays.squares + self.delays.root

    def _vector(self, i: Instruction, ready: np.ndarray) -> None:
        """Blocks of a vector that may be read from these cycles on."""
        if i.held:
            self.held[: len(ready)] = ready
            self.exponent = int(ready[-1]) + latency.EXPONENT
        else:
            self._write(i.target, ready)

    def _write(self, target: int, ready: np.ndarray) -> None:
        self.vectors[target : target + len(ready)] = ready
        self.port = int(ready[-1])

    def _issue_matrix(self, i: Instruction, start: int) -> None:
        each = i.words * i.planes
        ends = start + (np.arange(i.rows) + 1) * each - 1
        self.rounding = int(ends[-1]) + self.delays.sums + 1
        ready = ends + self._written(i)
        match i.epilogue:
            case Epilogue.VECTOR | Epilogue.QUERY:
                self._vector(i, ready)
            case Epilogue.GATE:
                self._vector(i, ready[1::2])
            case Epilogue.RESIDUAL:
                self._stream(i, ends + self.delays.result)
            case Epilogue.KEY:
                self.keys[: i.rows] = ready
            case Epilogue.VALUE:
                self.values[: i.rows] = ready
            case Epilogue.LOGITS:
                self.token = int(ends[-1]) + self.delays.sums + self.delays.token

    def _issue_score(self, start: int) -> None:
        sizes = self.sizes
        ends = start + self._score_steps() + (sizes.head_words - 1) * self._score_beats + sizes.key_planes - 1
        side = np.arange(sizes.side)
        done = ends.transpose(0, 2, 1)[:, None] + side[:, None, None] + self.delays.cache + self.delays.result
        self.operands = start + self._score_steps().size * sizes.head_words * self._score_beats + self.delays.cache
        self.scores[:] = done.reshape(self.scores.shape) + 1
        self.largest[:] = self.scores[:, -1] - 1 + self.delays.largest
        self.rounding = int(ends.max()) + sizes.side + self.delays.cache + self.delays.sums


def _late(ready: np.ndarray, at: np.ndarray) -> int:
    """The first beginning for which nothing is read too early."""
    return int((ready - at).max())
