"""Levels layer by layer: mismatches, ranges and clipped values of what is counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from accel import reference
from accel.errors import UserError
from accel.graph import Graph, Node
from accel.ops import Add, Dense, Norm, Rescale
from accel.tensor import Tensor
from accel.verification.comparison import compare_levels
from accel.verification.levels import Level

X = np.array([[[-8, 7], [0, 3]], [[4, -4], [1, 2]], [[7, 7], [-1, 0]]])


@pytest.fixture
def graph() -> Graph:
    """x → doubled → clip (-5..6) → y, where the clip can be counted by hand."""
    nodes = (
        Node("doubled", Dense([[2, 0], [0, 2]], [0, 0]), ("x",)),
        Node("clip", Rescale([1], 1, "floor", -5, 6), ("doubled",)),
        Node("y", Add([1, 1]), ("clip", "clip")),
    )
    return Graph("small", {"x": Tensor((2, 2), -8, 7)}, nodes, "y")


def level(graph: Graph, name: str, limit: int | None = None, **faults: tuple[int, int, int]) -> Level:
    """The reference, one more in one element of every edge of `faults`."""

    def trace(x: np.ndarray) -> dict[str, np.ndarray]:
        edges = {edge: values.copy() for edge, values in reference.trace(graph, x).items()}
        for edge, index in faults.items():
            edges[edge][index] += 1
        return edges

    return Level(name, lambda x: trace(x)[graph.output], trace, limit)


def test_rows_hold_ranges_and_what_was_clipped(graph: Graph) -> None:
    done = compare_levels(graph, [level(graph, "reference")], X)
    rows = {row.layer: row for row in done.rows}
    assert list(rows) == ["x", "doubled", "clip", "y"]
    assert [(row.kind, row.samples, row.mismatches, row.values) for row in done.rows] == [
        ("input", 3, 0, 12), ("dense", 3, 0, 12), ("rescale", 3, 0, 12), ("add", 3, 0, 12)
    ]  # fmt: skip
    clip = rows["clip"]
    assert (clip.least, clip.most, clip.lo, clip.hi) == (-5, 6, -5, 6)
    assert (clip.below, clip.above) == (1, 3), "-8, and 7 three times; 6 itself is not clipped"
    assert (rows["y"].below, rows["x"].above) == (None, None)
    assert (rows["doubled"].least, rows["doubled"].lo, rows["doubled"].hi) == (-16, -16, 14)


def test_a_norm_that_clips() -> None:
    norm = Norm("rms", 8, 40, 20, -3, 2)
    graph = Graph("norm", {"x": Tensor((2, 2), -8, 7)}, (Node("y", norm, ("x",)),), "y")
    (_, row) = compare_levels(graph, [level(graph, "reference")], X).rows
    wide = reference.run(
        Graph("wide", {"x": graph.input}, (Node("y", Norm("rms", 8, 40, 20, -(1 << 40), 1 << 40), ("x",)),), "y"), X
    )
    assert row.below == (wide < -3).sum() > 0
    assert row.above == (wide > 2).sum() > 0


def test_the_first_wrong_layer_of_every_level(graph: Graph) -> None:
    levels = [
        level(graph, "reference"),
        level(graph, "csim", clip=(1, 0, 1), y=(2, 1, 0)),
        level(graph, "rtl", y=(0, 1, 1)),
    ]
    done = compare_levels(graph, levels, X)
    assert done.mismatches == 2
    assert [str(found) for found in done.first] == [
        "csim: layer 'clip' [1, 0, 1]: expected -4, got -3 (1 of 3 samples differ)",
        "rtl: layer 'y' [0, 1, 1]: expected 6, got 7 (1 of 3 samples differ)",
    ]
    assert "clip     rescale  0          1     0    -5..6    -5..6     8.33%          25.00%" in str(done).splitlines()


def test_samples_beyond_the_first_level_are_held_to_the_next(graph: Graph) -> None:
    levels = [level(graph, "qonnx", 1), level(graph, "reference", y=(0, 0, 0)), level(graph, "rtl", y=(2, 0, 0))]
    first = compare_levels(graph, levels, X).first
    assert [(found.level, found.index) for found in first] == [("reference", (0, 0, 0)), ("rtl", (2, 0, 0))]


def test_a_level_that_shows_only_its_output(graph: Graph) -> None:
    board = Level("board", lambda x: reference.run(graph, x) + 1)
    done = compare_levels(graph, [level(graph, "reference"), board], X)
    assert set(done.layers["clip"]) == {"reference"}
    assert done.layers["y"]["board"].mismatches == 3
    assert "clip     rescale  0          -" in str(done)


def test_a_level_of_another_model_is_refused(graph: Graph) -> None:
    other = Level("rtl", lambda x: x, lambda x: {"y": np.zeros((3, 2, 9), np.int64)})
    with pytest.raises(UserError, match=r"rtl: layer 'y' \(2, 9\) is not in the model; lower it again"):
        compare_levels(graph, [other], X)


def test_json_and_plot(graph: Graph, tmp_path: Path) -> None:
    done = compare_levels(graph, [level(graph, "reference"), level(graph, "rtl", y=(0, 0, 0))], X)
    again = json.loads(json.dumps(done.as_dict()))
    assert again["rows"][-1]["got"] == again["rows"][-1]["expected"] + 1
    done.plot(tmp_path / "layers.png")
    assert (tmp_path / "layers.png").read_bytes().startswith(b"\x89PNG")
    done.plot(tmp_path / "layers.svg")
    text = (tmp_path / "layers.svg").read_text()
    assert "<svg" in text
