"""Designs of several inputs and outputs: integers, cycles, pauses of one stream alone, ports, and who refuses them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from command import accel as command
from command import assert_refused
from contract import random_schedule
from several import several_ends

from accel import reference
from accel.arrays import named
from accel.design import Design
from accel.errors import UserError
from accel.graph import Graph, Node
from accel.ops import Add
from accel.stream import port_names
from accel.tensor import Tensor
from accel.verbs.inputs import load_samples
from accel.verbs.lower import lower
from hls import rtl
from hls.simulation import simulate, verilator

PAUSE = 0.9


def require_exact(graph: Graph, design: Design, samples: int = 14) -> None:
    """Outputs are the reference's, beats come when it is predicted, and pauses of one stream change no integer."""
    x = load_samples(graph, None, samples, 3)
    expected = named(graph.outputs, reference.run(graph, x))

    def run(**options) -> simulate.Simulation:
        found = simulate.run(design, x, **options)
        outputs = named(graph.outputs, found.outputs)
        assert all(np.array_equal(outputs[name], expected[name]) for name in expected)
        return found

    free = run()
    assert (free.latency, free.interval) == (design.predicted.latency, design.predicted.interval)
    for name, times in design.structure.prediction.given.items():
        assert tuple(free.given[name][: len(times)]) == times, name
    assert min(map(min, free.given.values())) > 0
    for name in (*graph.inputs, *graph.outputs):
        assert run(stall={name: PAUSE}, seed=5).latency >= free.latency
    run(stall=0.3, seed=7)
    traced = run(trace=True).edges
    known = reference.trace(graph, x)
    assert all(np.array_equal(traced[name], known[name]) for name in graph.tensors)


@pytest.mark.parametrize("seed", range(1, 9))
def test_integers_cycles_and_pauses(seed: int) -> None:
    graph = several_ends(seed)
    assert max(len(graph.inputs), len(graph.outputs)) > 1
    require_exact(graph, rtl.lower(graph, random_schedule(graph, seed)))


def test_an_input_is_an_output_and_names_are_no_identifiers(tmp_path: Path) -> None:
    """Names that differ in nothing that an identifier keeps, and an edge at both ends."""
    tensor = Tensor((3, 4), -8, 7)
    nodes = [Node("π/1", Add([1, 2]), ("a.b", "A b")), Node("module", Add([1, 1]), ("π/1", "__"))]
    graph = Graph("named", dict.fromkeys(("a.b", "A b", "__"), tensor), nodes, ("module", "a.b", "π/1"))
    design = rtl.lower(graph)
    assert design.ports == (("s_a_b", "s_A_b_2", "s_2"), ("m_module", "m_a_b", "m_1"))
    require_exact(graph, design)
    design.write(tmp_path)
    verilator.lint(tmp_path, design.sources, design.top)
    again = Design.load(tmp_path)
    assert (again.inputs, again.outputs, again.ports) == (design.inputs, design.outputs, design.ports)
    assert json.loads((tmp_path / "design.json").read_text(encoding="utf-8"))["ports"][0] == ["s_a_b", "s_A_b_2", "s_2"]


def test_port_names() -> None:
    assert port_names("s", ["any name"]) == ("s",)
    names = ["x", "X", "x_2", "", "x" * 99, "x" * 98]
    made = port_names("s", names)
    assert len({name.lower() for name in made}) == len(names)
    assert all(re.fullmatch("s(_[A-Za-z0-9]+)+", name) and len(name) < 50 for name in made)


def test_samples_and_streams_that_do_not_fit() -> None:
    graph = several_ends(1)
    design, x = rtl.lower(graph), load_samples(graph, None, 2)
    some, other = graph.inputs
    with pytest.raises(UserError, match="got one array, expected a dict with one for each of"):
        simulate.run(design, x[some])
    with pytest.raises(UserError, match=f"{other!r}: input shape is"):
        simulate.run(design, x | {other: x[other][:, :1]})
    with pytest.raises(UserError, match="the design has no stream 'y' to pause; there are"):
        simulate.run(design, x, stall={"y": 0.5})


def test_boards_refuse_in_words(tmp_path: Path) -> None:
    graph = several_ends(4)
    lower(graph, "rtl", tmp_path / "rtl")
    done = command("simulate", tmp_path / "rtl", "--samples", "6")
    assert done.exit_code == 0, done.stderr
    assert "inputs" not in done.stderr
    done = command("bitstream", tmp_path / "rtl", "--out", tmp_path / "bits")
    assert_refused(
        done, f"several has {len(graph.inputs)} inputs", "a board one stream in and one out", "accel.cut.cut"
    )
    assert not (tmp_path / "bits").exists()
    assert command("report", tmp_path / "rtl").exit_code == 0
