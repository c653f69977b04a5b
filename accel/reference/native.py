"""The reference level as one C++ function, compiled for this processor: `reference.run(…, device="native")`.

Every operator's `native.h` is a template over a struct of the node: the fields and whole-numbered properties of its
operator under their names, the sizes of its edges, and T, the dtype that the reference carries the node's integers in.
Samples go through the whole graph one after the other, so that all edges of one stay in the processor's cache.
"""

from __future__ import annotations

import ctypes
import inspect
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from accel import codecache, tools
from accel.graph import Graph, Node
from accel.numeric import carrier

FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fno-strict-aliasing",
         "-fopenmp-simd", "-shared", "-fPIC")  # fmt: skip
NAMES = {"torch.float32": "float", "torch.float64": "double", "torch.int64": "std::int64_t"}
HEADERS = Path(__file__).parents[1] / "ops"
#: Headers of the system that native.h includes: most of the time that a small graph takes.
SYSTEM = (
    *(f"#include <{name}>" for name in ("algorithm", "cmath", "cstdint", "cstring", "type_traits", "vector")),
    "#ifdef __AVX512VNNI__",
    "#include <immintrin.h>",
    "#endif",
)
LIBRARY = "graph.so"
SIGNATURE = "run(const std::int64_t *x, std::int64_t *const *kept, std::int64_t start, std::int64_t end)"
LINE = 64
"""Bytes of a line, in which edges begin."""


class Native:
    """A compiled graph. Compiling takes seconds, about one for a small transformer.

    Raises ToolError without a C++ compiler.
    """

    def __init__(self, graph: Graph, keep: Sequence[str]) -> None:
        self.graph, self.keep = graph, tuple(keep)
        text = source(graph, self.keep)

        def make(work: Path) -> list[Path]:
            (work / "graph.cpp").write_text(text, encoding="utf-8")
            ready = codecache.precompiled(SYSTEM, FLAGS, [codecache.processor()])
            command = [*FLAGS, *ready, f"-I{HEADERS}", "graph.cpp", "-o", LIBRARY]
            tools.run([tools.require("g++"), *command], work, work / "compile.log")
            return [work / LIBRARY]

        headers = codecache.contents(HEADERS, HEADERS.rglob("*.h"))
        parts = [*codecache.compiler(), codecache.processor(), *FLAGS, text, *headers]
        self._function = ctypes.CDLL(str(codecache.entry(parts, make) / LIBRARY)).run

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """(samples, tokens, channels) in the inputs' ranges → the edges that are kept; in as many threads as torch."""
        import torch

        x, *others = (np.ascontiguousarray(inputs[name], np.int64) for name in self.graph.inputs)
        if others:  # one sample of all inputs behind the other
            x = np.concatenate([array.reshape(len(array), -1) for array in (x, *others)], axis=1)
        kept = {name: np.empty((len(x), *self.graph.tensors[name].shape), np.int64) for name in self.keep}
        pointers = (ctypes.c_void_p * len(kept))(*(array.ctypes.data for array in kept.values()))

        def samples(start: int, end: int) -> None:
            self._function(ctypes.c_void_p(x.ctypes.data), pointers, ctypes.c_int64(start), ctypes.c_int64(end))

        threads = min(len(x), torch.get_num_threads())
        bounds = [len(x) * i // threads for i in range(threads + 1)]
        if threads == 1:
            samples(0, len(x))
        else:
            list(_pool(torch.get_num_threads()).map(samples, bounds, bounds[1:]))
        return kept


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that stay: new ones would begin with cold memory, every time."""
    return ThreadPoolExecutor(threads, "accel-native")


@lru_cache(maxsize=8)
def compiled(graph: Graph, keep: tuple[str, ...]) -> Native:
    """Once per graph and process."""
    return Native(graph, keep)


def source(graph: Graph, keep: Sequence[str]) -> str:
    """C++ of SIGNATURE: samples start to end − 1 of x, to the arrays of the edges in `keep`."""
    kinds = sorted({node.op.kind for node in graph})
    places, size = _places(graph)
    edges = {
        name: f"reinterpret_cast<{_type(tensor.magnitude)} *>(&memory[{places[name]}])"
        for name, tensor in graph.tensors.items()
    }
    count = {name: tensor.size for name, tensor in graph.tensors.items()}
    calls, row, at = {}, sum(tensor.size for tensor in graph.inputs.values()), 0
    for name, tensor in graph.inputs.items():
        calls[name] = f"convert(x + s * {row} + {at}, {edges[name]}, {tensor.size});"
        at += tensor.size
    for number, node in enumerate(graph):
        arguments = ", ".join(edges[name] for name in (*node.inputs, node.name))
        calls[node.name] = f"{node.op.kind}<Node{number}>({arguments});"
    for number, name in enumerate(keep):
        calls[name] += f" convert({edges[name]}, kept[{number}] + s * {count[name]}, {count[name]});"
    return "\n".join(
        [
            "#include <vector>",
            *(f'#include "{kind}/native.h"' for kind in kinds),
            "using namespace accel;",
            "namespace { // so that nothing is shared with another graph in the process",
            *(_struct(graph, node, number) for number, node in enumerate(graph)),
            "}",
            f'extern "C" void {SIGNATURE} {{',
            f"    std::vector<Line> memory({size});",
            "    for (std::int64_t s = start; s < end; s++) {",
            *(f"        {call}" for call in calls.values()),
            "    }",
            "}\n",
        ]
    )


def _type(magnitude: int) -> str:
    return NAMES[str(carrier(magnitude))]


def _struct(graph: Graph, node: Node, number: int) -> str:
    inputs, output = graph.ends(node)
    narrow = node.op.narrow(*inputs)
    wide = narrow if narrow and narrow.is_floating_point else carrier(graph.peak(node))
    dtype = node.op.bytes(*inputs)
    lines = [f"using T = {NAMES[str(wide)]}; using Narrow = {f'std::{dtype}_t' if dtype else 'void'};"]
    for prefix, tensor in zip(("", "x_", "b_"), (output, *inputs), strict=False):
        lines += [f"static constexpr int {prefix}tokens = {tensor.tokens}, {prefix}channels = {tensor.channels};"]
    for name, value in _values(node):
        if isinstance(value, str):
            lines.append(f"static constexpr Word {name} = Word::{value};")
        elif isinstance(value, int):
            lines.append(f"static constexpr std::int64_t {name} = {value};")
        else:
            numbers = ", ".join(map(str, np.asarray(value).reshape(-1).tolist()))
            lines.append(f"static constexpr int {name}_size = {np.size(value)};")
            lines.append(f"static constexpr {_constant(value)} {name}[] = {{{numbers}}};")
    return f"struct Node{number} {{ // {node.op.kind}\n    " + "\n    ".join(lines) + "\n};"


def _constant(value: np.ndarray | tuple[int, ...]) -> str:
    return _type(int(np.abs(np.asarray(value)).max()))


def _values(node: Node) -> Iterator[tuple[str, int | str | np.ndarray | tuple[int, ...]]]:
    """Fields of a node's operator, and properties that are whole numbers."""
    for field in fields(node.op):
        yield field.name, getattr(node.op, field.name)
    for name, _ in inspect.getmembers(type(node.op), lambda member: isinstance(member, property)):
        if isinstance(value := getattr(node.op, name), int):
            yield name, int(value)


def _places(graph: Graph) -> tuple[dict[str, int], int]:
    """Edge → its first line of memory, and how many lines there are.

    An edge takes the first gap between those that still have a reader.
    """
    edges = list(graph.tensors)  # in the order of the nodes that write them, the input first
    order = {name: number for number, name in enumerate(edges)}
    reader = {name: max((order[node.name] for node in graph.consumers[name]), default=0) for name in edges}
    living: dict[str, tuple[int, int]] = {}
    places, top = {}, 0
    for number, name in enumerate(edges):
        living = {edge: span for edge, span in living.items() if reader[edge] >= number}
        size, at = -(-8 * int(np.prod(graph.tensors[name].shape)) // LINE), 0
        for start, end in sorted(living.values()):
            if at + size <= start:
                break
            at = max(at, end)
        living[name] = (at, at + size)
        places[name], top = at, max(top, at + size)
    return places, top
