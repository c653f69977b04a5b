"""Memory of a compiled graph that is evaluated row by row: all rows of what later rows read, and a window of the rest.

Edges of the window share memory once nothing reads them any more. What is not evaluated of a row, scores of later
tokens, must still be numbers of its edge's range: tables are read at them. So an edge with such scores shares memory
only with edges of the same range.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from accel.graph import Graph
from accel.reference.chains import Chains
from accel.reference.edges import storage
from accel.reference.threads import threads

LINE = 64
"""Bytes of a line of the cache, in which edges begin."""
STEP = np.dtype(
    [*((name, "i8") for name in ("kernel", "together", "scores", "shares", "followers", "node")), ("edges", "i8", 3)]
)
"""Of native_program.h."""
PLACE = 0
"""Of the numbers of an edge in native_program.h: place, tokens, channels, type, whole."""


class RowOrder(NamedTuple):
    """How a graph goes row by row.

    order: its nodes as they are evaluated. kept: inputs, and edges of which later rows read earlier ones. partial:
    edges of which columns of later tokens stay unknown. shares: edges of which they are 0.
    """

    order: tuple[str, ...]
    kept: frozenset[str]
    partial: frozenset[str]
    shares: frozenset[str]


class Sequences:
    """Rows of all edges of some samples, of which at most `most` are evaluated at a time."""

    def __init__(
        self, library: ctypes.CDLL, graph: Graph, steps: Mapping[str, np.void], plan: RowOrder, chains: Chains,
        samples: int, most: int,
    ) -> None:  # fmt: skip
        self._library, self._graph, self._steps, self._plan, self._samples = library, graph, steps, plan, samples
        self._tokens = max(tensor.tokens for tensor in graph.tensors.values())
        self._most = min(most, self._tokens)
        self._numbers = {name: number for number, name in enumerate(graph.tensors)}
        self._held_as = {name: storage(graph, name) for name in graph.tensors}
        self._bytes = np.array([self._held_as[name].row(t.channels) for name, t in graph.tensors.items()])
        self._windowed = np.array([name not in plan.kept for name in graph.tensors])
        self._chains, self._order = chains, chains.times(graph, plan.order)
        self._held: list[np.ndarray] = []
        self._kept = self._placed([[name] for name in graph.tensors if name in plan.kept], self._tokens)
        self._tables: dict[bool, np.ndarray] = {}
        self._programs: dict[tuple[str, ...], np.ndarray] = {}

    def enter(self, new: Mapping[str, np.ndarray], first: int, end: int, *, every: bool) -> None:
        """Take rows first to end - 1 of the inputs, which are evaluated next.

        Afterwards rows of the outputs can be read, of all edges if `every`.
        """
        self._edges = self._table(every).copy()
        self._edges[:, :, PLACE] -= first * self._bytes // LINE * self._windowed  # rows begin at the window's begin
        for name, x in new.items():
            for sample in range(self._samples):
                self._at(sample, name, first, end)[:] = x[sample]

    def evaluate(self, names: tuple[str, ...], first: int, end: int) -> None:
        """Evaluate these rows of the edges of nodes, in the graph's order.

        As many threads as torch has share the matrices of which groups have factors.
        """
        if names not in self._programs:
            self._programs[names] = self._program(names)
        steps = self._programs[names]
        self._library.share(threads())
        for edges in self._edges:
            program = steps.ctypes.data, len(steps), edges.ctypes.data
            self._library.part(*program, None, 0, 1, first, end, self._tokens, None)

    def _program(self, names: tuple[str, ...]) -> np.ndarray:
        """The steps of nodes, which know what later tokens leave open."""
        steps, inputs = np.array([self._steps[name] for name in names], STEP), {n.name: n.inputs for n in self._graph}
        steps["scores"] = [name in self._plan.partial for name in names]
        steps["followers"] = self._chains.lengths(self._graph, names)
        steps["shares"] = [inputs[name][0] in self._plan.shares for name in names]
        return steps

    def rows(self, name: str, first: int, end: int) -> np.ndarray:
        """Rows of an edge, of those that were evaluated last: (samples, rows, channels), int64."""
        held = self._held_as[name]
        return np.stack([held.integers(self._at(sample, name, first, end)) for sample in range(self._samples)])

    def _at(self, sample: int, name: str, first: int, end: int) -> np.ndarray:
        """Rows of an edge in memory."""
        number = self._numbers[name]
        row = int(self._bytes[number])
        start = int(self._edges[sample, number, PLACE]) * LINE + first * row
        memory = memoryview((ctypes.c_char * ((end - first) * row)).from_address(start))
        dtype = self._held_as[name].dtype
        return np.ndarray((end - first, row // dtype.itemsize), dtype, memory)

    def _table(self, every: bool) -> np.ndarray:
        """The numbers of all edges of every sample; places are lines of the process' memory."""
        if every not in self._tables:
            rows = [(0, *t.shape, self._held_as[name].number, 0) for name, t in self._graph.tensors.items()]
            self._tables[every] = np.array([rows] * self._samples, np.int64)
            self._tables[every][:, :, PLACE] = self._kept + self._placed(self._groups(every), self._most)
        return self._tables[every]

    def _groups(self, every: bool) -> list[list[str]]:
        """Edges of the window that may share memory."""
        groups: dict[Hashable, list[str]] = {}
        for name in self._plan.order:
            if name not in self._plan.kept:
                t = self._graph.tensors[name]
                key = name if every else (t.lo, t.hi) if name in self._plan.partial else None
                groups.setdefault(key, []).append(name)
        return [*groups.values()]

    def _placed(self, groups: Sequence[Sequence[str]], rows: int) -> np.ndarray:
        """Memory for `rows` rows of edges: the lines where they begin, (samples, edges), 0 for all other edges."""
        found, blanks, lines = np.zeros((self._samples, len(self._numbers)), np.int64), [], 0
        for group in groups:
            numbers = [self._numbers[name] for name in group]
            sizes = self._bytes[numbers] * rows // LINE + 2  # rows may begin within a line
            places, size = shared(sizes.tolist(), [self._life(name) for name in group])
            found[:, numbers] = lines + np.array(places)
            t = self._graph.tensors[group[0]]
            held, blank = self._held_as[group[0]], min(max(0, t.lo), t.hi)
            blanks.append((slice(lines * LINE, (lines + size) * LINE), held.dtype, 0 if held.dtype.names else blank))
            lines += size
        memory = aligned(self._samples * lines * LINE).reshape(self._samples, -1)
        self._held.append(memory)
        for part, dtype, blank in blanks:
            if blank:  # what is 0 already takes no memory
                memory[:, part].view(dtype)[:] = blank
        starts = np.array([sample.ctypes.data // LINE for sample in memory])
        here = [self._numbers[name] for group in groups for name in group]
        found[:, here] += starts[:, None]
        return found

    def _life(self, name: str) -> tuple[int, int]:
        """When an edge is made and when it is read last: times in the order."""
        if name not in self._order or name in self._graph.outputs:
            return self._order.get(name, 0), len(self._order)
        made = self._order[name]
        return made, max([made, *(self._order[node.name] for node in self._graph.consumers[name])])


def aligned(size: int) -> np.ndarray:
    """Bytes of 0 that begin at a page; each page takes memory when it is written."""
    memory = mmap.mmap(-1, max(size, 1))
    if hasattr(mmap, "MADV_NOHUGEPAGE"):  # a few rows of every edge would fill large pages
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, np.uint8)[:size]


def shared(sizes: Sequence[int], lives: Sequence[tuple[int, int]]) -> tuple[list[int], int]:
    """The first line of each edge, and how many lines all take, for sizes in lines and the times when they live.

    Edges are in the order in which they are made; each takes the first gap between those that still have a reader.
    """
    living: list[tuple[int, int, int]] = []
    places, top = [], 0
    for size, (made, last) in zip(sizes, lives, strict=True):
        living = [span for span in living if span[2] >= made]
        at = 0
        for start, end, _ in sorted(living):
            if at + size <= start:
                break
            at = max(at, end)
        living.append((at, at + size, last))
        places.append(at)
        top = max(top, at + size)
    return places, top
