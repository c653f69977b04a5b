"""The reference level compiled for this processor: `reference.run(…, device="native")`.

A library holds one kernel for every kind of node (`accel.reference.kernels`), and the graph is data: steps that call
kernels on edges (`ops/common/native_program.h`). Compiling depends neither on the weights nor on the number of layers.

Some samples go through the whole graph together, so that all their edges stay in the processor's cache.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property, lru_cache
from pathlib import Path

import numpy as np

from accel import codecache, tools
from accel.graph import Graph
from accel.reference.chains import Chains
from accel.reference.edges import storage
from accel.reference.kernels import HEADERS, NodeKernel, kernel, source
from accel.reference.sequences import LINE, STEP, RowOrder, Sequences, aligned, shared
from accel.reference.threads import threads

FLAGS: tuple[str, ...] = (
    "-std=c++17", "-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic", "-march=native", "-fno-math-errno",
    "-fno-trapping-math", "-ffinite-math-only", "-fno-signed-zeros", "-fno-strict-aliasing", "-fopenmp-simd", "-shared",
    "-fPIC", "-pthread", "-Wno-psabi",
)  # fmt: skip
"""-O3 compiles half as long again, and no faster code."""
LIBRARY = "graph.so"
WHOLE = 4
"""Of the numbers of an edge, as PLACE: samples outside that it is read from or kept in."""
CACHED = 1 << 18
"""Bytes of edges that stay in a processor's cache: as many samples go through the graph together."""
ROWS = 64
"""Tokens that go through the graph together at least, so that a weight that is fetched is used often enough."""
SHARED = 1 << 22
"""Multiply-accumulates from which threads share the rows of a sample: what they save is longer than their meetings."""


@lru_cache(maxsize=64)
def _library(text: str, flags: Sequence[str]) -> ctypes.CDLL:
    def make(work: Path) -> list[Path]:
        (work / "graph.cpp").write_text(text, encoding="utf-8")
        command: list[str | Path] = [tools.require("g++"), *flags, f"-I{HEADERS}", "graph.cpp", "-o", LIBRARY]
        tools.run(command, work, work / "compile.log")
        return [work / LIBRARY]

    headers = codecache.contents(HEADERS, HEADERS.rglob("native*.h"))
    parts = [*codecache.compiler(), codecache.processor(), *flags, text, *headers]
    library = ctypes.CDLL(str(codecache.entry(parts, make) / LIBRARY))
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    library.prepare.restype, library.prepare.argtypes = number, (number, pointer, pointer)
    library.share.argtypes = (number,)
    library.samples.argtypes = (pointer, number, pointer, *[number] * 4)
    library.part.argtypes = (pointer, number, pointer, pointer, *[number] * 5, pointer)
    return library


class Native:
    """A compiled graph. Compiling takes a second or two, whatever the number of weights and layers.

    Raises ToolError without a C++ compiler.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._numbers = {name: number for number, name in enumerate(graph.tensors)}
        found = [kernel(graph, node) for node in graph]
        kernels = {one.code: one for one in found}
        order = sorted(kernels)
        self._library = _library(source([kernels[code] for code in order]), FLAGS)
        given = len(graph.inputs)
        self._steps = np.zeros(given + len(found), STEP)
        self._steps["edges"] = -1
        self._steps["kernel"][:given] = -1  # reads an input
        self._steps["edges"][:given, 0] = [self._numbers[name] for name in graph.inputs]
        self._held: list[np.ndarray] = []  # whatever the steps point to
        for step, node, one in zip(self._steps[given:], graph, found, strict=True):
            number = order.index(one.code)
            step["kernel"], step["together"] = number, one.header.whole
            step["node"] = self._node(one, number)
            ends = [self._numbers[name] for name in (*node.inputs, node.name)]
            step["edges"][: len(ends)] = ends
        headers = {node.name: one.header for node, one in zip(graph, found, strict=True)}
        self._chains = Chains(
            frozenset(name for name, header in headers.items() if header.leads),
            frozenset(name for name, header in headers.items() if header.follows),
        )

    def _node(self, one: NodeKernel, number: int) -> int:
        """Address of a node's struct."""
        struct = self._hold(np.array([self._member(value) for _, value in one.members] or [0], np.int64))
        if one.prepare:
            address = struct.ctypes.data
            memory = self._hold(aligned(self._library.prepare(number, address, None)))
            self._library.prepare(number, address, memory.ctypes.data)
            struct[[name for name, _ in one.members].index("prepared")] = memory.ctypes.data
        return struct.ctypes.data

    def _member(self, value: int | np.ndarray) -> int:
        return self._hold(np.ascontiguousarray(value)).ctypes.data if isinstance(value, np.ndarray) else value

    def _hold(self, array: np.ndarray) -> np.ndarray:
        self._held.append(array)
        return array

    def run(self, inputs: Mapping[str, np.ndarray], keep: Sequence[str]) -> dict[str, np.ndarray]:
        """(samples, tokens, channels) in the inputs' ranges → the edges in `keep`; in as many threads as torch."""
        given = {name: np.ascontiguousarray(inputs[name], np.int64) for name in self.graph.inputs}
        samples = len(next(iter(given.values())))
        kept = {n: np.empty((samples, *self.graph.tensors[n].shape), np.int64) for n in keep if n not in given}
        count = threads()
        self._library.share(1)  # threads have samples or rows of their own
        if count > 1 and samples < 8 * count and samples % count and self._macs * samples >= SHARED:
            self._by_rows(samples, given | kept, count)
        else:
            self._by_samples(samples, given | kept, min(samples, count))
        return {name: given[name].copy() if name in given else kept[name] for name in keep}

    def _by_samples(self, samples: int, outside: dict[str, np.ndarray], threads: int) -> None:
        """Every thread takes samples of its own."""
        placed, lines = self._close
        edges = self._edges(placed, outside)
        share = -(-samples // threads)
        fitting = max(CACHED // (lines * LINE), ROWS // self._tokens)
        together = max(1, min(share, fitting))
        together = -(-share // -(-share // together))  # no small rest

        def some(start: int, end: int) -> None:
            self._library.samples(*self._program(edges), lines, start, end, together)

        bounds = [samples * i // threads for i in range(threads + 1)]
        if threads == 1:
            some(0, samples)
        else:
            list(_pool(threads).map(some, bounds, bounds[1:]))

    def _by_rows(self, samples: int, outside: dict[str, np.ndarray], threads: int) -> None:
        """All threads take rows of the same samples."""
        placed, lines = self._apart
        edges, memory = self._edges(placed, outside), aligned(lines * LINE * samples)
        meeting = np.zeros(1, np.int64)

        def some(start: int) -> None:
            self._part(edges, memory, (0, samples, start, start + 1, threads), meeting)

        with _MEETING:  # or threads of two calls would wait for each other
            list(_pool(threads).map(some, range(threads)))

    def sequences(self, plan: RowOrder, samples: int) -> Sequences:
        """Memory in which rows of all edges are evaluated one after the other, at most ROWS at a time."""
        steps = dict(zip(self.graph.tensors, self._steps, strict=True))
        return Sequences(self._library, self.graph, steps, plan, self._chains, samples, ROWS)

    def _part(
        self, edges: np.ndarray, memory: np.ndarray, numbers: Sequence[int], meeting: np.ndarray | None = None
    ) -> None:
        place = None if meeting is None else meeting.ctypes.data
        self._library.part(*self._program(edges), memory.ctypes.data, *numbers, place)

    def _program(self, edges: np.ndarray) -> tuple[int, int, int]:
        return self._start, len(self._steps), edges.ctypes.data

    def _edges(self, places: np.ndarray, outside: dict[str, np.ndarray]) -> np.ndarray:
        edges = places.copy()
        for name, array in outside.items():
            edges[self._numbers[name], WHOLE] = array.ctypes.data
        return edges

    @cached_property
    def _start(self) -> int:
        """Address of the steps; numpy takes a microsecond to tell one."""
        return self._steps.ctypes.data

    @cached_property
    def _tokens(self) -> int:
        return max(tensor.tokens for tensor in self.graph.tensors.values())

    @cached_property
    def _macs(self) -> int:
        return self.graph.macs

    @cached_property
    def _close(self) -> tuple[np.ndarray, int]:
        """The edges, in as few lines of memory as possible, and how many these are."""
        return self._placed(*_places(self.graph))

    @cached_property
    def _apart(self) -> tuple[np.ndarray, int]:
        """The same when no two edges share memory."""
        ends = np.cumsum([0, *(_lines(self.graph, name) for name in self.graph.tensors)]).tolist()
        return self._placed(ends[:-1], ends[-1])

    def _placed(self, places: Sequence[int], lines: int) -> tuple[np.ndarray, int]:
        edges = zip(places, self.graph.tensors.items(), strict=True)
        return np.array([(at, *t.shape, storage(self.graph, n).number, 0) for at, (n, t) in edges], np.int64), lines


_MEETING = threading.Lock()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that stay: new ones would begin with cold memory, every time."""
    return ThreadPoolExecutor(threads, "accel-native")


@lru_cache(maxsize=8)
def compiled(graph: Graph) -> Native:
    """Once per graph and process."""
    return Native(graph)


def _lines(graph: Graph, name: str) -> int:
    """Lines of memory that an edge takes per sample."""
    tensor = graph.tensors[name]
    return -(-tensor.tokens * storage(graph, name).row(tensor.channels) // LINE)


def _places(graph: Graph) -> tuple[list[int], int]:
    """The first line of every edge's memory, and how many lines there are."""
    order = {name: number for number, name in enumerate(graph.tensors)}  # the inputs are made first
    lives = [(n, max([n, *(order[node.name] for node in graph.consumers[name])])) for name, n in order.items()]
    return shared([_lines(graph, name) for name in graph.tensors], lives)
