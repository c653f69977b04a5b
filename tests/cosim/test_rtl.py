"""Whole transformers in RTL: exact, as fast as predicted under random schedules, and faults are found and named."""

import re
from dataclasses import replace

import numpy as np
import pytest
from board_designs import damaged
from contract import random_schedule
from encoders import Shape, encoder, samples

from accel import reference
from accel.dataflow.folding import fold_for
from accel.dataflow.netlist import build
from accel.dataflow.prediction import buffer_depths, high_water, predict, slowest
from accel.dataflow.schedule import Schedule
from accel.dataflow.timing import DeadlockError
from accel.design import Design
from accel.errors import UserError
from accel.fold import LaneFold, MatrixFold
from accel.graph import Graph, Node
from accel.ops import Norm, Rescale, Softmax
from accel.ops.softmax.op import exp_table
from accel.tensor import Tensor
from accel.verification.levels import Level, Outcome, verify
from hls import rtl
from hls.simulation import simulate, verilator

SHAPES = {
    "plain": Shape(),
    "rms_gelu_causal": Shape(form="rms", gelu=True, causal=True, tokens=6, heads=1),
    "two_layers_odd": Shape(tokens=3, features=5, channels=6, heads=3, hidden=9, layers=2, bits=2),
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_edge_is_exact(name, tmp_path):
    graph = encoder(SHAPES[name], seed=1)
    design = rtl.lower(graph, random_schedule(graph, 1))
    x = samples(graph, 20)
    expected = reference.trace(graph, x)
    traced = simulate.run(design, x, trace=True)
    assert set(traced.edges) == set(graph.tensors)
    assert all(np.array_equal(traced.edges[edge], expected[edge]) for edge in traced.edges)
    assert np.array_equal(simulate.run(design, x, stall=0.5, seed=3, trace=True).outputs, expected[graph.output])
    design.write(tmp_path)
    verilator.lint(tmp_path, design.sources, design.top)


SCHEDULES = [
    *range(4),
    *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 52)),
]


@pytest.mark.parametrize("seed", SCHEDULES)
def test_random_schedules_are_predicted_to_the_cycle(seed):
    graph = encoder(list(SHAPES.values())[seed % len(SHAPES)], seed)
    design = rtl.lower(graph, random_schedule(graph, seed))
    measured = simulate.run(design, samples(graph, 16))
    assert (measured.latency, measured.interval) == (design.predicted.latency, design.predicted.interval)
    times = design.structure.prediction.beats
    assert tuple(measured.beats[: len(times)]) == times


@pytest.mark.parametrize(("lanes", "causal"), [(1, 0), (5, 1), (17, 0), (66, 1)])
def test_the_largest_of_many_lanes_is_found_level_by_level(lanes, causal):
    """One to four levels of four; what a causal row may not see is left out."""
    row = 3 * lanes
    softmax = Node("shares", Softmax(row, 8, exp_table(1 / 16, 8, 256), causal), ("x",))
    graph = Graph("rows", {"x": Tensor((3, row), -128, 127)}, (softmax,), "shares")
    design = rtl.lower(graph, Schedule({"shares": LaneFold(lanes, unrolled=2)}))
    x = samples(graph, 12)
    ran = simulate.run(design, x)
    assert np.array_equal(ran.outputs, reference.run(graph, x))
    assert (ran.latency, ran.interval) == (design.predicted.latency, design.predicted.interval)


@pytest.mark.parametrize("name", SHAPES)
def test_waves_show_every_unit_at_work_when_it_was_predicted(name, tmp_path):
    """Of every unit and sample the first beat taken and the last beat written, as a viewer of waves shows them."""
    graph = encoder(SHAPES[name], seed=2)
    design = rtl.lower(graph, random_schedule(graph, 2))
    x = samples(graph, 3)
    ran = simulate.run(design, x, waves=tmp_path / "waves.vcd")
    assert np.array_equal(ran.outputs, reference.run(graph, x))
    high = read_waves(tmp_path / "waves.vcd")
    start = int(np.flatnonzero(high["s_valid"] & high["s_ready"])[0])
    for number, (unit, spans) in enumerate(design.structure.activity(3).items()):
        assert unit == design.units[number].name
        taken = [high[f"i{number}_s{k}_valid"] & high[f"i{number}_s{k}_ready"] for k in ports(high, f"i{number}_s")]
        written = [high[f"{port}_valid"] for port in results(high, f"i{number}_")]
        starts = np.min([np.flatnonzero(cycles).reshape(3, -1)[:, 0] for cycles in taken], axis=0) - start
        ends = np.max([np.flatnonzero(cycles).reshape(3, -1)[:, -1] for cycles in written], axis=0) - start
        assert [*zip(starts, ends, strict=True)] == spans, unit


def read_waves(path):
    """Signal of one bit → whether it is high before the clock's edge, by cycle."""
    header, body = path.read_text().split("$enddefinitions $end")
    names = re.findall(r"\$var wire +1 (\S+) (\w+) \$end", header)
    times = body.split("\n#")[1:]
    high = {code: np.zeros(len(times) // 2, bool) for code, _ in names}
    for block in times:
        time, *changes = block.split("\n")
        for change in changes:
            if change[:1] in ("0", "1"):
                high[change[1:]][(int(time) + 1) // 2 :] = change[0] == "1"
    return {name: high[code] for code, name in names}


def ports(high, prefix):
    return sorted({name[len(prefix)] for name in high if re.fullmatch(rf"{prefix}\d_valid", name)})


def results(high, unit):
    """The outputs of a unit: of the one with stages behind it, the last stage's."""
    own = [name.removesuffix("_valid") for name in high if re.fullmatch(rf"{unit}[mt]\d+_valid", name)]
    stages = sorted((name for name in own if "_t" in name), key=lambda name: int(name.rpartition("t")[2]))
    return stages[-1:] or [name for name in own if "_m" in name]


def test_waves_of_a_design_that_hangs_are_written(tmp_path):
    graph = encoder()
    design = rtl.lower(graph)
    broken = re.sub("= (s0_valid && )?m0_room;", "= 1'b0;", design.files["accel_pass.sv"])
    hanging = design.files | {"accel_pass.sv": broken}
    with pytest.raises(simulate.SimulationError, match="nothing moved any more"):
        simulate.run(replace(design, files=hanging), samples(graph, 2), waves=tmp_path / "waves.vcd")
    assert read_waves(tmp_path / "waves.vcd")["s_valid"].any()


def test_taps_and_buffers_of_another_design_are_refused():
    graph = encoder(SHAPES["plain"])
    design, x = rtl.lower(graph), samples(graph, 1)
    more = replace(design, taps=(*design.taps, design.input))
    with pytest.raises(UserError, match=r"does not trace '.*' as its taps say; write it again with `accel lower`"):
        simulate.run(more, x, trace=True)
    fewer = replace(design, schedule=replace(design.schedule, depths={"a": 2}))
    with pytest.raises(UserError, match=r"has \d+ buffers, 1 in its schedule; write it again with `accel lower`"):
        simulate.run(fewer, x, watch=True)


def test_waves_that_cannot_be_written_are_an_error(tmp_path):
    graph = encoder(SHAPES["plain"])
    with pytest.raises(UserError, match=r"cannot write .*absent.waves\.vcd: No such file or directory; choose another"):
        simulate.run(rtl.lower(graph), samples(graph, 2), waves=tmp_path / "absent" / "waves.vcd")


def test_a_buffer_that_is_too_small_costs_what_is_predicted():
    graph = encoder()
    schedule = fold_for(graph, 256)
    netlist = build(graph, schedule)
    depths = buffer_depths(netlist)
    full = predict(netlist, depths).interval

    def interval(name: str) -> float:
        try:
            return predict(netlist, depths | {name: depths[name] // 2}).interval
        except DeadlockError:
            return 0

    slowest = max(depths, key=interval)
    design = rtl.lower(graph, Schedule(schedule.folds, {slowest: depths[slowest] // 2}))
    x = samples(graph, 16)
    measured = simulate.run(design, x)
    assert np.array_equal(measured.outputs, reference.run(graph, x))
    assert measured.interval == interval(slowest) > full


def test_a_deadlock_is_predicted_and_names_who_waits():
    graph = encoder(SHAPES["plain"])
    schedule = fold_for(graph, 256)
    depths = dict.fromkeys(buffer_depths(build(graph, schedule)), 2)
    with pytest.raises(DeadlockError, match=r"waits for a (beat on|place in) u\d+_\w+\.m\d>"):
        rtl.lower(graph, Schedule(schedule.folds, depths))


@pytest.mark.parametrize("seed", [0, 1])
def test_buffers_hold_what_was_predicted(seed):
    """Depths are the next power of two above what a design fed at its own rate is seen to use, no more."""
    graph = encoder(SHAPES["plain"], seed)
    design = rtl.lower(graph, random_schedule(graph, seed))
    schedule, netlist = design.schedule, design.structure.netlist
    ran = simulate.run(design, samples(graph, 16), pace=slowest(netlist), watch=True)
    seen = {name: use.most for name, use in ran.buffers.items()}
    assert seen == high_water(netlist)
    assert all(schedule.depths[name] == max(2, 1 << (most - 1).bit_length()) for name, most in seen.items())


@pytest.mark.parametrize(
    ("file", "before", "after", "message"),
    [
        ("accel_pass.sv", "= (s0_valid && )?m0_room;", "= 1'b0;", r"u0_input could move and does not"),
        (
            "accel_top.sv",
            r"(accel_fifo .*DEPTH)\(\d+\)",
            r"\1(2)",
            r"u\d+_\w+ waits for a place in u\d+_\w+\.m\d>(u\d+_\w+)\.s\d; \1 waits for a beat of",
        ),
    ],
    ids=["broken unit", "deadlock"],
)
def test_a_design_that_hangs_names_who_waits(file, before, after, message):
    graph = encoder()
    design = rtl.lower(graph)
    hanging = design.files | {file: re.sub(before, after, design.files[file])}
    assert hanging != design.files
    with pytest.raises(simulate.SimulationError, match=f"nothing moved any more: .*{message}"):
        simulate.run(replace(design, files=hanging), samples(graph, 2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:, :1], r"input shape is \(2, 1, 4\), the design takes \(samples, 4, 4\)"),
        (lambda x: x.astype(float), r"the design takes integers in -64\.\.63; got float64"),
        (lambda x: x + 1000, r"the design takes integers in -64\.\.63"),
    ],
)
def test_unfit_samples_are_refused(change, message):
    graph = encoder()
    with pytest.raises(UserError, match=message):
        simulate.run(rtl.lower(graph), change(samples(graph, 2)))


def test_an_impossible_fold_is_refused():
    graph = encoder()
    schedule = fold_for(graph, 1024)
    wrong = Schedule(schedule.folds | {"embed": MatrixFold(3, 1)})
    with pytest.raises(UserError, match=r"node 'embed' has fold \{.pe.: 3, .simd.: 1, .*\}; possible are \{"):
        rtl.lower(graph, wrong)


def test_names_of_a_graph_never_reach_verilog(tmp_path):
    hostile = 'x"); $system("rm -rf /"); // \n `include "a" \\ é'
    graph = encoder()
    rename = {name: f"{hostile}{name}" for name in graph.tensors}
    nodes = tuple(
        replace(node, name=rename[node.name], inputs=tuple(rename[i] for i in node.inputs)) for node in graph.nodes
    )
    evil = Graph(hostile, {rename["x"]: graph.input}, nodes, rename[graph.output])
    assert rtl.lower(evil).contents == rtl.lower(graph).contents


# ---- faults: the comparison names level, layer, index and both values


def _level(design: Design) -> Level:
    def edges(x: np.ndarray) -> dict[str, np.ndarray]:
        return simulate.run(design, x, trace=True).edges or {}

    return Level("rtl", lambda x: edges(x)["head"], edges)  # one compilation serves both


def _verify(graph: Graph, design: Design) -> Outcome:
    x = samples(graph, 12)
    return verify(graph, _level(design), x, reference.run(graph, x))


def _assert_named(outcome: Outcome, layer: str, graph: Graph) -> None:
    found = outcome.difference
    assert outcome.mismatches > 0
    assert found is not None
    assert (found.level, found.layer) == ("rtl", layer)
    x = samples(graph, 12)
    assert found.expected == reference.trace(graph, x)[layer][found.index]
    assert found.got != found.expected
    text = str(found)
    assert all(part in text for part in ("rtl", layer, str(found.index[-1]), str(found.expected), str(found.got)))


def _memory(design: Design, module: str, parameter: str) -> str:
    """The memory file of the first instance of a library module."""
    line = next(line for line in design.files["accel_top.sv"].split("\n") if line.strip().startswith(f"{module} #"))
    return line.split(f'.{parameter}("')[1].split('"')[0]


def test_a_fault_in_the_exponential_table_is_found():
    graph = encoder()
    design = rtl.lower(graph)
    file = _memory(design, "accel_softmax_exp", "ROM_FILE")
    wrong = damaged(design, file, *range(8))  # one LSB in each of the entries that are used most
    _assert_named(_verify(graph, wrong), "block0.softmax", graph)


def test_a_fault_in_a_weight_is_found():
    graph = encoder()
    design = rtl.lower(graph)
    file = _memory(design, "accel_dense", "WEIGHT_FILE")
    _assert_named(_verify(graph, damaged(design, file, 0)), "embed", graph)


def test_a_fault_in_the_rounding_is_found():
    graph = encoder()
    design = rtl.lower(graph)
    source = design.files["accel_round.sv"]
    wrong = source.replace("half & (below | floor_[0])", "half")  # half up instead of half to even
    assert wrong != source
    _assert_named(_verify(graph, replace(design, files=design.files | {"accel_round.sv": wrong})), "block0.q", graph)


def test_a_norm_of_zeros():
    """An edge that can only be zero has no variance; the port that carries it has a bit all the same."""
    source = Tensor((2, 3), -8, 7)
    zero = Rescale([1], 0, "floor", 0, 0)
    norm = Norm.of(zero.infer(source), "layer", 5, 8)
    graph = Graph("zeros", {"x": source}, (Node("zero", zero, ("x",)), Node("norm", norm, ("zero",))), "norm")
    x = samples(graph, 4)
    assert np.array_equal(simulate.run(rtl.lower(graph), x).outputs, reference.run(graph, x))


def test_an_interval_beyond_reach_is_refused():
    graph = encoder()
    with pytest.raises(
        UserError, match=r"node '\S+' needs \d+ cycles per sample at least, not 1: choose a longer interval$"
    ):
        fold_for(graph, 1)
