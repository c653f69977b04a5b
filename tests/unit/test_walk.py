"""The way of a graph through `hls.rtl.lower`: short, and from a module only into modules that it may import."""

from __future__ import annotations

import sys
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType

import numpy as np
import pytest
from modules import ROOT, modules, name_of

from accel.dataflow import folding
from accel.dataflow.schedule import Schedule
from accel.graph import Graph, Node
from accel.ops import Dense
from accel.tensor import Tensor
from hls import rtl

LONGEST = 10
"""Functions that call each other in a row."""
Call = tuple[str, str]
"""Module and function."""


def one_dense() -> Graph:
    weight = np.random.default_rng(0).integers(-7, 8, (8, 8))
    return Graph("one", {"x": Tensor((4, 8), -8, 7)}, [Node("y", Dense(weight, np.zeros(8, int)), ("x",))], "y")


def walk(graph: Graph, schedule: Schedule | None) -> list[tuple[Call, ...]]:
    """The functions of ours that call each other in a row, whenever `hls.rtl.lower` calls one more of them."""
    found: list[tuple[Call, ...]] = []

    def watch(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and module_of(frame.f_code):
            found.append(row_of(frame))

    rtl.lower(one_dense(), schedule)  # what is remembered between designs is not on the way
    sys.setprofile(watch)
    try:
        rtl.lower(graph, schedule)
    finally:
        sys.setprofile(None)
    return found


@cache
def module_of(code: CodeType) -> str | None:
    """Our module that a function is in; None for others, and for comprehensions and lambdas."""
    path = Path(code.co_filename)
    inside = path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in ("accel", "hls")
    return name_of(path) if inside and not code.co_name.startswith("<") else None


def row_of(frame: FrameType | None) -> tuple[Call, ...]:
    calls: list[Call] = []
    while frame and frame.f_code is not walk.__code__:
        if module := module_of(frame.f_code):
            calls.append((module, frame.f_code.co_name))
        frame = frame.f_back
    return tuple(reversed(calls))


def climbs(row: tuple[Call, ...]) -> list[tuple[str, str]]:
    """Calls into a module that imports the caller's."""
    steps = pairwise(row)
    return [(a[0], b[0]) for a, b in steps if a[0] != b[0] and a[0] in below(b[0])]


@cache
def below(module: str) -> set[str]:
    """All modules that a module imports, by way of others, too."""
    found: set[str] = set()
    pending = [module]
    while pending:
        new = modules().get(pending.pop(), set()) - found
        found |= new
        pending += new
    return found


@pytest.mark.parametrize("chosen", [False, True], ids=["folds given", "folds chosen"])
def test_a_dense_is_lowered_in_short_calls_that_only_go_down(chosen: bool) -> None:
    graph = one_dense()
    rows = walk(graph, None if chosen else folding.default(graph))
    longest = max(rows, key=len)
    assert len(longest) <= LONGEST, longest
    assert any(name == "pack" for _, name in (row[-1] for row in rows)), "the memories are on the way"
    assert any(name == "estimate" for _, name in (row[-1] for row in rows)) == chosen, "folds are priced on the way"
    assert not [step for row in rows for step in climbs(row)]


def test_nothing_is_built_twice() -> None:
    """One netlist, one run for the depths of its buffers, and one for its cycles."""
    ends = [row[-1] for row in walk(one_dense(), None)]
    for module, name in (("netlist", "build"), ("prediction", "buffer_depths"), ("prediction", "predict")):
        assert ends.count((f"accel.dataflow.{module}", name)) == 1


def test_a_climb_is_found() -> None:
    assert climbs((("accel.graph", "f"), ("hls.rtl.emit", "g"))) == [("accel.graph", "hls.rtl.emit")]
    assert not climbs((("hls.rtl.emit", "g"), ("accel.graph", "f")))
