"""The schedule: its file, and the solver."""

import json

import numpy as np
import pytest
from encoders import Shape, encoder, samples
from hls_graphs import everything
from random_blocks import block

import boards
from accel import reference
from accel.dataflow.folding import DSP, Solver, fastest, fold_for
from accel.dataflow.schedule import Schedule
from accel.errors import UserError
from accel.fold import LaneFold, MatrixFold
from accel.graph import Graph, Node
from accel.ops import Rescale
from accel.target import Cells
from accel.tensor import Tensor
from accel.verbs.explore import explore
from hls import rtl
from hls.rtl.area import estimate
from hls.simulation import simulate


def test_the_file_comes_back_with_a_line_per_node(tmp_path):
    graph = encoder()
    schedule = rtl.lower(graph, fold_for(graph, 512, "xilinx7")).schedule
    (tmp_path / "schedule.json").write_text(schedule.text())
    assert Schedule.load(tmp_path / "schedule.json") == schedule
    lines = schedule.text().splitlines()
    for name, fold in schedule.folds.items():
        assert any(line.strip().rstrip(",") == f"{json.dumps(name)}: {fold}" for line in lines)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2 is not the one that this accel reads"),
        ({"fold": {}}, "unknown entry 'fold'; there are folds, depths, memories, target"),
        ({"target": "z80"}, "target 'z80' is not one of ecp5"),
        ({"folds": {"a": 3}}, "folds of 'a': got 3, expected a fold"),
        ({"depths": {"a": 0}}, "depths of 'a': got 0, expected a positive number"),
        ({"memories": {"a": "flash"}}, "memories of 'a': got 'flash', expected one of lut, block"),
        ({"depths": {"a": "8"}}, "depths of 'a': got '8', expected a positive number"),
        ({"depths": {"a": True}}, "depths of 'a': got True, expected a positive number"),
        ({"depths": {"a": 1 << 40}}, "got 1099511627776, expected a positive number up to 16777216"),
        ({"depths": []}, r"depths is \[\], expected an object with an entry per name"),
        ({"folds": None}, "folds is None, expected an object"),
        ({"target": []}, r"target \[\] is not one of ecp5"),
    ],
)
def test_a_wrong_file_is_refused(change, message, tmp_path):
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps({"format": 1, **Schedule().to_json(), **change}))
    with pytest.raises(UserError, match=message):
        Schedule.load(path)


def test_an_object_of_a_file_is_no_fold():
    with pytest.raises(
        UserError, match=r"folds of 'y': got {'lanes': 1}, expected a fold; make one with accel\.dataflow"
    ):
        Schedule({"y": {"lanes": 1}})
    assert Schedule.from_json({"folds": {"y": {"lanes": 1}}}).folds == {"y": LaneFold(1)}


def test_a_file_that_is_none(tmp_path):
    (tmp_path / "text").write_text("{")
    (tmp_path / "list").write_text("[]")
    (tmp_path / "deep").write_text("[" * 100_000)
    for name, message in (
        ("text", "not JSON"),
        ("deep", "not JSON"),
        ("list", "is an object"),
        ("absent", "No such file or directory; `accel"),
    ):
        with pytest.raises(UserError, match=message):
            Schedule.load(tmp_path / name)


def test_entries_that_the_graph_does_not_have():
    graph = encoder()
    schedule = fold_for(graph, 512)
    with pytest.raises(UserError, match="no node 'nobody' to fold"):
        rtl.lower(graph, Schedule(schedule.folds | {"nobody": LaneFold(1)}))
    with pytest.raises(UserError, match="no buffer 'nowhere'"):
        rtl.lower(graph, Schedule(schedule.folds, {"nowhere": 2}))
    with pytest.raises(UserError, match="no node 'nobody' to place a memory of"):
        rtl.lower(graph, Schedule(schedule.folds, memories={"nobody": "lut"}))


def test_the_solver_keeps_the_interval_and_is_deterministic():
    graph = encoder(Shape(layers=2))
    for interval in (128, 200, 1000):
        schedule = fold_for(graph, interval)
        assert schedule == fold_for(graph, interval)
        assert rtl.lower(graph, schedule).predicted.interval <= interval


def test_a_budget_is_kept_and_a_larger_one_buys_speed():
    graph = encoder(Shape(layers=2))
    intervals = []
    for luts, dsps in ((16_000, 25), (26_000, 40), (100_000, 150)):
        budget = Cells(luts, luts, 100, dsps)
        schedule = fastest(graph, "ecp5", budget)
        assert schedule == fastest(graph, "ecp5", budget)
        made = rtl.structure(graph, schedule)
        needed = estimate(made.netlist, made.schedule.depths, "ecp5")
        assert needed.equivalents("ecp5") <= luts
        assert needed.dsp <= dsps
        intervals.append(made.prediction.interval)
    assert intervals[0] > intervals[1] > intervals[2]


def test_a_budget_that_nothing_fits_is_refused():
    with pytest.raises(UserError, match=r"the smallest design of encoder takes \d+% of the LUT that the device has"):
        fastest(encoder(), "ecp5", Cells(900, 1800, 10, 4))


def test_the_largest_share_never_rises_with_the_interval():
    """Blocks with norms and softmaxes whose serial division is too slow from some interval on, on three families."""
    assert [rising(seed) for seed in (0, 4, 7)] == [[], [], []]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24))
def test_the_largest_share_never_rises_in_more_models(seed):
    assert rising(seed) == []


def rising(seed: int) -> list[int]:
    """Intervals whose largest share of the device is above that of a shorter one: the listed ones and those between."""
    if seed % 2:
        graph = block(seed).graph
    else:
        heads = (1, 2, 4)[seed % 3]
        graph = encoder(
            Shape(tokens=8 + seed, channels=4 * heads, heads=heads, hidden=24, form=("layer", "rms")[seed % 4 // 2])
        )
    target = ("ecp5", "gowin", "xilinx7")[seed % 3]
    solver = Solver(graph, target)
    intervals = sorted({near for cycles in solver.intervals for near in (cycles, cycles + 1 + seed)})
    shares = [solver.at(interval)[1].max() for interval in intervals]
    return [later for later, before, after in zip(intervals[1:], shares, shares[1:], strict=False) if after > before]


def test_a_pipelined_division_where_a_serial_one_would_need_copies():
    """Four rows of 16 tokens share one division; serial ones would take a copy of all units for each head."""
    graph = encoder(Shape(tokens=16, channels=16, heads=4))
    folds = Solver(graph, "ecp5").at(512)[0].folds
    assert folds["block0.softmax"].unrolled
    assert folds["block0.softmax"].heads == 1


def test_the_fastest_that_fits_is_what_explore_chooses():
    graph, board = encoder(), boards.get("tang-nano-20k")
    points, schedule = explore(graph, board, 2)
    assert schedule == fastest(graph, board.target, board.capacity)
    assert [point.interval for point in points if point.chosen] == [min(p.interval for p in points if p.fits)]


def test_a_hopeless_model_is_refused_without_trying_its_speeds():
    solver = Solver(encoder(), "ecp5", Cells(900, 1800, 10, 4))
    with pytest.raises(UserError, match="the smallest design of encoder takes"):
        solver.fastest()
    assert list(solver._found) == [solver.intervals[-1]]


def test_prices_follow_the_budget():
    """The same interval: in hard multipliers where they are plenty, in look-up tables where there are hardly any."""
    graph = encoder()
    used = [Solver(graph, "ecp5", Cells(20_000, 20_000, 50, dsps)).at(64)[0] for dsps in (5, 500)]
    few, many = (
        sum(isinstance(fold, MatrixFold) and fold.multiply == "dsp" for fold in schedule.folds.values())
        for schedule in used
    )
    assert few < many


def test_every_operator_does_without_hard_multipliers():
    """Products with constants of tokens, of two edges and of factors that are no powers of two among them."""
    solver = Solver(everything(0), "ecp5", dsp=0)
    for interval in (solver.intervals[0], solver.intervals[-1]):
        assert solver.at(interval)[1][DSP] == 0


def test_a_graph_of_stages_has_nothing_to_fold():
    graph = Graph("stage", {"x": Tensor((2, 3), -8, 7)}, (Node("y", Rescale([1], 1, "floor", -3, 3), ("x",)),), "y")
    with np.errstate(all="raise"):
        assert fold_for(graph, 64).folds == {}
    x = samples(graph, 3)
    assert np.array_equal(simulate.run(rtl.lower(graph), x).outputs, reference.run(graph, x))


def test_a_memory_goes_where_the_schedule_says():
    graph = encoder(Shape(channels=16, hidden=32))
    schedule = fold_for(graph, 2048)
    chosen = rtl.lower(graph, schedule)
    memories = chosen.schedule.memories
    assert {"block", "lut"} == set(memories.values())
    swapped = {node: {"lut": "block", "block": "lut"}[style] for node, style in memories.items()}
    design = rtl.lower(graph, Schedule(schedule.folds, memories=swapped))
    assert design.schedule.memories == swapped
    assert design.files["accel_top.sv"] != chosen.files["accel_top.sv"]
    x = samples(graph, 3)
    assert (simulate.run(design, x).outputs == reference.run(graph, x)).all()
