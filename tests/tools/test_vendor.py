"""The vendors' build scripts: run by mock tools that read them, check every call, and fail as the real ones do."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import engine_graphs
import pytest
from board_designs import add_one, with_memory
from command import accel, assert_refused
from encoders import Shape, encoder

import boards
from accel.dataflow.folding import fold_for
from accel.errors import ToolError, UserError
from accel.verbs.engine import making
from boards import flows
from boards.pins import pinout
from hls import rtl
from hls.engine import emit
from hls.synthesis import yosys

pytest.importorskip("tkinter", reason="the mock tools run Tcl: Python needs its tkinter module")
MOCKS = Path(__file__).parents[1] / "mock_tools"
ALL = [board for board in map(boards.get, boards.names()) if not flows.get(board.flow).free]
VENDOR = list({(board.flow, board.target): board for board in ALL}.values())
"""One board per tool and family."""
ARTY, PYNQ, U55C, DE10 = (boards.get(name) for name in ("arty-a7-100t", "pynq-z2", "u55c", "de10-nano"))


@pytest.fixture
def tools(monkeypatch):
    """The mock tools are on PATH; calling it chooses what goes wrong."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(MOCKS), str(Path(sys.executable).parent), os.environ["PATH"]]))

    def prepare(board, fail="", mhz=None):
        monkeypatch.setenv("MOCK_FAIL", fail)
        monkeypatch.setenv("MOCK_MHZ", str(mhz or board.clock_mhz))

    return prepare


@pytest.mark.parametrize("shape", [(2, 6, 12, 5), (3, 6, 12, 4)], ids=["even", "three bytes"])
@pytest.mark.parametrize("board", VENDOR, ids=lambda board: board.name)
def test_every_script_runs_to_a_bitstream(board, shape, tools, tmp_path):
    tools(board)
    design = with_memory(add_one(*shape))
    result = boards.build(design, board, tmp_path)
    assert result.bitstream.exists()
    assert result.clock_mhz == board.clock_mhz
    assert result.fmax_mhz > result.clock_mhz
    assert min(result.resources.lut, result.resources.ff, result.resources.bram, result.resources.dsp) > 0
    assert json.loads((tmp_path / "build.json").read_text())["design_hash"] == design.hash
    assert (result.baud is None) == (board.pins is None)


@pytest.mark.parametrize("board", VENDOR, ids=lambda board: board.name)
def test_the_written_project_builds_where_the_tools_are(board, tools, tmp_path):
    tools(board)
    boards.plan(add_one(), board).write(tmp_path)
    done = subprocess.run(["sh", "build.sh"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / flows.get(board.flow).bitstream).exists()


@pytest.mark.parametrize(
    ("board", "fail", "message"),
    [
        (ARTY, "synthesis", r"vivado failed with exit code 1; log: .*/synthesis\.log\n.*ERROR.*'add_one' not found"),
        (ARTY, "exit", r"vivado failed with exit code 1; log: .*/place-and-route\.log\n.*Placer failed"),
        (ARTY, "report", r"vivado left no timing\.rpt; log: .*/place-and-route\.log"),
        (ARTY, "bitstream", r"vivado left no board\.bit; log: "),
        (
            ARTY,
            "timing",
            r"^the design misses timing: 95\.1 MHz reached, 100 MHz wanted; choose a core clock of at most 95",
        ),
        (U55C, "clock", r"^timing\.rpt of Vivado has no clock of 250 MHz: the core is not constrained as it runs"),
        (ARTY, "large", r"^the design does not fit arty-a7-100t: LUT6 9999999 of 63400; it cannot be folded"),
        (PYNQ, "exit", r"vivado failed with exit code 1; log: .*/place-and-route\.log\n.*Placer failed"),
        (PYNQ, "timing", r"^the design misses timing: 95\.1 MHz reached, 100 MHz wanted"),
        (U55C, "exit", r"v\+\+ failed with exit code 1; log: .*/place-and-route\.log\n.*design did not meet timing"),
        (U55C, "timing", r"^the design misses timing: 221\.\d MHz reached, 250 MHz wanted"),
        (U55C, "bitstream", r"v\+\+ left no accel\.xclbin; log: "),
        (DE10, "exit", r"quartus_sh failed with exit code 1; log: .*/place-and-route\.log\n.*Can't fit design"),
        (DE10, "report", r"quartus_sh left no accel_board\.sta\.summary; log: "),
        (
            DE10,
            "timing",
            r"^the design misses timing: 88\.9 MHz reached, 100 MHz wanted; choose a core clock of at most 88",
        ),
        (DE10, "large", r"^the design does not fit de10-nano: LUT6 99000 of 83820; it cannot be folded"),
    ],
    ids=lambda value: getattr(value, "name", value) if not isinstance(value, str) or len(value) < 12 else "",
)
def test_what_goes_wrong_is_said(board, fail, message, tools, tmp_path):
    tools(board, fail)
    for stale in (flows.get(board.flow).bitstream, "timing.rpt", "accel_board.sta.summary", "build.json"):
        (tmp_path / stale).write_text("from an earlier run")
    with pytest.raises(ToolError, match=re.compile(message, re.DOTALL)):
        boards.build(add_one(), board, tmp_path)
    assert not (tmp_path / "build.json").exists()
    assert not (tmp_path / flows.get(board.flow).bitstream).exists()


def test_the_command_builds_with_the_vendors_tool(tools, tmp_path):
    tools(PYNQ)
    add_one().write(tmp_path / "rtl")
    result = accel("bitstream", tmp_path / "rtl", "--board", "PYNQ_Z2")
    assert result.exit_code == 0, result.output
    assert {"board.bit", "board.hwh", "accel_axi.zip"} <= {path.name for path in (tmp_path / "rtl-pynq-z2").iterdir()}


def test_the_command_passes_on_what_went_wrong(tools, tmp_path):
    tools(PYNQ, "timing")
    add_one().write(tmp_path / "rtl")
    result = accel("bitstream", tmp_path / "rtl", "--board", "pynq-z2")
    assert_refused(result, "misses timing", str(tmp_path / "rtl-pynq-z2.failed" / "place-and-route.log"), code=1)
    assert not (tmp_path / "rtl-pynq-z2").exists()


def test_without_its_tool_a_project_is_not_built(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError, match=r"vivado not found; looked for vivado in .*\$VIVADO to its path"):
        boards.build(add_one(), ARTY, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("board", VENDOR, ids=lambda board: board.name)
def test_a_hostile_design_never_reaches_a_script(board, tmp_path):
    with pytest.raises(UserError, match="is no identifier"):
        boards.plan(replace(add_one(), top="x; exec touch owned"), board)
    boards.plan(replace(add_one(), name="[exec id]; `x` \\"), board).write(tmp_path)
    assert all("exec id" not in path.read_text() for path in tmp_path.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def engine():
    """A small decode engine for the Arty."""
    program = making.program(engine_graphs.drawn(0), making.Wanted(pe=2, simd=4), ARTY.name)
    return emit.design(program, dsp=ARTY.capacity.dsp)


def test_a_decode_engine_is_built(engine, tools, tmp_path):
    tools(ARTY)
    result = boards.build(engine, ARTY, tmp_path)
    assert result.bitstream.exists()
    script = (tmp_path / "synthesis.tcl").read_text()
    memories = [f"{name.removesuffix('.hex')}.mem" for name in engine.memories]
    assert "program.mem" in memories
    for name in (*memories, *(name for name in engine.files)):
        assert re.search(rf"^read_(mem|verilog -sv) {re.escape(name)}$", script, re.MULTILINE), name


def test_what_goes_wrong_with_a_decode_engine_is_said(engine, tools, tmp_path):
    tools(ARTY, "large")
    with pytest.raises(ToolError, match=r"LUT6 9999999 of 63400; make a smaller array \(accel lower .* --products 4\)"):
        boards.build(engine, ARTY, tmp_path)


def test_open_synthesis_reads_the_vivado_project_of_a_decode_engine(engine, tmp_path):
    """Yosys has another word for a table that is no block RAM."""
    plan = boards.plan(engine, ARTY)
    plan.write(tmp_path)
    names = sorted((name for name in plan.files if name.endswith(".sv")), key=lambda name: not name.endswith("_pkg.sv"))
    for path in map(tmp_path.joinpath, names):
        path.write_text(path.read_text().replace('rom_style = "distributed"', 'rom_style = "logic"'))
    reads = "".join(f"read_verilog -defer -sv {name}\n" for name in names)
    command = "synth_xilinx -family xc7 -flatten -top accel_board\ncheck -assert\ntee -q -o stat.json stat -json\n"
    (tmp_path / "synthesis.ys").write_text(reads + command)
    yosys.run(tmp_path, "an engine's project")
    cells = json.loads((tmp_path / "stat.json").read_text())["design"]["num_cells_by_type"]
    assert {"PLLE2_BASE", "DSP48E1", "RAMB18E1"} <= set(cells)


def test_vivado_places_every_pin():
    text = boards.plan(add_one(), ARTY).files["board.xdc"]
    for port, pin in pinout(ARTY).ports.items():
        assert f"set_property -dict {{PACKAGE_PIN {pin.site} IOSTANDARD LVCMOS33}} [get_ports {port}]" in text
    assert "create_clock -name oscillator -period 10.000 [get_ports clk_pin]" in text


def test_quartus_places_every_pin():
    text = boards.plan(add_one(), DE10).files["accel_board.qsf"]
    assert all(
        f"set_location_assignment PIN_{pin.site} -to {port}\n" in text for port, pin in pinout(DE10).ports.items()
    )


def test_the_kernels_ports_are_the_cores():
    files = boards.plan(add_one(), U55C).files
    core, kernel = (
        re.findall(r"(?:input |output) wire (?:\[\d+:0\] )?\w+", files[name])
        for name in ("accel_axi.v", "accel_kernel.v")
    )
    renamed = [re.sub(r"\baclk", "ap_clk", re.sub(r"\baresetn", "ap_rst_n", port)) for port in core]
    assert [port.replace("s_axi_", "s_axi_control_") for port in renamed] == kernel


@pytest.fixture(scope="module")
def design():
    """A design with every kind of memory that ours have."""
    graph = encoder(Shape(tokens=4, channels=8, hidden=16))
    return rtl.lower(graph, fold_for(graph, 256))


@pytest.mark.parametrize("board", [ARTY, U55C, DE10], ids=lambda board: board.name)
def test_memories_are_asked_for_in_the_tools_own_words(board, design, tools, tmp_path):
    tools(board)
    used = {found for text in design.files.values() for found in re.findall(r"r[ao]m_style = \"(\w+)\"", text)}
    assert used == {"block", "distributed", "logic"}
    boards.plan(design, board).write(tmp_path)
    done = subprocess.run(["sh", "build.sh"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("board", "old", "new", "message"),
    [
        (ARTY, 'rom_style = "distributed"', 'rom_style = "logic"', "rom_style logic is ignored"),
        (ARTY, '.mem"', '.hex"', "could not open $readmem data file"),
        (U55C, "set_property ipi_drc {ignore_freq_hz true} $core\n", "", "an RTL kernel needs the properties"),
        (DE10, "ramstyle = ", "ram_style = ", "unrecognized synthesis attribute"),
    ],
    ids=["rom_style", "hex", "ipi_drc", "ramstyle"],
)
def test_the_mock_tools_find_the_old_words(board, old, new, message, design, tools, tmp_path):
    tools(board)
    boards.plan(design, board).write(tmp_path)
    changed = [path for path in tmp_path.rglob("*") if path.suffix in {".sv", ".tcl"} and old in path.read_text()]
    assert changed
    for path in changed:
        path.write_text(path.read_text().replace(old, new))
    done = subprocess.run(["sh", "build.sh"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr + "".join(log.read_text() for log in tmp_path.glob("*.log"))


@pytest.mark.parametrize("board", ALL, ids=lambda board: board.name)
def test_every_project_says_what_to_run(board):
    readme = boards.plan(add_one(), board).files["README.md"]
    assert flows.get(board.flow).bitstream in readme
    assert "sh build.sh" in readme
