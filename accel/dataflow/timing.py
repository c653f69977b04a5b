"""Cycle-exact timing of a network of actors that wait only for beats and for places.

Every unit starts work at most once per cycle and then never stops, so a firing happens at

    t(k) = max(t(k − 1) + interval,  head beats present,  a place free in every output that is taken)

which is evaluated here without data. `hls.rtl` builds the same network in SystemVerilog; a test holds the predicted
cycle of every output beat against the simulated one.

The firings that use an edge are the events of an actor. Those that follow each other at the same distance and do the
same are one step of its program (`accel.dataflow.program`), however many they are. The evaluation takes as many events
of a step at once as its edges allow. It is compiled (`timing.cpp`) where there is a C++ compiler, and goes event by
event in Python where there is none.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from accel import codecache, tools
from accel.dataflow.program import LEFT, SHOWN, WRITTEN, program
from accel.errors import AccelError, ToolError
from accel.hardware import Actor

VISIBLE = 2
"""Cycles from writing a beat into a buffer until its reader sees it (memory, output register)."""
SOURCE, LIBRARY = Path(__file__).with_suffix(".cpp"), "timing.so"
FLAGS = ("-std=c++17", "-O3", "-shared", "-fPIC")


class DeadlockError(AccelError):
    """Actors wait for each other for ever; the text names them."""


@dataclass(frozen=True)
class Process:
    """An actor with its edges by index: one per input; for every output, all that carry it, `late` cycles later."""

    name: str
    actor: Actor
    inputs: tuple[int, ...]
    outputs: tuple[tuple[int, ...], ...]
    late: tuple[int, ...]


class Network:
    """Processes between edges, as arrays of integers; the first edges come from outside.

    A process does the steps from `firsts` on in turn, `events` of them per sequence: `counts` of the same of the
    `kinds`, `gaps` cycles apart at least. The uses of each kind of event begin at `starts` in `used` and `latencies`,
    those of every sort behind the ones before it; `moves` is 1 where a beat is needed that leaves with the event.
    `beats` are those of an edge per sequence.
    """

    def __init__(self, edges: Sequence[str], processes: Sequence[Process]) -> None:
        self.edges, self.processes = edges, processes
        programs = [program(process.actor) for process in processes]
        self.firsts = np.cumsum([0, *(len(made.counts) for made in programs)])
        self.gaps, self.counts = (np.concatenate(parts) for parts in zip(*(made[:2] for made in programs), strict=True))
        offsets = np.cumsum([0, *(len(made.uses) for made in programs)]).tolist()
        self.kinds = np.concatenate([made.kinds + offset for made, offset in zip(programs, offsets, strict=False)])
        self.events = np.array([made.events for made in programs])
        self.beats = np.zeros(len(edges), dtype=np.int64)
        starts, uses = [0], []
        for process, made in zip(processes, programs, strict=True):
            for output, among in zip(process.actor.outputs, process.outputs, strict=True):
                self.beats[list(among)] = output.done.number(process.actor.firings)
            for kind in made.uses:
                for sort, ports in enumerate(kind):
                    uses += [use for port in ports for use in _uses(process, sort, port, moves=port in kind[LEFT])]
                    starts.append(len(uses))
        self.starts = np.array(starts)
        self.used, self.latencies, self.moves = np.array(uses, dtype=np.int64).reshape(-1, 3).T.copy()


def _uses(process: Process, sort: int, port: int, *, moves: bool) -> list[tuple[int, int, int]]:
    """The edges of a port, each with a latency and whether its beat leaves."""
    if sort in (SHOWN, LEFT):
        return [(process.inputs[port], 0, int(moves))]
    latency = process.actor.outputs[port].latency + process.late[port] if sort == WRITTEN else 0
    return [(edge, latency, 0) for edge in process.outputs[port]]


class Run:
    """A network run for a number of sequences.

    `released` are the cycles in which the first sequence's beats are written to the edges from outside, one array for
    each; those of the next ones come `period` cycles later each. `depths` are the places of every edge, negative
    without a limit. After `run`, `first_reads` and `last_writes` (edges, sequences) are cycles of processes, `given`
    the cycles in which the beats of each of the edges `results` were read, and `most` the places of every edge that
    were taken at once.

    With `most` nothing else is asked for.
    """

    def __init__(
        self,
        network: Network,
        depths: np.ndarray,
        sequences: int,
        released: Sequence[np.ndarray],
        period: int = 0,
        *,
        results: Sequence[int] = (),
        most: bool = False,
    ) -> None:
        self.network, self.depths, self.sequences, self.results = network, depths, sequences, results
        self.released, self.period, self.all = released, period, most
        self.beats = network.beats.copy()
        self.beats[: len(released)] = [*map(len, released)]
        edges = len(network.edges)
        self.next, self.left = network.firsts[:-1].copy(), np.zeros_like(network.events)
        self.first_reads, self.last_writes = (np.zeros((edges, sequences), dtype=np.int64) for _ in range(2))
        self.given = [np.zeros(0 if most else self.beats[edge] * sequences, dtype=np.int64) for edge in results]
        self.most = np.zeros(edges, dtype=np.int64)
        self.places = np.zeros((edges, 4), dtype=np.int64)  # written, read; taken, freed

    def run(self) -> Run:
        """Evaluate all sequences. Raises DeadlockError, naming who waits for what."""
        if not (_compiled() or evaluate)(self):
            stuck = np.flatnonzero(self.left)[:8].tolist()
            raise DeadlockError("; ".join(self._waiting(number) for number in stuck))
        return self

    def _waiting(self, number: int) -> str:
        kind = 4 * self.network.kinds[self.next[number]]
        shown, placed, left = self.network.starts[kind : kind + 3].tolist()
        names, used = self.network.edges, self.network.used
        empty = [names[i] for i in used[shown:placed] if self.places[i, 1] >= self.places[i, 0]]
        full = [i for i in used[placed:left] if 0 <= self.depths[i] <= self.places[i, 2] - self.places[i, 3]]
        return f"{self.network.processes[number].name} waits for " + ", ".join(
            [f"a beat on {name}" for name in empty] + [f"a place in {names[i]} (depth {self.depths[i]})" for i in full]
        )


@cache
def _compiled() -> Callable[[Run], bool] | None:
    """`evaluate`, compiled; None without a C++ compiler."""

    def make(work: Path) -> list[Path]:
        tools.run([tools.require("g++"), *FLAGS, str(SOURCE), "-o", LIBRARY], work, work / "compile.log")
        return [work / LIBRARY]

    try:
        place = codecache.entry([*codecache.compiler(), *FLAGS, SOURCE.read_bytes()], make)
    except ToolError:
        return None
    function = ctypes.CDLL(str(place / LIBRARY)).run

    def evaluated(run: Run) -> bool:
        network = run.network
        sizes = (len(network.events), len(network.edges), run.sequences, run.period, len(run.released),
                 len(run.results), run.all)  # fmt: skip
        released, given = np.concatenate(run.released), np.concatenate([*run.given, np.zeros(0, dtype=np.int64)])
        arrays = [
            network.firsts, network.gaps, network.counts, network.kinds, network.events, network.starts, network.used,
            network.latencies, network.moves, run.depths, run.beats, released, run.next, run.left, run.first_reads,
            run.last_writes, given, run.most, run.places, np.array(run.results, dtype=np.int64),
        ]  # fmt: skip
        assert all(array.dtype == np.int64 and array.flags.c_contiguous for array in arrays)
        pointers = (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))
        done = bool(function((ctypes.c_longlong * len(sizes))(*map(int, sizes)), pointers))
        ends = np.cumsum([0, *map(len, run.given)]).tolist()
        run.given = [given[start:end] for start, end in pairwise(ends)]
        return done

    return evaluated


def evaluate(run: Run) -> bool:
    """Evaluate all sequences event by event: the definition of `timing.cpp`. False where processes wait for ever."""
    machine = _Machine(run)
    for sequence in range(run.sequences):
        if not machine.advance(sequence):
            break
    else:
        machine.report()
    run.places[:] = np.array([list(map(len, machine.times(edge))) for edge in range(len(run.network.edges))])
    return not run.left.any()


class _Machine:
    """The times of all beats, edge by edge: `writes`, `reads` and `takes` since the start."""

    def __init__(self, run: Run) -> None:
        self.run, self.network = run, run.network
        count = len(run.network.edges)
        self.writes: list[list[int]] = [[] for _ in range(count)]
        self.reads: list[list[int]] = [[] for _ in range(count)]
        self.takes: list[list[int]] = [[] for _ in range(count)]
        self.now, self.done = [-1] * len(run.left), [0] * len(run.left)

    def times(self, edge: int) -> tuple[list[int], ...]:
        return self.writes[edge], self.reads[edge], self.takes[edge], self.reads[edge]

    def advance(self, sequence: int) -> bool:
        """One sequence of every process; False where one is left."""
        run = self.run
        run.left[:] = self.network.events
        for edge, released in enumerate(run.released):
            self.writes[edge] += (released + sequence * run.period).tolist()
        moved = True
        while moved:
            moved = False
            for process in np.flatnonzero(run.left).tolist():
                while run.left[process] and self._fire(process):
                    moved = True
        return not run.left.any()

    def _fire(self, process: int) -> bool:
        """The next event of a process; False where it waits."""
        network, step = self.network, int(self.run.next[process])
        kind = 4 * network.kinds[step]
        shown, placed, left, written, end = network.starts[kind : kind + 5].tolist()
        used, gap = network.used.tolist(), int(network.gaps[step])
        waits = [self._visible(edge) for edge in used[shown:placed]] + [self._free(edge) for edge in used[placed:left]]
        if None in waits:
            return False
        own = 0 if self.now[process] < 0 else self.now[process] + gap
        time = max([own, *(wait for wait in waits if wait is not None)])
        for use in range(placed, end):
            times = (self.takes if use < left else self.reads if use < written else self.writes)[used[use]]
            times.append(time + int(network.latencies[use]))
        self.now[process] = time
        self.run.left[process] -= 1
        self.done[process] += 1
        if self.done[process] == network.counts[step]:
            after, (first, last) = step + 1, network.firsts[process : process + 2]
            self.done[process], self.run.next[process] = 0, after if after < last else first
        return True

    def _visible(self, edge: int) -> int | None:
        """First cycle in which the next unread beat is at the head, if it is known yet."""
        writes, reads = self.writes[edge], self.reads[edge]
        if len(reads) >= len(writes):
            return None
        arrived = writes[len(reads)] + VISIBLE
        return max(arrived, reads[-1] + 1) if reads else arrived

    def _free(self, edge: int) -> int | None:
        """First cycle in which one more place can be taken, if it is known yet."""
        index = len(self.takes[edge]) - int(self.run.depths[edge])
        if self.run.depths[edge] < 0 or index < 0:
            return 0
        return self.reads[edge][index] + 1 if index < len(self.reads[edge]) else None

    def report(self) -> None:
        """Fill in what a run gives."""
        run = self.run
        if not run.all:
            run.given = [np.array(self.reads[edge]) for edge in run.results]
        for edge in range(len(self.network.edges)):
            writes, reads, takes = (np.array(times[edge]) for times in (self.writes, self.reads, self.takes))
            if len(reads):
                run.first_reads[edge] = reads.reshape(run.sequences, -1)[:, 0]
                run.last_writes[edge] = 0 if edge < len(run.released) else writes.reshape(run.sequences, -1)[:, -1]
            gone = np.searchsorted(reads, takes, side="left")
            run.most[edge] = (np.arange(1, len(takes) + 1) - gone).max(initial=0)
