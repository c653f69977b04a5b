"""The compiled reference: what a library depends on, products of 8 bits of every kind, threads that share samples."""

from __future__ import annotations

import numpy as np
import pytest
from encoders import Shape, encoder, samples

from accel import reference
from accel.graph import Graph, Node
from accel.ops import Dense, MatMul, Window
from accel.reference import native
from accel.reference.kernels import kernel, source
from accel.tensor import Tensor


def test_libraries_depend_neither_on_weights_nor_on_layers() -> None:
    """Every edge of the encoder has one range whatever its weights are, so only their values differ."""
    first, second, deeper = (_code(encoder(Shape(layers=layers), seed)) for layers, seed in ((1, 1), (1, 2), (4, 3)))
    assert first == second
    assert first == deeper


@pytest.mark.parametrize("march", ["native", "haswell", "x86-64"])
def test_products_of_8_bits_are_exact_at_their_extremes(march: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two products of the largest operands exceed 16 bits, where some instructions saturate."""
    flags = tuple(flag.replace("=native", f"={march}") for flag in native.FLAGS)
    monkeypatch.setattr(native, "FLAGS", flags)
    graph = _extreme()
    x = np.concatenate([np.full((2, 5, 7), end) for end in (-128, 127)] + [samples(graph, 9)])
    found = native.Native(graph).run({graph.input_name: x}, tuple(graph.tensors))
    expected = reference.trace(graph, x)
    assert all(np.array_equal(found[name], expected[name]) for name in graph.tensors)


def test_threads_share_the_rows_of_few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    graph = _extreme()
    monkeypatch.setattr(native, "SHARED", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    for count in (1, 2, 4):
        x = samples(graph, count, count)
        found = native.compiled(graph).run({graph.input_name: x}, tuple(graph.tensors))
        expected = reference.trace(graph, x)
        assert all(np.array_equal(found[name], expected[name]) for name in graph.tensors)


def _code(graph: Graph) -> str:
    kernels = {one.code: one for one in (kernel(graph, node) for node in graph)}
    return source([kernels[code] for code in sorted(kernels)])


def _extreme() -> Graph:
    """Weights of −128 and 127 in an odd shape, products of two edges, and constants beside a sequence."""
    rng = np.random.default_rng(0)
    weight = np.where(rng.random((37, 7)) < 0.5, -128, 127)
    weight[0], weight[1] = -128, 127
    nodes = (
        Node("y", Dense(weight, rng.integers(-9, 9, 37)), ("x",)),
        Node("scores", MatMul(1, "scores"), ("x", "x")),
        Node("cut", Window(2, np.zeros((5, 5), int)), ("scores",)),
        Node("values", MatMul(1, "values"), ("cut", "y")),
    )
    return Graph("extreme", {"x": Tensor((5, 7), -128, 127)}, nodes, ("values",))
