"""Graph files of 135 million 8-bit weights: seconds to save and to load, and bytes compared with the integers' own.

    python benchmarks/storage.py

The shape is that of a language model of 30 layers. The result is key "storage" of benchmarks/results/contract.json.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import figures
import numpy as np

from accel import storage
from accel.constants import Constant
from accel.graph import Graph, Node
from accel.ops import Dense, Embedding, Rescale
from accel.tensor import Tensor

T = TypeVar("T")
RESULTS = Path(__file__).parent / "results" / "contract.json"
LAYERS, CHANNELS, HIDDEN, HEADS, WORDS = 30, 576, 1536, 192, 49152


def rows() -> dict[str, Any]:
    """Weights, seconds, bytes of the file, and bytes of its integers in their narrowest dtypes."""
    graph = model()
    constants = [value for node in graph for value in vars(node.op).values() if isinstance(value, Constant)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.accel"
        digest, save = _fastest(lambda: storage.save(graph, path))
        loaded, load = _fastest(lambda: storage.load(path))
        assert loaded.tensors == graph.tensors
        assert storage.save(loaded, path) == digest
        size = path.stat().st_size
    return {
        "weights": sum(constant.size for constant in constants),
        **{f"seconds_{name}": round(span[0], 2) for name, span in (("save", save), ("load", load))},
        **{f"cpu_{name}": round(span[1], 2) for name, span in (("save", save), ("load", load))},
        "bytes": size,
        "bytes_ideal": sum(constant.values.nbytes for constant in constants),
    }


def _fastest(work: Callable[[], T]) -> tuple[T, tuple[float, float]]:
    """The result of some work, and the seconds and CPU seconds of the fastest of five runs."""
    spans = []
    for _ in range(5):
        began = time.perf_counter(), time.process_time()
        result = work()
        spans.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    return result, min(spans)


def model() -> Graph:
    """Matrices of the sizes of SmolLM2-135M, one behind the other, and its table of words."""
    rng = np.random.default_rng(0)
    nodes = [Node("words", Embedding(_integers(rng, WORDS, CHANNELS)), ("x",))]
    width = CHANNELS
    for layer in range(LAYERS):
        for name, size in (
            ("query", CHANNELS), ("key", HEADS), ("value", CHANNELS), ("output", HEADS), ("gate", HIDDEN),
            ("up", CHANNELS), ("down", HIDDEN), ("next", CHANNELS),
        ):  # fmt: skip
            dense = Dense(_integers(rng, size, width), rng.integers(-(1 << 14), 1 << 14, size))
            clip = Rescale([1], 10, "half_even", -128, 127)
            nodes.append(Node(f"{layer}/{name}", dense, (nodes[-1].name,)))
            nodes.append(Node(f"{layer}/{name}/8bit", clip, (nodes[-1].name,)))
            width = size
    return Graph("storage", {"x": Tensor((1, 1), 0, WORDS - 1)}, tuple(nodes), nodes[-1].name)


def _integers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-128, 128, shape, np.int8)


def main() -> None:
    found = rows()
    figures.keep(RESULTS, {"storage": found})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
