"""HLS projects through the vendors' tools: mocks that check every call, run the test bench, and fail as real ones."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from command import accel, assert_refused

from accel.errors import ToolError, UserError
from accel.graph import Graph, Node
from accel.ops import Rescale
from accel.tensor import Tensor
from accel.verbs.lower import TARGETS
from hls.projects import builders, project, vendor
from hls.projects.backends import BACKENDS

pytest.importorskip("tkinter", reason="the mock tools run Tcl: Python needs its tkinter module")
MOCKS = Path(__file__).parents[1] / "mock_tools"
COSIM = [name for name, builder in builders.BUILDERS.items() if not builder.refused]


@pytest.fixture
def tools(monkeypatch):
    """The mock tools are on PATH; calling it chooses what goes wrong."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(MOCKS), str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.setenv("CMAKE", str(MOCKS / "cmake"))  # one of the Python environment would come first

    def prepare(fail=""):
        monkeypatch.setenv("MOCK_FAIL", fail)

    prepare()
    return prepare


def written(tool: str, graph: Graph, tmp_path: Path) -> project.Project:
    backend = BACKENDS[builders.BUILDERS[tool].backend]
    return project.write(graph, tmp_path / "project", backend.name, backend.io_types[0])


def samples(graph: Graph) -> np.ndarray:
    return np.random.default_rng(0).integers(graph.input.lo, graph.input.hi + 1, (3, *graph.input.shape))


def test_every_back_end_has_its_tool() -> None:
    assert {backend.builder: name for name, backend in BACKENDS.items()} == {
        name: builder.backend for name, builder in builders.BUILDERS.items()
    }
    assert set(TARGETS) == {"rtl", *builders.BUILDERS}


@pytest.mark.parametrize("tool", builders.BUILDERS)
def test_reports_become_values(tool, tools, tiny_graph, tmp_path):
    built = vendor.build(written(tool, tiny_graph, tmp_path), tmp_path / "out")
    report = built.report
    assert (built.tool, built.backend) == (tool, builders.BUILDERS[tool].backend)
    assert min(report.used.values()) >= 0
    assert set(report.available) in ({*report.used}, set())
    saved = json.loads((tmp_path / "out" / "build.json").read_text())
    assert saved["report"]["used"] == report.used
    assert saved["project_hash"] == built.project_hash
    assert saved["version"] == built.version != ""
    expected = {
        "vitis": ({"BRAM_18K": 2, "DSP": 9, "FF": 1203, "LUT": 2518, "URAM": 0}, (164, 164), 7.256, 10.0),
        "vivado": ({"BRAM_18K": 2, "DSP": 9, "FF": 1203, "LUT": 2518, "URAM": 0}, (164, 164), 7.256, 10.0),
        "vivado-accelerator": ({"BRAM_18K": 2, "DSP": 9, "FF": 1203, "LUT": 2518, "URAM": 0}, (164, 164), 7.256, 10.0),
        "quartus": ({"ALUT": 14210, "FF": 15812, "RAM": 12, "DSP": 9, "MLAB": 31}, None, None, None),
        "catapult": ({"area score": 2221}, (44, 44), None, 10.0),
        "oneapi": ({"ALUT": 13990, "FF": 15012, "RAM": 11, "DSP": 8, "MLAB": 40}, None, 1000 / 455.1, None),
        "libero": (
            {"Fabric + Interface 4LUT": 5280, "Fabric + Interface DFF": 3370, "I/O Register": 0, "User I/O": 0,
             "uSRAM": 12, "LSRAM": 3, "Math": 8}, None, None, None),
    }  # fmt: skip
    assert (report.used, report.latency, report.clock_ns, report.target_ns) == expected[tool]
    names = [part.name for part in report.parts]
    if "vi" in tool:
        assert len(names) == len(tiny_graph.nodes)
    if tool == "catapult":
        assert [part.latency for part in report.parts] == [(22, 22), None]


@pytest.mark.parametrize("tool", COSIM)
def test_rtl_results_are_a_level(tool, tools, tiny_graph, tmp_path):
    """The mocks run the project's own test bench on the samples that were written for it."""
    made, x = written(tool, tiny_graph, tmp_path), samples(tiny_graph)
    built = vendor.build(made, tmp_path / "out", cosim=x)
    assert built.cosim is not None
    assert (built.cosim.level, built.cosim.samples, built.cosim.mismatches) == ("cosim", 3, 0)
    assert (built.latency is None) == (tool == "oneapi")
    tools("mismatch")
    built = vendor.build(made, tmp_path / "out", cosim=x)
    assert built.cosim.mismatches == 1
    assert re.match(r"cosim: layer 'y' \[1, 0, 0\]: expected -?\d+, got -?\d+ \(1 of 3", str(built.cosim.difference))


@pytest.mark.parametrize(
    ("tool", "fail", "text"),
    [
        ("vitis", "exit", r"^vitis-run failed with exit code 1; log: .*hls\.log\n.*\[HLS 200-70\]"),
        ("vitis", "report", r"accel_model_csynth\.xml was not written: the tool left no such report"),
        ("vitis", "stale", r"accel_model_csynth\.xml is older than this run: it reports on something else"),
        ("vitis", "cut", r"accel_model_csynth\.xml is no XML \(.*\): the tool was interrupted"),
        ("vitis", "words", r"^Best-caseLatency in .*accel_model_csynth\.xml is 'many', no number"),
        ("vivado", "exit", r"^vivado_hls failed with exit code 1; log: .*\n.*Pre-synthesis failed"),
        ("vivado", "luts", r"^LUT in .*_csynth\.xml is '-', no number"),
        ("quartus", "exit", r"^i\+\+ failed with exit code 1; log: .*\n.*HLS Main Optimizer FAILED"),
        ("quartus", "report", r"report_data\.js was not written"),
        ("quartus", "stale", r"report_data\.js is older than this run"),
        ("quartus", "cut", r"report_data\.js cannot be read: "),
        ("quartus", "words", r"^ALUT in .*report_data\.js is 'many', no number"),
        ("catapult", "exit", r"^catapult failed with exit code 1; log: .*\n.*'schedule' with errors"),
        ("catapult", "report", r"rtl\.rpt was not written"),
        ("catapult", "stale", r"rtl\.rpt is older than this run"),
        ("catapult", "cut", r"rtl\.rpt has no (clock|Total Area Score): another version"),
        ("catapult", "words", r"rtl\.rpt has no row Design Total: another version"),
        ("oneapi", "exit", r"^cmake failed with exit code 1; log: .*report\.log\n.*device compilation failed"),
        ("oneapi", "report", r"summary\.ndjson was not written"),
        ("oneapi", "stale", r"summary\.ndjson is older than this run"),
        ("oneapi", "cut", r"summary\.ndjson has no row Available|summary\.ndjson cannot be read"),
        ("oneapi", "words", r"^ALUT in .*summary\.ndjson is 'many', no number"),
        ("libero", "exit", r"^shls failed with exit code 1; log: .*hw\.log\n.*unsupported construct"),
        ("libero", "report", r"shls left no hls_output|summary\.results\.rpt was not written"),
        ("libero", "stale", r"summary\.results\.rpt is older than this run"),
        ("libero", "cut", r"summary\.results\.rpt has no table 3\. Resource Usage: the step that makes it did not run"),
        ("libero", "words", r"^Fabric \+ Interface 4LUT in .*summary\.results\.rpt is 'many', no number"),
    ],
)
def test_what_goes_wrong_is_said(tool, fail, text, tools, tiny_graph, tmp_path):
    tools(fail)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "build.json").write_text("from an earlier run")
    with pytest.raises(ToolError, match=re.compile(text, re.DOTALL)) as caught:
        vendor.build(written(tool, tiny_graph, tmp_path), tmp_path / "out")
    assert not re.search(r"Traceback", str(caught.value))
    assert not (tmp_path / "out" / "build.json").exists()


@pytest.mark.parametrize(
    ("fail", "text"),
    [
        ("short", r"rtl_cosim_results\.log has 4 values, not 3 samples of 6|has 12 values, not 3 samples of 6"),
        ("words", r"rtl_cosim_results\.log holds other things than integers: the test bench is not this project's"),
        ("no results", r"rtl_cosim_results\.log was not written"),
        ("old results", r"rtl_cosim_results\.log is older than this run"),
        ("status", r"^C/RTL co-simulation ended with 'Fail'; see .*accel_model_cosim\.rpt"),
    ],
)
def test_a_co_simulation_that_went_wrong_is_said(fail, text, tools, tiny_graph, tmp_path):
    tools(fail)
    with pytest.raises(ToolError, match=text):
        vendor.build(written("vitis", tiny_graph, tmp_path), tmp_path / "out", cosim=samples(tiny_graph))


def test_a_latency_that_the_tool_does_not_know_is_none(tools, tiny_graph, tmp_path):
    """Vitis writes "undef" where latency depends on how streams fill."""
    tools("undef")
    report = vendor.build(written("vitis", tiny_graph, tmp_path), tmp_path / "out").report
    assert (report.latency, report.interval) == (None, None)
    assert report.parts[0].latency == (40, 40)


def test_a_board_project_ends_in_a_bitstream(tools, tiny_graph, tmp_path):
    vendor.build(written("vivado-accelerator", tiny_graph, tmp_path), tmp_path / "out", export=True)
    runs = tmp_path / "out" / "accel_model_vivado_accelerator" / "project_1.runs" / "impl_1"
    assert (runs / "design_1_wrapper.bit").exists()
    tools("bitstream")
    with pytest.raises(ToolError, match=r"vivado left no .*design_1_wrapper\.bit; log: "):
        vendor.build(project.load(tmp_path / "project"), tmp_path / "out", export=True)
    assert not (runs / "design_1_wrapper.bit").exists()


def test_place_and_route_gives_libero_a_clock(tools, tiny_graph, tmp_path):
    report = vendor.build(written("libero", tiny_graph, tmp_path), tmp_path / "out", export=True).report
    assert (report.clock_ns, report.target_ns) == (4.76, 10.0)


def test_the_older_vitis_is_found_too(tools, tiny_graph, tmp_path, monkeypatch):
    alone = tmp_path / "bin"
    alone.mkdir()
    (alone / "vitis_hls").symlink_to(MOCKS / "vitis_hls")
    monkeypatch.setenv("PATH", os.pathsep.join([str(alone), str(Path(sys.executable).parent), "/usr/bin", "/bin"]))
    assert vendor.build(written("vitis", tiny_graph, tmp_path), tmp_path / "out").version == "2022.2"


@pytest.mark.parametrize(
    ("tool", "text"),
    [
        (
            "vitis",
            r"^neither vitis-run nor vitis_hls found; looked for .* and on PATH \(empty\); install AMD Vitis and "
            r"source .*, or set \$VITIS_RUN or \$VITIS_HLS to its path",
        ),
        ("vivado", r"^vivado_hls not found; .*; install Xilinx Vivado HLS .*, or set \$VIVADO_HLS to its path"),
        ("quartus", r"^i\+\+ not found; .*; install the Intel HLS Compiler .*, or set \$IPP to its path"),
        ("catapult", r"^catapult not found; .*; install Siemens Catapult .*, or set \$CATAPULT to its path"),
        ("oneapi", r"^icpx not found; .*; install the Intel oneAPI Base Toolkit .*, or set \$ICPX to its path"),
        ("libero", r"^shls not found; .*; install Microchip SmartHLS .*, or set \$SHLS to its path"),
    ],
)
def test_what_to_install_is_said(tool, text, tiny_graph, tmp_path, monkeypatch):
    made = written(tool, tiny_graph, tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError, match=text):
        vendor.build(made, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def wide(lo: int, hi: int, out: int) -> Graph:
    return Graph("wide", {"x": Tensor((1, 1), lo, hi)}, (Node("y", Rescale([1], 0, "floor", 0, out), ("x",)),), "y")


@pytest.mark.parametrize(
    ("tool", "graph", "count", "text"),
    [
        ("vitis", wide(0, 1 << 25, 9), 2, "--cosim: input 'x' has 26 bits; the test bench reads numbers as `float`"),
        (
            "quartus",
            wide(0, 1_000_000, 1_000_000),
            2,
            "--cosim: output 'y' reaches 1000000; the test bench of Quartus prints",
        ),
        (
            "oneapi",
            wide(0, 1_000_000, 1_000_000),
            2,
            "--cosim: output 'y' reaches 1000000; the test bench of oneAPI prints",
        ),
        ("vitis", wide(0, 9, 9), 1, "--cosim needs two samples at least: a single one has no interval"),
        ("catapult", wide(0, 9, 9), 2, "--cosim: Catapult's SCVerify gives its test bench the outputs of the C++"),
        ("libero", wide(0, 9, 9), 2, "--cosim: SmartHLS compares its RTL with the C++ itself"),
    ],
)
def test_a_co_simulation_that_could_not_be_exact_is_refused(tool, graph, count, text, tools, tmp_path):
    made = written(tool, graph, tmp_path)
    with pytest.raises(UserError, match=f"^{re.escape(text)}"):
        vendor.build(made, tmp_path / "out", cosim=np.zeros((count, 1, 1), int))
    assert not (tmp_path / "out").exists()


class TestCommand:
    """`accel build`."""

    def test_from_a_model_to_reports(self, tools, tiny_model, tmp_path):
        assert accel("lower", tiny_model, "--target", "vitis", "--out", tmp_path / "hls").exit_code == 0
        result = accel("build", tmp_path / "hls", "--cosim", "--samples", 2)
        assert result.exit_code == 0, result.output
        for part in ("vitis: 2024.2", "LUT", "2518", "63400", "164 to 166", "accel_kernel_config2_s"):
            assert part in result.stdout
        assert (tmp_path / "hls-vitis" / "build.json").exists()
        shown = accel("build", tmp_path / "hls", "--json")
        assert json.loads(shown.stdout)["report"]["used"]["LUT"] == 2518

    def test_a_mismatch_is_exit_code_one(self, tools, tiny_graph, tmp_path):
        written("vitis", tiny_graph, tmp_path)
        tools("mismatch")
        result = accel("build", tmp_path / "project", "--cosim")
        assert result.exit_code == 1
        assert "accel: cosim: layer 'y' [1, 0, 0]: expected" in result.stderr
        assert "mismatches" in result.stdout

    def test_what_failed_is_kept(self, tools, tiny_graph, tmp_path):
        written("vitis", tiny_graph, tmp_path)
        tools("exit")
        result = accel("build", tmp_path / "project")
        assert_refused(result, "vitis-run failed", str(tmp_path / "project-vitis.failed" / "hls.log"), code=1)
        assert not (tmp_path / "project-vitis").exists()

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            (["--tool", "vivado"], "is written for Vitis: build it with vitis, or write a project for Vivado to build"),
            (
                ["--tool", "gcc"],
                "no tool 'gcc'; there are vitis, vivado, vivado-accelerator, quartus, catapult, oneapi",
            ),
        ],
    )
    def test_the_wrong_tool(self, arguments, text, tools, tiny_graph, tmp_path):
        written("vitis", tiny_graph, tmp_path)
        assert_refused(accel("build", tmp_path / "project", *arguments), text)

    def test_no_project(self, tmp_path):
        assert_refused(accel("build", tmp_path), "is no HLS project of accel; `accel lower --target vitis` writes one")

    @pytest.mark.parametrize("target", builders.BUILDERS)
    def test_every_target_is_written(self, target, tiny_model, tmp_path):
        result = accel("lower", tiny_model, "--target", target, "--io", "parallel", "--out", tmp_path / "hls")
        assert result.exit_code == 0, result.output
        made = project.load(tmp_path / "hls")
        assert (made.backend.builder, made.io_type) == (target, "io_parallel")

    def test_io_and_boards_are_for_hls(self, tiny_model, tmp_path):
        out = tmp_path / "hls"
        assert_refused(accel("lower", tiny_model, "--target", "rtl", "--io", "stream", "--out", out), "--io is for HLS")
        result = accel("lower", tiny_model, "--target", "vivado-accelerator", "--board", "ZCU102", "--out", out)
        assert result.exit_code == 0, result.output
        assert project.load(out).setting("Part") == "xczu9eg-ffvb1156-2-e"
        result = accel(
            "lower", tiny_model, "--target", "vivado-accelerator", "--board", "arty", "--out", tmp_path / "b"
        )
        assert_refused(result, "VivadoAccelerator has no board 'arty'; choose one of pynq-z2, zcu102")
