"""The schedule: its file, and the solver."""

import json
from dataclasses import asdict

import pytest
from encoders import Shape, encoder

from accel.errors import UserError
from accel.schedule import Schedule, fold_for
from hls import rtl


def test_the_file_comes_back_with_a_line_per_node(tmp_path):
    graph = encoder()
    schedule = Schedule(**rtl.lower(graph, fold_for(graph, 512, "xilinx7")).info["schedule"])
    (tmp_path / "schedule.json").write_text(schedule.text())
    assert Schedule.load(tmp_path / "schedule.json") == schedule
    lines = schedule.text().splitlines()
    for name, fold in schedule.folds.items():
        assert any(line.strip().rstrip(",") == f"{json.dumps(name)}: {json.dumps(fold)}" for line in lines)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2 is not the one that this accel reads"),
        ({"fold": {}}, "unknown entry 'fold'; there are folds, depths, target"),
        ({"target": "z80"}, "target 'z80' is none of ecp5"),
        ({"folds": {"a": 3}}, "folds of 'a': got 3, expected a fold"),
        ({"depths": {"a": 0}}, "depths of 'a': got 0, expected a positive number"),
        ({"depths": {"a": "8"}}, "depths of 'a': got '8', expected a positive number"),
    ],
)
def test_a_wrong_file_is_refused(change, message, tmp_path):
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps({"format": 1, **asdict(Schedule()), **change}))
    with pytest.raises(UserError, match=message):
        Schedule.load(path)


def test_a_file_that_is_none(tmp_path):
    (tmp_path / "text").write_text("{")
    (tmp_path / "list").write_text("[]")
    for name, message in (
        ("text", "not JSON"),
        ("list", "is an object"),
        ("absent", "No such file or directory; `accel"),
    ):
        with pytest.raises(UserError, match=message):
            Schedule.load(tmp_path / name)


def test_entries_that_the_graph_does_not_have():
    graph = encoder()
    schedule = fold_for(graph, 512)
    with pytest.raises(UserError, match="no node 'nobody' to fold"):
        rtl.lower(graph, Schedule(schedule.folds | {"nobody": {"lanes": 1}}))
    with pytest.raises(UserError, match="no buffer 'nowhere'"):
        rtl.lower(graph, Schedule(schedule.folds, {"nowhere": 2}))


def test_the_solver_keeps_the_interval_and_is_deterministic():
    graph = encoder(Shape(layers=2))
    for interval in (128, 200, 1000):
        schedule = fold_for(graph, interval)
        assert schedule == fold_for(graph, interval)
        assert rtl.lower(graph, schedule).info["predicted"]["interval"] <= interval
