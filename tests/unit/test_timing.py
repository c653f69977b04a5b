"""The evaluation of timing: compiled and in Python, the same cycles on every edge."""

import numpy as np
import pytest
from contract import random_schedule
from encoders import Shape, encoder
from several import several_ends

from accel.dataflow import prediction, timing
from accel.dataflow.netlist import Netlist, build
from accel.dataflow.program import program
from accel.errors import ToolError
from accel.hardware import Actor, Every, consume, per_row, produce

FORMS = (Shape(), Shape(tokens=3, features=5, channels=6, heads=3, hidden=9, layers=2, bits=2), Shape(form="rms"))
KNOWN = ((767, 256), (926, 126), (469, 64))
"""Latency and interval of each form, from the evaluation on lists that came before the one on arrays."""


def netlist(number: int) -> Netlist:
    graph = encoder(FORMS[number], number) if number < len(FORMS) else several_ends(number)
    return build(graph, random_schedule(graph, number))


def run(made: Netlist, depths: dict[str, int], *, most: bool = False, missing: int = 0) -> timing.Run:
    """Twelve sequences, whose beats (but `missing`) are all there at once; `most`: one in the time of a unit."""
    interval = prediction.slowest(made) if most else 0
    sizes = [beats - missing for beats in prediction._input_beats(made)]
    released = [np.arange(beats) * interval // beats - timing.VISIBLE for beats in sizes]
    results = [len(sizes) + number for number in made.exits.values()]
    places = prediction._places(made, depths)
    return timing.Run(prediction.network(made), places, 12, released, interval, results=results, most=most)


@pytest.mark.parametrize("number", range(len(FORMS) + 4))
def test_compiled_equals_python(number):
    """With unlimited buffers, with those of the prediction, and with buffers that hold everything up."""
    made = netlist(number)
    planned = prediction.buffer_depths(made)
    for depths in ({}, planned, {name: max(2, depth // 4) for name, depth in planned.items()}):
        both = [run(made, depths) for _ in range(2)]
        complete = timing.evaluate(both[0])
        assert timing._compiled()(both[1]) == complete
        for name in ("next", "left", *(("given", "first_reads", "last_writes") if complete else ("places",))):
            for part in zip(*(getattr(one, name) for one in both), strict=True):
                assert np.array_equal(*part), name


@pytest.mark.parametrize("number", range(len(FORMS) + 2))
def test_the_most_places_taken_need_no_sequence_that_repeats(number):
    both = [run(netlist(number), {}, most=True) for _ in range(2)]
    assert timing.evaluate(both[0])
    assert timing._compiled()(both[1])
    assert np.array_equal(both[0].most, both[1].most)
    assert both[0].most.max() > 2


@pytest.mark.parametrize("seed", range(40))
def test_a_program_does_what_its_actor_says(seed):
    """Every firing that uses an edge is one event, at its place; periods that do not fit a sequence among them."""
    rng = np.random.default_rng(seed)
    period = int(rng.integers(1, 7))
    first = int(rng.integers(0, period))
    some = Every(period, first, int(rng.integers(1, period - first + 1)))
    rows = Every(period, period - 1)
    firings = int(rng.integers(1, 5)) * period * int(rng.integers(1, 4)) + int(rng.integers(0, 2)) * (seed % 3)
    actor = Actor(firings, (consume("in0", some), per_row(period, "in1")), (produce("out", rows, 3),), 2)
    made = program(actor)
    assert made.events % made.counts.sum() == 0 or made.events == made.counts.sum()
    when = np.cumsum(np.repeat(made.gaps, made.counts)) - made.gaps[0]
    firing = np.arange(firings)
    wanted = some.includes(firing) | rows.includes(firing) | (firing % period == 0)
    assert made.events == wanted.sum()
    found = np.flatnonzero(wanted)[: len(when)]
    assert np.array_equal(2 * (found - found[0]), when)
    assert (
        [some.number(firings), rows.number(firings)]
        == [len(mask.within(firings)) for mask in (some, rows)]
        == [int(mask.includes(firing).sum()) for mask in (some, rows)]
    )


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
    depths = prediction.buffer_depths(made)
    for evaluated in (timing._compiled, lambda: None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(timing, "_compiled", evaluated)
            with pytest.raises(timing.DeadlockError, match="waits for a beat on input"):
                run(made, depths, missing=1).run()
