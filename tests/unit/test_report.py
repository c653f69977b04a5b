"""The page of a design: every number on it is the design's, and what is wrong is red."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from board_designs import add_one
from command import accel, assert_refused
from pages import Page

from accel import storage
from accel.dataflow import prediction
from accel.dataflow.netlist import build
from accel.dataflow.schedule import Schedule
from accel.dataflow.timing import VISIBLE
from accel.design import Design
from accel.fold import LaneFold, to_json
from accel.graph import Graph, Node
from accel.ops import Dense
from accel.tensor import Tensor
from accel.verbs.lower import lower
from accel.verbs.report.diagram import figures
from accel.verbs.report.record import Accuracy, Cycles, LevelFigures, ModelFigures, RunReport
from hls.rtl import area


@pytest.fixture
def folder(tiny_graph: Graph, tmp_path: Path) -> Path:
    lower(tiny_graph, "rtl", tmp_path / "rtl")
    return tmp_path / "rtl"


def shown(folder: Path, *options: object, code: int = 0) -> Page:
    result = accel("report", folder, *options)
    assert result.exit_code == code, result.output
    return Page((folder / "report.html").read_text())


def run_of(design: Design, **changes: object) -> RunReport:
    """What the demo would have written about a design."""
    predicted = design.predicted
    return replace(
        RunReport(
            model=ModelFigures("digits", 1234, design.predicted.macs),
            accuracy=Accuracy(0.986, 0.9833),
            levels={"reference": LevelFigures(360, 0, 1.0), "rtl": LevelFigures(360, 0, 2.0)},
            cycles=Cycles(predicted.latency, predicted.interval, 0, 0, 0.5, 1e6),
            resources=None,
            fmax_mhz=None,
            clock_mhz=None,
            latency_us=None,
            inferences_per_s=None,
            design_hash=design.hash,
            bitstream=None,
            seconds={},
            versions={"verilator": "5.0-test"},
            command="accel demo --seed 7",
        ),
        **changes,
    )


def test_every_number_is_the_designs(folder: Path, tiny_graph: Graph) -> None:
    page, design = shown(folder), Design.load(folder)
    predicted = design.predicted
    assert page.cells("cycles")[1:] == [
        ["latency", f"{predicted.latency:,}", "–"],
        ["interval", f"{predicted.interval:,}", "–"],
    ]
    model = {row[0]: row[1] for row in page.cells("model")}
    assert model["design hash"] == design.hash
    assert model["multiply-accumulates per sample"] == f"{predicted.macs:,}"
    assert model["their utilization"] == f"{predicted.mac_utilization * 100:.2f} %"
    assert model["operators"] == "2 dense, 1 rescale"
    for tensor in tiny_graph.tensors.values():
        shape, span = figures(tensor)
        assert shape in page.texts or any(f"{shape}, {span}" in text for text in page.texts)
    shown_folds = {row[0]: row[3] for row in page.cells("folding")[1:]}
    for name, fold in design.schedule.to_json()["folds"].items():
        assert shown_folds[name].replace(" ", "") == "".join(f"{key}{value}" for key, value in fold.items())


def test_units_are_those_of_the_design(folder: Path, tiny_graph: Graph) -> None:
    page, design = shown(folder), Design.load(folder)
    schedule = design.schedule
    netlist = build(tiny_graph, schedule)
    rows = {row[0]: [cell.replace(",", "") for cell in row[1:5]] for row in page.cells("resources")[1:]}
    assert list(rows) == [*(unit.name for unit in design.units), "buffers", "all"]
    for instance in netlist.instances:
        counts = area.unit(instance, schedule.target)
        assert rows[instance.name] == [str(n) if n else "" for n in (counts.lut, counts.ff, counts.bram, counts.dsp)]
    total = area.estimate(netlist, schedule.depths, schedule.target)
    assert rows["all"] == [str(n) for n in (total.lut, total.ff, total.bram, total.dsp)]
    for unit in design.units:
        at = page.texts.index(unit.name)
        busy = f"{unit.cycles / design.predicted.interval * 100:.0f} %"
        assert page.texts[at + 1 : at + 3] == [f"{unit.cycles:,}", busy]


def test_the_timeline_ends_with_the_latency(tiny_graph: Graph, folder: Path) -> None:
    design = Design.load(folder)
    schedule = design.schedule
    netlist = build(tiny_graph, schedule)
    spans = prediction.activity(netlist, schedule.depths, 3)
    first, *later = spans[netlist.instances[-1].name]
    assert first[1] + VISIBLE == design.predicted.latency
    assert [last - first[1] for _, last in later] == [n * design.predicted.interval for n in (1, 2)]
    assert spans["u0_input"][0][0] == 0


def test_a_page_needs_nothing_else(folder: Path) -> None:
    page = shown(folder)
    assert page.links == ["data:,"]
    assert not {"script", "iframe", "object", "embed", "img"} & set(page.tags)


def test_what_the_demo_found_is_shown(folder: Path) -> None:
    run_of(Design.load(folder)).write(folder.parent / "report.json")
    page = shown(folder)
    assert page.cells("exactness")[1:] == [
        ["reference", "360", "0", "1.0", "equal"],
        ["rtl", "360", "0", "2.0", "equal"],
    ]
    assert ["accuracy on held-out samples", "98.33 % quantized, 98.60 % float"] in page.cells("model")
    assert ["verilator", "5.0-test"] in page.cells("reproduce")
    assert "accel demo --seed 7" in (folder / "report.html").read_text()
    assert Page((folder / "report.html").read_text()).cells("cycles")[1][2] != "–"


def test_what_is_wrong_is_red(folder: Path) -> None:
    design = Design.load(folder)
    where = "rtl: layer 'hidden' [1, 0, 2]: expected 3, got 4 (2 of 360 samples differ)"
    levels = {"reference": LevelFigures(360, 0, 1.0), "rtl": LevelFigures(360, 2, 2.0, where)}
    late = replace(run_of(design).cycles, latency=design.predicted.latency + 1)
    run_of(design, levels=levels, cycles=late).write(folder.parent / "report.json")
    page = shown(folder, code=1)
    assert page.tables["exactness"][1:] == [
        ("", ["reference", "360", "0", "1.0", "equal"]),
        ("bad", ["rtl", "360", "2", "2.0", where]),
    ]
    assert [style for style, _ in page.tables["cycles"][1:]] == ["bad", ""]
    assert "Not exact: 2 samples differ" in (folder / "report.html").read_text()


def test_reports_and_bitstreams_of_other_designs_are_left_out(folder: Path) -> None:
    run_of(Design.load(folder), design_hash="0" * 64).write(folder.parent / "report.json")
    (folder.parent / "other").mkdir()
    (folder.parent / "other" / "build.json").write_text(json.dumps({"design_hash": "0" * 64}))
    page = shown(folder)
    assert "exactness" not in page.tables
    assert "bitstream" not in page.tables


@pytest.mark.parametrize("name", ["report.json", "ulx3s/build.json"])
def test_damaged_files_are_named(folder: Path, name: str) -> None:
    path = folder.parent / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"design_hash": Design.load(folder).hash}))
    assert_refused(accel("report", folder), str(path), "not ")
    assert not (folder / "report.html").exists()


def test_the_graph_must_be_the_designs(folder: Path, tiny_graph: Graph) -> None:
    first, *others = tiny_graph.nodes
    renamed = [replace(node, inputs=("other",)) if node.inputs == ("dense0",) else node for node in others]
    other = Graph("tiny", {"x": tiny_graph.input}, (replace(first, name="other"), *renamed), "y")
    shutil.copytree(folder, folder.parent / "kept")
    storage.save(other, folder / "graph.accel")
    assert_refused(accel("report", folder), "graph.accel is not the graph that")
    replace(Design.load(folder.parent / "kept"), graph=None).write(folder)
    assert_refused(
        accel("report", folder),
        "tiny: the graph beside the design is another one (schedule: the graph has no node 'dense0'",
    )


def test_facts_that_are_another_designs_are_refused(folder: Path) -> None:
    design = Design.load(folder)
    replace(design, units=design.units[1:]).write(folder)
    assert_refused(accel("report", folder), "the graph beside the design is another one")
    replace(design, schedule=replace(design.schedule, depths={})).write(folder)
    assert_refused(accel("report", folder), "the graph beside the design is another one")


def test_names_are_text(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>\"'&"
    node = Node(name, Dense(np.eye(2, dtype=int), [0, 0]), ("x",))
    lower(Graph("<b>tiny</b>", {"x": Tensor((2, 2), 0, 7)}, (node,), name), "rtl", tmp_path / "rtl")
    page = shown(tmp_path / "rtl")
    assert "script" not in page.tags
    assert page.tags.count("b") == len(to_json(Design.load(tmp_path / "rtl").schedule.folds[name]))
    assert page.cells("folding")[1][0] == name
    assert page.cells("model")[0] == ["name", "<b>tiny</b>"]


def test_a_design_without_graph_has_a_short_page(tmp_path: Path) -> None:
    add_one().write(tmp_path / "rtl")
    page = shown(tmp_path / "rtl")
    assert page.cells("model")[0] == ["name", "add-one"]
    assert set(page.tables) == {"model", "cycles", "reproduce"}


def test_the_page_is_whole_or_absent(folder: Path, tmp_path: Path) -> None:
    assert_refused(accel("report", folder, "--out", folder), "is a folder; name a file")
    assert_refused(accel("report", folder, "--board", "de10"), "unknown board 'de10'")
    assert not (folder / "report.html").exists()
    assert accel("report", folder, "--out", tmp_path / "new" / "page.html").exit_code == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["page.html"]


def test_the_command_on_the_page_makes_the_same_design(folder: Path, tiny_graph: Graph, tmp_path: Path) -> None:
    lower(tiny_graph, "rtl", tmp_path / "again", schedule=folder / "schedule.json")
    assert Design.load(tmp_path / "again").hash == Design.load(folder).hash
    shown(folder)
    assert f"--schedule {folder}/schedule.json --out again" in (folder / "report.html").read_text()


def test_large_bounds_are_rounded() -> None:
    assert figures(Tensor((16, 8), -128, 127)) == ("8 bit, 16 × 8", "−128 … 127")
    assert figures(Tensor((16, 8), -(1 << 35), (1 << 35) - 1)) == ("36 bit, 16 × 8", "−3.44e10 … 3.44e10")


def test_the_pareto_plot_of_the_same_model_is_linked(folder: Path) -> None:
    assert "pareto.png" not in (shown(folder), (folder / "report.html").read_text())[1]
    plots = folder.parent / "a plot"
    plots.mkdir()
    (plots / "pareto.png").touch()
    (plots / "schedule.json").write_text(Schedule({"another": LaneFold(1)}).text())
    assert "pareto.png" not in (shown(folder), (folder / "report.html").read_text())[1]
    (plots / "schedule.json").write_text((folder / "schedule.json").read_text())
    shown(folder)
    assert '<a href="../a%20plot/pareto.png">' in (folder / "report.html").read_text()


def test_a_hint_names_the_synthesis(folder: Path) -> None:
    assert "--board NAME adds a synthesis" in accel("report", folder).stdout
