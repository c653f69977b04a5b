"""Compiling and linting SystemVerilog."""

import os
import subprocess
import time

import numpy as np
import pytest
from board_designs import add_one

from accel.design import Design
from accel.errors import ToolError, UserError
from hls import rtl
from hls.simulation import simulate, verilator

HARNESS = """
#include <cstdio>
#include "Vtop.h"
int main() {
    Vtop top;
    top.rst = 1; top.clk = 0; top.eval(); top.clk = 1; top.eval();
    top.rst = 0; top.s_valid = 1; top.m_ready = 1; top.s_data = START; top.clk = 0; top.eval(); top.clk = 1; top.eval();
    std::printf("%d", int(top.m_data));
}
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "a folder with spaces"
    add_one(lanes=1, width=6, wider=12).write(folder)
    (folder / "main.cpp").write_text(HARNESS)
    return folder


def build(folder, **options):
    return verilator.build(folder, ["add_one.sv"], "add_one", folder / "main.cpp", **options)


def test_build_runs_and_is_cached_by_content(project, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    program = build(project, defines=["START=7"])
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "8"
    started = time.perf_counter()
    assert build(project, defines=["START=7"]) == program
    assert time.perf_counter() - started < 0.5
    assert build(project, defines=["START=20"]) != program
    (project / "add_one.sv").write_text((project / "add_one.sv").read_text().replace("+ 1'b1;", "+ 12'd2;"))
    changed = build(project, defines=["START=7"])
    assert subprocess.run([changed], capture_output=True, text=True, check=True).stdout == "9"
    assert list(program.parent.iterdir()) == [program]


def test_an_error_in_the_source_is_quoted_with_file_and_line(project):
    (project / "add_one.sv").write_text("module add_one(input logic clk);\n  assign nothing = clk +;\nendmodule\n")
    with pytest.raises(ToolError, match=r"add_one\.sv:2:\d+: syntax error") as error:
        build(project)
    log = str(error.value).partition("log: ")[2].partition("\n")[0]
    assert os.path.exists(log)


def test_an_error_in_the_harness_is_quoted(project):
    with pytest.raises(ToolError, match=r"main\.cpp.*START"):
        build(project)


def test_a_missing_source_is_a_users_error(project):
    with pytest.raises(UserError, match=r"cannot read .*absent\.sv: No such file or directory"):
        verilator.build(project, ["absent.sv"], "absent", project / "main.cpp")


def test_a_missing_compiler_is_named_before_anything_is_built(project, monkeypatch):
    monkeypatch.setenv("CXX", "/nowhere/g++")
    with pytest.raises(ToolError, match=r"g\+\+: \$CXX is '/nowhere/g\+\+', which is no program"):
        build(project)


def test_a_full_cache_is_named(project, tmp_path, monkeypatch):
    """Verilator exits with 0 on a full disk, and leaves an empty list of sources."""
    tool = tmp_path / "bin" / "verilator_bin"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\nwhile [ "$1" != --Mdir ]; do shift; done\n: > "$2/Vtop.json"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("VERILATOR", str(tool))
    with pytest.raises(UserError, match=r"^no space left in \S+: free some there, or choose a folder on another disk$"):
        build(project)


@pytest.mark.parametrize("file", ["result0", "result0.times", "trace"])
def test_a_result_that_cannot_be_written_is_named(tiny_graph, monkeypatch, file):
    write = Design.write

    def on_a_full_disk(design, folder):
        write(design, folder)
        (folder / file).symlink_to("/dev/full")

    monkeypatch.setattr(Design, "write", on_a_full_disk)
    with pytest.raises(UserError, match=r"^no space left in \S+: free some there"):
        simulate.run(rtl.lower(tiny_graph), np.zeros((1, 3, 4), np.int64), trace=True)


def test_lint_passes_clean_sources_and_shows_warnings(project):
    verilator.lint(project, ["add_one.sv"], "add_one")
    (project / "add_one.sv").write_text(add_one().files["add_one.sv"].replace("pause;", "pause, forgotten;", 1))
    with pytest.raises(ToolError, match=r"UNUSEDSIGNAL.*forgotten"):
        verilator.lint(project, ["add_one.sv"], "add_one")
