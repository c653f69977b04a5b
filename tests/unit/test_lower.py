"""`accel lower`: the device and clock that a project is written for, and the figures that are known at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import accel, assert_refused

import boards
from accel.design import Design
from accel.errors import UserError
from accel.graph import Graph
from accel.verbs.lower import TARGETS, lower
from accel.verbs.lowered import LoweredDesign, LoweredProject
from hls.projects import backends, project

PARTS = {
    "vitis": ("project.tcl", 'set part "{}"', "set clock_period {}"),
    "vivado": ("project.tcl", 'set part "{}"', "set clock_period {}"),
    "quartus": ("Makefile", "DEVICE   := {}", ""),
    "catapult": ("build_prj.tcl", "setup_xilinx_part {{{}}}", "set hls_clock_period {}"),
    "oneapi": ("CMakeLists.txt", '"{}"', ""),
    "libero": ("config.tcl", "{}", ""),
}
"""Target → the file that its tool reads the part and the clock from."""


@pytest.mark.parametrize("target", PARTS)
def test_part_and_clock_reach_the_tool(tiny_graph: Graph, tmp_path: Path, target: str) -> None:
    io = "parallel" if target == "libero" else None
    made = lower(tiny_graph, target, tmp_path / "hls", io=io, part="some-part7", clock_period_ns=2.5)
    file, part, clock = PARTS[target]
    text = (tmp_path / "hls" / file).read_text()
    assert part.format("some-part7") in text
    assert clock.format(2.5) in text
    written = project.load(tmp_path / "hls")
    assert (written.setting("Part"), float(written.setting("ClockPeriod"))) == ("some-part7", 2.5)
    assert (made.part, made.clock_mhz) == ("some-part7", 400)


@pytest.mark.parametrize(
    ("target", "board"),
    [
        (target, board)
        for target in TARGETS
        for board in boards.names()
        if target != "rtl" and boards.get(board).target in backends.get(target).families
    ],
)
def test_a_board_sets_both(tiny_graph: Graph, tmp_path: Path, target: str, board: str) -> None:
    made = lower(tiny_graph, target, tmp_path / "hls", board=board, interval=1000)
    wanted = boards.get(board)
    file, part, clock = PARTS[target]
    text = (tmp_path / "hls" / file).read_text()
    assert part.format(wanted.device) in text
    assert clock.format(round(1000 / wanted.clock_mhz, 3)) in text
    assert made.part == wanted.device
    assert made.clock_mhz == pytest.approx(wanted.clock_mhz, rel=1e-3)


def test_the_clock_of_a_board_can_be_another(tiny_graph: Graph, tmp_path: Path) -> None:
    made = lower(tiny_graph, "vitis", tmp_path / "hls", board="kv260", clock_period_ns=4, interval=1000)
    assert (made.part, made.clock_mhz) == (boards.get("kv260").device, 250)


@pytest.mark.parametrize(
    ("target", "options", "text"),
    [
        ("vitis", {"board": "ulx3s-85f"}, "Vitis does not build for the ecp5 device of ulx3s-85f: name --part, or one"),
        ("libero", {"board": "kv260"}, "Libero does not build for the ultrascale+ device of kv260: name --part"),
        ("vitis", {"board": "kv260", "part": "x"}, "--board kv260 sets the part xck26-sfvc784-2LV-c; give --board"),
        ("vitis", {"part": "x; exec rm"}, "part 'x; exec rm' is no part number"),
        ("vitis", {"clock_period_ns": 0.0}, "a clock period of 0.0 ns is not usable"),
        ("rtl", {"part": "x"}, "--part and --clock-period are for HLS projects"),
        ("rtl", {"clock_period_ns": 4.0}, "--part and --clock-period are for HLS projects"),
        ("vivado-accelerator", {"board": "kv260"}, "VivadoAccelerator has no board 'kv260'"),
    ],
)  # fmt: skip
def test_what_does_not_go_together(
    tiny_graph: Graph, tmp_path: Path, target: str, options: dict[str, object], text: str
) -> None:
    with pytest.raises(UserError) as error:
        lower(tiny_graph, target, tmp_path / "out", **options)
    assert text in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_design_keeps_what_it_was_made_of(tiny_graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hls import rtl

    design = rtl.lower(tiny_graph)
    design.write(tmp_path)
    units = [unit.name for unit in design.units]
    read = rtl.structure_of(Design.load(tmp_path), tiny_graph)
    assert [instance.name for instance in read.netlist.instances] == units

    def again(*_: object) -> None:
        raise AssertionError("the netlist is made again")

    monkeypatch.setattr(rtl, "structure", again)
    assert rtl.structure_of(design, tiny_graph) is design.structure
    assert list(design.structure.activity(2)) == units


def test_figures_of_a_design(tiny_graph: Graph, tmp_path: Path) -> None:
    from hls import rtl
    from hls.rtl.area import estimate

    made = lower(tiny_graph, "rtl", tmp_path / "rtl", board="pynq-z2", interval=20)
    design = Design.load(tmp_path / "rtl")
    assert isinstance(made, LoweredDesign)
    assert (made.latency, made.interval) == (design.predicted.latency, design.predicted.interval)
    assert made.latency_us == made.latency / 100
    assert made.samples_per_s == pytest.approx(100e6 / made.interval)
    expected = estimate(rtl.structure_of(design, tiny_graph).netlist, design.schedule.depths, "xilinx7")
    assert (made.estimate.dsp, made.estimate.bram) == (expected.dsp, expected.bram)
    assert made.estimate.lut == expected.equivalents("xilinx7")
    assert made.shares["dsp"] == expected.dsp / boards.get("pynq-z2").capacity.dsp


def test_figures_of_a_project(tiny_graph: Graph, tmp_path: Path) -> None:
    made = lower(tiny_graph, "vitis", tmp_path / "hls", interval=20, io="parallel")
    assert isinstance(made, LoweredProject)
    written = project.load(tmp_path / "hls")
    assert made.interval == written.plan.interval <= 20
    assert made.latency == written.plan.latency > made.interval


def test_what_the_command_prints(tiny_model: Path, tmp_path: Path) -> None:
    shown = accel("lower", tiny_model, "--target", "rtl", "--out", tmp_path / "rtl").stdout.splitlines()
    found = json.loads(accel("lower", tiny_model, "--target", "rtl", "--out", tmp_path / "rtl", "--json").stdout)
    predicted, needed = found["predicted"], found["estimate"]
    assert f"{predicted['interval']:,} cycles, {found['interval_us']:,.2f} µs at 60 MHz" in shown[0]
    assert f"{predicted['latency']:,} cycles, {found['latency_us']:,.2f} µs" in shown[1]
    assert f"{needed['lut4']:,} LUT, {needed['dsp']} DSP, {needed['bram']} BRAM" in shown[2]
    assert shown[3].startswith("ulx3s-85f ")
    assert shown[4:] == [f"wrote {tmp_path / 'rtl'}"]
    project = accel("lower", tiny_model, "--target", "vitis", "--board", "kv260", "--out", tmp_path / "hls").stdout
    assert "xck26-sfvc784-2LV-c" in project


def test_a_design_that_is_too_large_says_so(tiny_model: Path, tmp_path: Path) -> None:
    shown = accel(
        "lower", tiny_model, "--target", "rtl", "--unrolled", "--board", "icebreaker", "--out", tmp_path / "rtl"
    ).stdout.splitlines()
    assert shown[3].startswith("icebreaker")
    assert shown[3].endswith("does not fit")


def test_one_way_of_folding(tiny_model: Path, tmp_path: Path) -> None:
    refused = accel("lower", tiny_model, "--target", "rtl", "--unrolled", "--interval", 9, "--out", tmp_path / "rtl")
    assert_refused(refused, "each choose a folding; give one")
