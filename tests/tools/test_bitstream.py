"""From a design to a bitstream with the real tools, and what users read when that is not possible."""

import json
import re
import shutil
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from board_designs import add_one, huge

import boards
from accel import tools
from accel.build_plan import BuildPlan, Step
from accel.errors import ToolError, UserError
from boards import clocking, flows, shell
from boards.flows.flow import Job
from boards.host import Host
from boards.pins import pinout

ULX3S = boards.get("ulx3s-85f")
OPEN = [name for name in boards.names() if flows.get(boards.get(name).flow).free and name != ULX3S.name]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    steps = []
    return boards.build(add_one(), ULX3S, tmp_path_factory.mktemp("built"), progress=steps.append), steps


def test_a_bitstream_that_meets_timing_at_the_clock_the_pll_makes(built):
    result, steps = built
    assert steps == list(result.seconds) == ["synthesis", "place-and-route", "pack"]
    assert result.clock_mhz == 60
    assert result.fmax_mhz >= result.clock_mhz
    assert result.bitstream.read_bytes()[:2] == b"\xff\x00"
    assert b"LFE5U-85F" in result.bitstream.read_bytes()[:200]
    assert result.design_hash == add_one().hash
    log = (result.bitstream.parent / "place-and-route.log").read_text()
    assert re.search(r"Derived frequency constraint of 60\.0 MHz for net", log)
    assert len(re.findall(r"constrained to Bel", log)) == len(pinout(ULX3S).ports)


@pytest.mark.parametrize(
    "name",
    [
        "icebreaker",
        "tang-nano-9k",
        *(pytest.param(name, marks=pytest.mark.slow) for name in OPEN if name not in ("icebreaker", "tang-nano-9k")),
    ],
)
def test_every_other_board_with_open_tools(name, tmp_path):
    board = boards.get(name)
    result = boards.build(add_one(), board, tmp_path)
    assert result.fmax_mhz >= result.clock_mhz == board.clock_mhz
    assert 200 < result.resources.lut < 1000
    assert result.bitstream.stat().st_size > 50_000


class Netlist(boards.SimulatedBoard):
    """The board as yosys mapped it to LUTs, flip-flops and carry chains, with yosys' own models of those cells."""

    _QUIET = """DECLFILENAME MODDUP SPECIFYIGN WIDTHTRUNC WIDTHEXPAND CASEINCOMPLETE PINMISSING UNOPTFLAT COMBDLY
        INITIALDLY PROCASSINIT TIMESCALEMOD LATCH BLKANDNBLK"""

    def _build(self, folder):
        files = self._sources()
        reads = "".join(f"read_verilog -defer -sv {name}\n" for name in shell.sources(files))
        files["netlist.ys"] = f"{reads}synth_ecp5 -nowidelut -top {shell.TOP}\nwrite_verilog -noattr netlist.v\n"
        files["quiet.vlt"] = "`verilator_config\n" + "".join(f"lint_off -rule {rule}\n" for rule in self._QUIET.split())
        files["EHXPLLL.sv"] = shell.simulation_files()["EHXPLLL.sv"]
        for name, text in files.items():
            (folder / name).write_text(text)
        tools.run([*tools.command("yosys"), "-s", "netlist.ys"], folder, folder / "yosys.log")
        models = tools.require("yosys").parent / "share" / "lattice"
        for path in [models / "cells_sim_ecp5.v", *models.glob("*.vh")]:
            shutil.copy(path, folder)
        return self._compile(folder, ["quiet.vlt", "netlist.v", "cells_sim_ecp5.v", "EHXPLLL.sv"])


def test_the_synthesized_netlist_answers_as_the_sources_do():
    design = add_one()
    x = np.random.default_rng(0).integers(-32, 32, (5, 5, 2))
    with Netlist(design, ULX3S, limit=50_000) as link:
        host = Host(link, design, attempts=1)
        host.check()
        assert np.array_equal(host.run(x), x + 1)


def test_the_shell_is_small(built):
    result, _ = built
    assert 200 < result.resources.lut < 800
    assert 100 < result.resources.ff < 500
    assert (result.resources.bram, result.resources.dsp) == (0, 0)


def test_the_result_is_recorded(built):
    result, _ = built
    recorded = json.loads((result.bitstream.parent / "build.json").read_text())
    assert recorded["fmax_mhz"] == result.fmax_mhz
    assert recorded["bitstream"] == "board.bit"
    assert recorded["plan_hash"] == boards.plan(add_one(), ULX3S).hash


def test_a_missed_clock_is_an_error_and_leaves_only_logs(tmp_path):
    (tmp_path / "board.bit").write_text("an old one")
    (tmp_path / "build.json").write_text("an old one")
    with pytest.raises(ToolError) as error:
        boards.build(add_one(), ULX3S, tmp_path, clock_mhz=300)
    assert re.match(
        r"the design misses timing: [\d.]+ MHz reached, 300 MHz wanted; "
        r"choose a core clock of at most \d+ MHz \(--clock\) or another --seed\. Log: .*/place-and-route\.log",
        str(error.value),
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["place-and-route.log", "synthesis.log"]


def test_a_design_that_does_not_fit_says_what_is_short(tmp_path):
    steps = []
    with pytest.raises(ToolError, match=r"^the design does not fit ulx3s-85f: block RAM \d+ of 208; it cannot be fold"):
        boards.build(huge(), ULX3S, tmp_path, progress=steps.append)
    assert steps == ["synthesis"]


def test_an_error_in_the_design_quotes_yosys(tmp_path):
    broken = replace(add_one(), files={"add_one.sv": "module add_one(input logic clk); endmodul"})
    with pytest.raises(ToolError, match=r"(?s)failed with exit code 1; log: .*synthesis\.log.*add_one\.sv:1: ERROR"):
        boards.build(broken, ULX3S, tmp_path)


@pytest.mark.parametrize("tool", ["YOSYS", "NEXTPNR_ECP5", "ECPPACK"])
def test_a_missing_tool_is_named_before_the_first_step(tool, tmp_path, monkeypatch):
    monkeypatch.setenv(tool, "/nowhere/tool")
    out = tmp_path / "out"
    with pytest.raises(ToolError, match=rf"\${tool} is '/nowhere/tool', which is no program; correct or unset it"):
        boards.build(add_one(), ULX3S, out, progress=lambda step: pytest.fail(f"{step} was started"))
    assert not out.exists()


def test_an_unwritable_folder_is_a_users_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file/out: Not a directory; choose another folder"):
        boards.build(add_one(), ULX3S, tmp_path / "file" / "out")


def test_a_step_that_leaves_no_product_is_an_error(tmp_path):
    plan = BuildPlan(
        {"empty.ys": "log nothing to do\n"}, (Step("synthesis", "yosys", ("-s", "empty.ys"), ("x.json",)),)
    )
    (tmp_path / "x.json").write_text("stale")
    with pytest.raises(ToolError, match=r"yosys left no x\.json; log: "):
        plan.execute(tmp_path)
    assert not (tmp_path / "x.json").exists()


def test_plans_are_values():
    plan = boards.plan(add_one(), ULX3S)
    assert plan.hash == boards.plan(add_one(), ULX3S).hash
    assert plan.hash != boards.plan(add_one(), ULX3S, seed=2).hash
    assert plan.hash != boards.plan(add_one(), ULX3S, clock_mhz=50).hash
    assert all("--timing-allow-fail" not in step.args for step in plan.steps)


def test_another_frequency_than_the_plls_is_refused(tmp_path):
    report = {"fmax": {"clk": {"achieved": 90.0, "constraint": 12.0}}, "utilization": {}}
    (tmp_path / "nextpnr.json").write_text(json.dumps(report))
    job = Job(ULX3S, {}, "top", clocking.plan("ecp5", Fraction(25), 60), pinout(ULX3S), 1)
    with pytest.raises(ToolError, match="constrained the core clock to 12 MHz instead of 60 MHz"):
        flows.get("ecp5").results(tmp_path, job)
