"""A file built by hand, imported and compared with qonnx on every edge."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from accel import onnx_import, reference
from accel.graph import Graph


def check(path: Path, samples: int = 6) -> Graph:
    """Import a file and compare every edge that has a tensor with qonnx; the graph."""
    imported = onnx_import.read(path)
    graph = imported.graph
    rng = np.random.default_rng(0)
    if imported.source.inputs[0].is_integer:
        x = rng.integers(graph.input.lo, graph.input.hi + 1, (samples, *graph.input.shape))
    else:
        x = rng.normal(scale=20, size=(samples, *graph.input.shape)).astype(np.float32)
    found = onnx_import.execute(imported, x, keep=graph.tensors)
    expected = reference.trace(graph, reference.quantize(graph, x))
    assert graph.output in found
    for name, integers in found.items():
        np.testing.assert_array_equal(integers, expected[name], err_msg=name)
    return graph


def kinds(graph: Graph) -> str:
    return " ".join(node.op.kind for node in graph)


def weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).integers(-7, 8, shape)
