"""Files with several outputs: heads, and what leaves a network on its way; each is held to the file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qonnx_files import File

import accel
from accel import onnx_import, reference, storage
from accel.errors import GraphError, UserError
from accel.verbs.levels import qonnx, torch_reference
from accel.verification.levels import verify_all

RNG = np.random.default_rng(3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """(1, 3, 4) → hidden (1, 3, 6); logits of every token and its scores, a product of other weights."""
    f = File((1, 3, 4))
    weights = [RNG.integers(-8, 8, shape) for shape in ((4, 6), (6, 5), (6, 2))]
    hidden = f.quant(f.node("Relu", f.dense(f.quant("in", 0.5), weights[0], 0.25)), 1.0)
    heads = [f.dense(hidden, weight, 0.5) for weight in weights[1:]]
    return f.save(tmp_path, *heads, hidden)


def test_all_heads_are_those_of_the_file(path: Path) -> None:
    imported = onnx_import.read(path)
    graph = imported.graph
    assert [tensor.shape for tensor in graph.outputs.values()] == [(3, 5), (3, 2), (3, 6)]
    x = RNG.integers(graph.input.lo, graph.input.hi + 1, (9, 3, 4))
    first, second = verify_all(graph, [qonnx(imported), torch_reference(graph, "native")], x)
    assert (first.mismatches, second.mismatches, second.samples) == (0, 0, 9)
    found = imported.results(reference.run(graph, x))
    assert list(found) == [value.name for value in imported.source.model.graph.output]
    assert [y.shape[1:] for y in found.values()] == [tensor.shape for tensor in graph.outputs.values()]


def test_predictions_have_the_shapes_of_the_file(path: Path, tmp_path: Path) -> None:
    model = accel.load(path)
    x = RNG.normal(0, 2, (7, 3, 4)).astype(np.float32)
    found = model.predict(x)
    assert [y.shape for y in found.values()] == [(7, 3, 5), (7, 3, 2), (7, 3, 6)]
    storage.save(model, tmp_path / "graph.accel")
    again = storage.load(tmp_path / "graph.accel")
    assert (again.view, list(again.outputs)) == (model.view, list(model.outputs))
    assert all(np.array_equal(found[name], y) for name, y in again.predict(x).items())
    assert model.view
    with pytest.raises(GraphError, match="another graph's; use view=None here"):
        replace(model, view=replace(model.view, outputs=model.view.outputs[:1]))


def test_an_hls_project_says_that_it_has_one_output(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has 3 outputs \(.*\) where one is possible: export the part"):
        accel.lower(accel.load(path), "vitis", tmp_path / "hls")
    assert not (tmp_path / "hls").exists()
    accel.lower(accel.load(path), "rtl", tmp_path / "rtl")
    assert len(json.loads((tmp_path / "rtl" / "design.json").read_text())["outputs"]) == 3
    done = accel.check(path, samples=5, levels=("qonnx", "reference"))
    assert (len(done.outcomes), done.mismatches) == (2, 0)
