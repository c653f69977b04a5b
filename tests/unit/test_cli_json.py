"""`--json`: one document on standard output, whatever a verb does; progress stays on standard error."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import accel
from qonnx_files import Encoder, encoder

from accel.cli import VERBS

SILENT = {"completion"}
"""A shell's script is its own format."""


def told(*arguments: object) -> Any:
    result = accel(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("verb", sorted(set(VERBS) - SILENT))
def test_every_verb_takes_it(verb: str) -> None:
    command = importlib.import_module(f"accel.cli.{verb}").command
    commands = getattr(command, "commands", {verb: command})
    for name, one in commands.items():
        takes = any(parameter.name == "as_json" for parameter in one.params)
        assert takes or name == "serve", name


def test_from_the_file_to_the_virtual_board(tmp_path: Path) -> None:
    design = tmp_path / "rtl"
    file, result = encoder(Encoder(tokens=4, channels=8, heads=2))
    model = file.save(tmp_path, result)
    points = told("explore", model, "--points", 2, "--out", tmp_path / "explore")
    assert [point["chosen"] for point in points["points"]].count(True) == 1
    lowered = told("lower", model, "--target", "rtl", "--out", design)
    assert lowered["out"] == str(design)
    measured = told("simulate", design, "--buffers")
    assert measured["mismatches"] == 0
    assert measured["latency"] == lowered["predicted"]["latency"] == measured["predicted"]["latency"]
    assert all(buffer["most"] <= buffer["depth"] for buffer in measured["buffers"].values())
    project = told("bitstream", design, "--board", "arty-a7-100t", "--out", tmp_path / "arty")
    assert Path(project["project"]).is_dir()
    np.save(tmp_path / "x.npy", np.zeros((2, 4, 3)))
    ran = told("board", "run", design, "--port", "virtual", "--input", tmp_path / "x.npy", "--out", tmp_path / "y.npy")
    assert ran["samples"] == len(np.load(tmp_path / "y.npy")) == 2
