"""Cycle-exact timing of a network of actors that wait only for beats and for places.

Every unit starts work at most once per cycle and then never stops, so a firing happens at

    t(k) = max(t(k − 1) + interval,  head beats present,  a place free in every output that is taken)

which is evaluated here beat by beat, without data. `hls.rtl` builds the same network in SystemVerilog;
a test holds the predicted cycle of every output beat against the simulated one.

The evaluation is compiled (`timing.cpp`) where there is a C++ compiler, and some 100 times slower in Python where there
is none.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from accel import codecache, tools
from accel.errors import AccelError, ToolError
from accel.hardware import Actor

VISIBLE = 2
"""Cycles from writing a beat into a buffer until its reader sees it (memory, output register)."""
SHOWN, PLACED, LEFT, WRITTEN = range(4)
"""What a firing does with an edge: needs its head beat, takes a place, drops the head beat, writes a beat."""
TAKES, WRITES, READS = range(3)
SOURCE, LIBRARY = Path(__file__).with_suffix(".cpp"), "timing.so"
FLAGS = ("-std=c++17", "-O2", "-shared", "-fPIC")


class DeadlockError(AccelError):
    """Actors wait for each other for ever; the text names them."""


def _none() -> np.ndarray:
    return np.empty(0, dtype=np.int64)


@dataclass
class Edge:
    """A buffer: at most `depth` places (None: unlimited). Cycles of all beats are filled in by `run`."""

    name: str
    depth: int | None = None
    takes: np.ndarray = field(default_factory=_none)
    writes: np.ndarray = field(default_factory=_none)
    reads: np.ndarray = field(default_factory=_none)

    def most_taken(self) -> int:
        """High-water mark of places taken."""
        gone = np.searchsorted(self.reads, self.takes, side="left")
        return int((np.arange(1, len(self.takes) + 1) - gone).max(initial=0))


@dataclass
class Process:
    """An actor with its edges by index, run for a number of sequences."""

    name: str
    actor: Actor
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def run(edges: Sequence[Edge], processes: Sequence[Process], sequences: int) -> None:
    """Run every process for `sequences` sequences and fill in the times of all edges.

    Edges whose `writes` are filled already are the outside world. Raises DeadlockError, naming who waits for what.
    """
    network = Network(edges, processes, sequences)
    (_compiled() or evaluate)(network)
    if network.left.any():
        stuck = np.flatnonzero(network.left)[:8].tolist()
        raise DeadlockError("; ".join(_waiting(network, number, edges, processes) for number in stuck))
    for number, edge in enumerate(edges):
        edge.takes, edge.writes, edge.reads = (network.of(number, kind) for kind in (TAKES, WRITES, READS))


class Network:
    """Processes and edges as arrays of integers.

    A process has `left` events to come, the `next` of those that repeat with every sequence, from `firsts` on; the last
    one was `now`, negative before the first. An event comes `gaps` firings after the one before it; `starts` has where
    its uses of each kind begin in `edges` and `latencies`. `counts` of `times` are known per edge and kind of time,
    from `places` on.
    """

    def __init__(self, edges: Sequence[Edge], processes: Sequence[Process], sequences: int) -> None:
        events = [_events(process) for process in processes]
        sizes = np.array([len(gaps) for gaps, *_ in events])
        self.firsts = np.concatenate([[0], sizes.cumsum()])
        self.gaps, self.edges, self.latencies = (np.concatenate(parts) for parts in list(zip(*events, strict=True))[:3])
        counts = np.concatenate([uses for *_, uses in events])
        self.starts = np.concatenate([[0], counts.cumsum()])
        self.intervals = np.array([process.actor.interval for process in processes])
        self.depths = np.array([-1 if edge.depth is None else edge.depth for edge in edges])
        self.left, self.next = sizes * sequences, self.firsts[:-1].copy()
        self.now = np.full(len(processes), -1)
        self._prepare_times(edges, np.repeat(np.arange(len(counts)) % 4, counts), sequences)

    def _prepare_times(self, edges: Sequence[Edge], kinds: np.ndarray, sequences: int) -> None:
        room = np.zeros((len(edges), 3), dtype=np.int64)
        for time, use in ((TAKES, PLACED), (WRITES, WRITTEN), (READS, LEFT)):
            room[:, time] = np.bincount(self.edges[kinds == use], minlength=len(edges)) * sequences
        given = np.array([len(edge.writes) for edge in edges])
        room[:, WRITES] += given
        self.places = np.concatenate([[0], room.ravel().cumsum()])
        self.counts = np.zeros(3 * len(edges), dtype=np.int64)
        self.counts[WRITES::3] = given
        self.times = np.zeros(self.places[-1], dtype=np.int64)
        for number in np.flatnonzero(given).tolist():
            self.of(number, WRITES)[:] = edges[number].writes

    def of(self, edge: int, kind: int) -> np.ndarray:
        """Times of one kind that are known of an edge."""
        start = self.places[3 * edge + kind]
        return self.times[start : start + self.counts[3 * edge + kind]]


Events = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Of the firings of a sequence that use an edge: the gap before each; edges and latencies of all their uses, ordered by
event and kind; (4 · events,) how many uses of each kind an event has."""


def _events(process: Process) -> Events:
    actor = process.actor
    uses: list[tuple[np.ndarray, int, int, int]] = []
    for use, edge in zip(actor.inputs, process.inputs, strict=True):
        fresh = use.hold & ~np.concatenate(([False], use.hold[:-1] & ~use.done[:-1]))
        uses += [(fresh, SHOWN, edge, 0), (use.done, LEFT, edge, 0)]
    for use, edge in zip(actor.outputs, process.outputs, strict=True):
        uses += [(use.hold, PLACED, edge, 0), (use.done, WRITTEN, edge, use.latency)]
    fired = [np.flatnonzero(mask) for mask, *_ in uses]
    firings = np.concatenate(fired)
    kinds, edges, latencies = (np.repeat([use[i] for use in uses], list(map(len, fired))) for i in (1, 2, 3))
    when, event = np.unique(firings, return_inverse=True)
    gaps = np.diff(when, prepend=when[-1] - actor.firings)
    order = np.argsort(4 * event + kinds, kind="stable")
    return gaps, edges[order], latencies[order], np.bincount(4 * event + kinds, minlength=4 * len(when))


@cache
def _compiled() -> Callable[[Network], None] | None:
    """`evaluate`, compiled; None without a C++ compiler."""

    def make(work: Path) -> list[Path]:
        tools.run([tools.require("g++"), *FLAGS, str(SOURCE), "-o", LIBRARY], work, work / "compile.log")
        return [work / LIBRARY]

    try:
        place = codecache.entry([*codecache.compiler(), *FLAGS, SOURCE.read_bytes()], make)
    except ToolError:
        return None
    function = ctypes.CDLL(str(place / LIBRARY)).run

    def evaluated(network: Network) -> None:
        arrays = ("firsts", "gaps", "starts", "edges", "latencies", "intervals", "depths", "places", "counts", "times",
                  "now", "next", "left")  # fmt: skip
        pointers = [getattr(network, name).ctypes.data_as(ctypes.c_void_p) for name in arrays]
        function(ctypes.c_longlong(len(network.left)), *pointers)

    return evaluated


def evaluate(network: Network) -> None:
    """Fire all processes until every one is done or blocked: the definition of `timing.cpp`."""
    edges, latencies, starts = network.edges.tolist(), network.latencies.tolist(), network.starts.tolist()
    moved = True
    while moved:
        moved = False
        for process in np.flatnonzero(network.left).tolist():
            while network.left[process] and _fire(network, process, starts, edges, latencies):
                moved = True


def _fire(network: Network, process: int, starts: list[int], edges: list[int], latencies: list[int]) -> bool:
    """The next event of a process; False where it waits."""
    event = int(network.next[process])
    shown, placed, left, written, end = starts[4 * event : 4 * event + 5]
    waits = [visible(network, edge) for edge in edges[shown:placed]] + [
        free(network, edge) for edge in edges[placed:left]
    ]
    if None in waits:
        return False
    before = int(network.now[process])
    own = 0 if before < 0 else before + int(network.gaps[event] * network.intervals[process])
    time = max([own, *(wait for wait in waits if wait is not None)])
    appended = [(edge, TAKES, time) for edge in edges[placed:left]]
    appended += [(edge, READS, time) for edge in edges[left:written]]
    appended += [(edges[use], WRITES, time + latencies[use]) for use in range(written, end)]
    for edge, kind, cycle in appended:
        slot = 3 * edge + kind
        network.times[network.places[slot] + network.counts[slot]] = cycle
        network.counts[slot] += 1
    network.now[process] = time
    network.next[process] = event + 1 if event + 1 < network.firsts[process + 1] else network.firsts[process]
    network.left[process] -= 1
    return True


def visible(network: Network, edge: int) -> int | None:
    """First cycle in which the next unread beat is at the head, if it is known yet."""
    writes, reads = network.of(edge, WRITES), network.of(edge, READS)
    if len(reads) >= len(writes):
        return None
    arrived = int(writes[len(reads)]) + VISIBLE
    return max(arrived, int(reads[-1]) + 1) if len(reads) else arrived


def free(network: Network, edge: int) -> int | None:
    """First cycle in which one more place can be taken, if it is known yet."""
    index = len(network.of(edge, TAKES)) - int(network.depths[edge])
    if network.depths[edge] < 0 or index < 0:
        return 0
    reads = network.of(edge, READS)
    return int(reads[index]) + 1 if index < len(reads) else None


def _waiting(network: Network, number: int, edges: Sequence[Edge], processes: Sequence[Process]) -> str:
    shown, placed, left = network.starts[4 * network.next[number] :][:3].tolist()
    empty = [edges[i].name for i in network.edges[shown:placed] if visible(network, i) is None]
    full = [f"{edges[i].name} (depth {edges[i].depth})" for i in network.edges[placed:left] if free(network, i) is None]
    return f"{processes[number].name} waits for " + ", ".join(
        [f"a beat on {name}" for name in empty] + [f"a place in {name}" for name in full]
    )
