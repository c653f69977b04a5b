"""Folds and their form in files."""

from __future__ import annotations

import json

import pytest
from hls_graphs import everything
from kept import kept_weights
from numpy.random import default_rng

from accel.dataflow.schedule import folds_of
from accel.errors import UserError
from accel.fold import Fold, LaneFold, MatrixFold, Pattern, StageFold, from_json, to_json
from accel.graph import Graph, Node
from accel.ops import Dense
from accel.tensor import Tensor

SPARSE = Graph(
    "sparse",
    {"x": Tensor((2, 8), -8, 7)},
    (Node("y", Dense(kept_weights(default_rng(0), 4, 8, Pattern(2, 4), 7), [0] * 4), ("x",)),),
    "y",
)


@pytest.mark.parametrize("graph", [everything(0), SPARSE], ids=["every operator", "sparse"])
def test_every_fold_comes_back_from_its_file(graph: Graph) -> None:
    """No two folds of a node are written alike."""
    for node in graph:
        folds = folds_of(graph, node)
        texts = [str(fold) for fold in folds]
        assert [from_json(json.loads(text)) for text in texts] == folds
        assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("fold", "entries"),
    [
        (MatrixFold(2, 3), {"pe": 2, "simd": 3, "multiply": "dsp"}),
        (MatrixFold(2, 3, "lut", heads=4), {"pe": 2, "simd": 3, "multiply": "lut", "heads": 4}),
        (MatrixFold(2, 4, sparse=Pattern(2, 4)), {"pe": 2, "simd": 4, "multiply": "dsp", "sparse": "2:4"}),
        (MatrixFold(2, 3, unrolled=1), {"pe": 2, "simd": 3, "unrolled": 1}),
        (LaneFold(5), {"lanes": 5}),
        (LaneFold(5, 2, 1, "lut"), {"lanes": 5, "heads": 2, "unrolled": 1, "multiply": "lut"}),
        (StageFold(), {"multiply": "dsp"}),
        (StageFold("lut"), {"multiply": "lut"}),
    ],
)
def test_what_a_file_has_of_a_fold(fold: Fold, entries: dict[str, int | str]) -> None:
    assert list(to_json(fold).items()) == list(entries.items())
    assert from_json(entries) == fold


def test_what_a_file_leaves_out_is_the_default() -> None:
    assert from_json({"pe": 2, "simd": 3}) == MatrixFold(2, 3)
    assert from_json({"lanes": 2, "multiply": "dsp", "heads": 1}) == LaneFold(2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (3, "got 3, expected a fold: pe and simd, or lanes, or multiply"),
        ({}, "got {}, expected a fold"),
        (
            {"pe": 2},
            "got {'pe': 2}, with no simd; the entries of such a fold are pe, simd, multiply, sparse, heads, unr",
        ),
        (
            {"lanes": 2, "pe": 2},
            "with unknown entry 'pe'; the entries of such a fold are lanes, heads, unrolled, multipl",
        ),
        ({"lane": 2}, "got {'lane': 2}, expected a fold: pe and simd, or lanes, or multiply"),
        ({"evil": 2, "multiply": "lut"}, "with unknown entry 'evil'; the entries of such a fold are multiply"),
        ({"lanes": 0}, "lanes is 0, expected a positive number"),
        ({"lanes": True}, "lanes is True, expected a positive number"),
        ({"lanes": 2.0}, "lanes is 2.0, expected a positive number"),
        ({"pe": [1], "simd": 1}, r"pe is \[1\], expected a positive number"),
        ({"multiply": "add"}, "multiply is 'add', expected one of dsp, lut"),
        ({"multiply": []}, r"multiply is \[\], expected one of dsp, lut"),
        ({"pe": 1, "simd": 1, "sparse": "0:4"}, "sparse is '0:4', expected N:M"),
        ({"pe": 1, "simd": 1, "sparse": 7}, "sparse is 7, expected N:M"),
    ],
)
def test_a_wrong_fold_is_refused(content: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        from_json(content)
