"""Windows and embeddings inside whole designs: every edge in RTL and C simulation, cycles as predicted."""

from __future__ import annotations

from pathlib import Path

import brevitas_models as bm
import numpy as np
import pytest
import torch
from contract import random_schedule
from hls_graphs import samples

from accel import onnx_import, reference
from accel.building import Builder
from accel.graph import Graph
from accel.ops import Add, Embedding, Pool, Window
from accel.tensor import Tensor
from hls import rtl
from hls.projects import project
from hls.simulation import simulate, verilator

TOKENS, CHANNELS = 4, 6
WINDOWS = [(0, 1), (3, 1), (1, 2), (-1, 5), (0, 6), (-2, 9), (-3, 4), (-2, 2), (4, 3)]
"""(first, tokens): one token, a range, one-sided and two-sided padding, cut on one side, constants beside x."""


def windows(kinds: list[tuple[int, int]]) -> Graph:
    """Windows on rows of a table, each summed over its tokens."""
    rng = np.random.default_rng(0)
    made = Builder()
    x = made.add(Embedding(rng.integers(-90, 90, (13, CHANNELS))), made.input(Tensor((TOKENS, 1), 0, 12)))
    total = None
    for first, tokens in kinds:
        one = made.add(Pool(), made.add(Window(first, rng.integers(-99, 99, (tokens, CHANNELS))), x))
        total = made.add(Add((2, 1)), total, one) if total else one
    return made.graph(total)


def exact_in_rtl(graph: Graph, folder: Path, seed: int) -> None:
    design = rtl.lower(graph, random_schedule(graph, seed))
    x = samples(graph, 16)
    expected = reference.trace(graph, x)
    traced = simulate.run(design, x, trace=True)
    assert set(traced.edges) == set(graph.tensors)
    for edge, integers in traced.edges.items():
        np.testing.assert_array_equal(integers, expected[edge], err_msg=edge)
    assert (traced.latency, traced.interval) == (design.predicted.latency, design.predicted.interval)
    times = design.structure.prediction.beats
    assert tuple(traced.beats[: len(times)]) == times
    assert np.array_equal(simulate.run(design, x, stall=0.5, seed=3).outputs, expected[graph.output])
    design.write(folder)
    verilator.lint(folder, design.sources, design.top)


@pytest.mark.parametrize("seed", [0, 1])
def test_every_kind_of_window_in_rtl(tmp_path: Path, seed: int) -> None:
    exact_in_rtl(windows(WINDOWS), tmp_path, seed)


@pytest.mark.parametrize(("io_type", "first"), [("io_stream", 0), ("io_stream", 5), ("io_parallel", 2)])
def test_every_kind_of_window_in_c(tmp_path: Path, io_type: str, first: int) -> None:
    exact_in_c(windows(WINDOWS[first : first + 5]), tmp_path, io_type)


def exact_in_c(graph: Graph, folder: Path, io_type: str) -> None:
    x = samples(graph, 16)
    written = project.write(graph, folder / "project", io_type=io_type)
    written.compile()
    expected, found = reference.trace(graph, x), written.trace(x)
    for edge in graph.tensors:
        np.testing.assert_array_equal(found[edge], expected[edge], err_msg=edge)


MODELS = {
    "class_token": (lambda: bm.Model(bm.linear(6, 8), bm.ClassToken(bm.Attention("unbind"), 3)), (1, 3, 6)),
    "query": (lambda: bm.Model(bm.Patches(1, 8, 2), bm.Query()), (1, 1, 4, 4)),
    "flattened": (lambda: bm.Model(bm.linear(6, 8), bm.Flattened(3, 5, by_channel=True), bm.linear(5, 4)), (1, 3, 6)),
    "identifiers": (lambda: bm.Embedded(bm.Words(9, 4), bm.Attention("einsum"), bm.Mean()), None),
}


@pytest.mark.parametrize("name", MODELS)
def test_imported_models(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    make, shape = MODELS[name]
    x = torch.arange(4)[None] if shape is None else torch.randn(shape)
    graph = onnx_import.load(bm.export(bm.trained(make(), x), x, tmp_path / "model.onnx"))
    exact_in_rtl(graph, tmp_path / "design", 0)
    exact_in_c(graph, tmp_path, "io_stream")
