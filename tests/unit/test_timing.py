"""The evaluation of timing: compiled and in Python, the same cycles on every edge."""

import numpy as np
import pytest
from contract import random_schedule
from encoders import Shape, encoder

from accel.dataflow import timing
from accel.errors import ToolError
from hls.rtl import prediction
from hls.rtl.netlist import Netlist, build

FORMS = (Shape(), Shape(tokens=3, features=5, channels=6, heads=3, hidden=9, layers=2, bits=2), Shape(form="rms"))
KNOWN = ((767, 256), (926, 126), (469, 64))
"""Latency and interval of each form, from the evaluation on lists that came before the one on arrays."""


def netlist(number: int) -> Netlist:
    graph = encoder(FORMS[number], number)
    return build(graph, random_schedule(graph, number))


def network(made: Netlist, depths: dict[str, int]) -> tuple[list[timing.Edge], list[timing.Process]]:
    return prediction._network(made, depths, np.full(prediction._input_beats(made) * 3, -timing.VISIBLE))


@pytest.mark.parametrize("number", range(len(FORMS)))
def test_compiled_equals_python(number):
    """With unlimited buffers, with those of the prediction, and with buffers that hold everything up."""
    made = netlist(number)
    planned = prediction.buffer_depths(made)
    for depths in ({}, planned, {name: max(2, depth // 4) for name, depth in planned.items()}):
        both = [timing.Network(*network(made, depths), 3) for _ in range(2)]
        timing.evaluate(both[0])
        timing._compiled()(both[1])
        for name in ("times", "counts", "now", "next", "left"):
            assert np.array_equal(getattr(both[0], name), getattr(both[1], name)), name


def test_without_a_compiler_python_evaluates(monkeypatch):
    made = netlist(0)
    depths = prediction.buffer_depths(made)
    compiled = prediction.predict(made, depths)

    def absent():
        raise ToolError("no compiler")

    timing._compiled.cache_clear()
    monkeypatch.setattr(timing.codecache, "compiler", absent)
    try:
        assert timing._compiled() is None
        assert prediction.predict(made, depths) == compiled
    finally:
        timing._compiled.cache_clear()


def test_cycles_are_those_that_have_been_known():
    found = []
    for number in range(len(FORMS)):
        made = netlist(number)
        cycles = prediction.predict(made, prediction.buffer_depths(made))
        found.append((cycles.latency, cycles.interval))
    assert tuple(found) == KNOWN


def test_a_deadlock_names_who_waits():
    made = netlist(1)
    edges, processes = network(made, prediction.buffer_depths(made))
    edges[0].writes = edges[0].writes[:-1]
    with pytest.raises(timing.DeadlockError, match="waits for a beat on input"):
        timing.run(edges, processes, 3)
