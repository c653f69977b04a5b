"""Cycle-exact timing of a network of actors that wait only for beats and for places.

Every unit starts work at most once per cycle and then never stops, so a firing happens at

    t(k) = max(t(k − 1) + interval,  head beats present,  a place free in every output that is taken)

which is evaluated here beat by beat, without data. `hls.rtl` builds the same network in SystemVerilog;
a test holds the predicted cycle of every output beat against the simulated one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from accel.errors import AccelError
from accel.hardware import Actor

VISIBLE = 2
"""Cycles from writing a beat into a buffer until its reader sees it (memory, output register)."""


class DeadlockError(AccelError):
    """Actors wait for each other for ever; the text names them."""


@dataclass
class Edge:
    """A buffer: at most `depth` places (None: unlimited). Times are filled in by `run`."""

    name: str
    depth: int | None = None
    takes: list[int] = field(default_factory=list)
    writes: list[int] = field(default_factory=list)
    reads: list[int] = field(default_factory=list)

    def visible(self) -> int | None:
        """First cycle in which the next unread beat is at the head, if it is known yet."""
        index = len(self.reads)
        if index >= len(self.writes):
            return None
        arrived = self.writes[index] + VISIBLE
        return max(arrived, self.reads[-1] + 1) if index else arrived

    def free(self) -> int | None:
        """First cycle in which one more place can be taken, if it is known yet."""
        if self.depth is None or len(self.takes) < self.depth:
            return -1
        index = len(self.takes) - self.depth
        return self.reads[index] + 1 if index < len(self.reads) else None

    def most_taken(self) -> int:
        """High-water mark of places taken."""
        if not self.takes:
            return 0
        gone = np.searchsorted(np.asarray(self.reads), np.asarray(self.takes), side="left")
        return int((np.arange(1, len(self.takes) + 1) - gone).max())


@dataclass
class Process:
    """An actor with its edges by index, run for a number of sequences."""

    name: str
    actor: Actor
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


Event = tuple[int, list[int], list[int], list[int], list[tuple[int, int]]]
"""Firings since the last event; edges that must show a beat, lose one, give a place; written (edge, latency)."""


def _events(process: Process) -> list[Event]:
    """The firings of one sequence at which anything outside the actor happens, with the gap before each."""
    actor = process.actor
    events: dict[int, tuple[list[int], list[int], list[int], list[tuple[int, int]]]] = {}

    def at(firing: int) -> tuple[list[int], list[int], list[int], list[tuple[int, int]]]:
        return events.setdefault(firing, ([], [], [], []))

    for use, edge in zip(actor.inputs, process.inputs, strict=True):
        fresh = use.hold & ~np.concatenate(([False], use.hold[:-1] & ~use.done[:-1]))
        for firing in np.flatnonzero(fresh).tolist():
            at(firing)[0].append(edge)
        for firing in np.flatnonzero(use.done).tolist():
            at(firing)[1].append(edge)
    for use, edge in zip(actor.outputs, process.outputs, strict=True):
        for firing in np.flatnonzero(use.hold).tolist():
            at(firing)[2].append(edge)
        for firing in np.flatnonzero(use.done).tolist():
            at(firing)[3].append((edge, use.latency))
    order = sorted(events)
    wrap = actor.firings - order[-1] + order[0]
    gaps = [wrap, *(b - a for a, b in pairwise(order))]
    return [(gap, *events[firing]) for gap, firing in zip(gaps, order, strict=True)]


class _Runner:
    """State of one process: the next event and the cycle of the last one."""

    def __init__(self, process: Process, sequences: int) -> None:
        self.process = process
        self.events = _events(process)
        self.remaining = len(self.events) * sequences
        self.next = 0
        self.time = 0
        self.started = False

    def advance(self, edges: list[Edge]) -> bool:
        """Fire until blocked; True when at least one event happened."""
        interval = self.process.actor.interval
        moved = False
        while self.remaining:
            gap, needs, reads, takes, writes = self.events[self.next]
            time = self.time + gap * interval if self.started else 0
            for index in needs:
                visible = edges[index].visible()
                if visible is None:
                    return moved
                if visible > time:
                    time = visible
            for index in takes:
                free = edges[index].free()
                if free is None:
                    return moved
                if free > time:
                    time = free
            for index in reads:
                edges[index].reads.append(time)
            for index in takes:
                edges[index].takes.append(time)
            for index, latency in writes:
                edges[index].writes.append(time + latency)
            self.time, self.started, moved = time, True, True
            self.remaining -= 1
            self.next = (self.next + 1) % len(self.events)
        return moved


def run(edges: list[Edge], processes: list[Process], sequences: int) -> None:
    """Run every process for `sequences` sequences and fill in the times of all edges.

    Edges whose `writes` are filled already are the outside world. Raises DeadlockError, naming who waits for what.
    """
    runners = [_Runner(process, sequences) for process in processes]
    neighbours: dict[int, list[int]] = {}
    for number, process in enumerate(processes):
        for edge in (*process.inputs, *process.outputs):
            neighbours.setdefault(edge, []).append(number)
    queue = deque(range(len(runners)))
    queued = [True] * len(runners)
    while queue:
        number = queue.popleft()
        queued[number] = False
        if runners[number].advance(edges):
            process = processes[number]
            for edge in (*process.inputs, *process.outputs):
                for other in neighbours[edge]:
                    if other != number and not queued[other]:
                        queued[other] = True
                        queue.append(other)
    stuck = [runner for runner in runners if runner.remaining]
    if stuck:
        raise DeadlockError("; ".join(_waiting(runner, edges) for runner in stuck[:8]))


def _waiting(runner: _Runner, edges: list[Edge]) -> str:
    _, needs, _, takes, _ = runner.events[runner.next]
    empty = [edges[i].name for i in needs if edges[i].visible() is None]
    full = [f"{edges[i].name} (depth {edges[i].depth})" for i in takes if edges[i].free() is None]
    return f"{runner.process.name} waits for " + ", ".join(
        [f"a beat on {name}" for name in empty] + [f"a place in {name}" for name in full]
    )
