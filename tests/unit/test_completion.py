"""Completion as a shell asks for it."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from click.testing import CliRunner
from command import accel, assert_refused

import boards
from accel.cli import VERBS, cli
from models import presets


def completed(*words: str) -> list[str]:
    """What bash is offered for the last word."""
    environment = {"COMP_WORDS": " ".join(("accel", *words)), "COMP_CWORD": str(len(words))}
    result = CliRunner().invoke(
        cli,
        [],
        prog_name="accel",
        env={**environment, "_ACCEL_COMPLETE": "bash_complete"},
        complete_var="_ACCEL_COMPLETE",
    )
    return [line.partition(",")[2] for line in result.stdout.splitlines()]


def test_verbs_boards_targets_recipes_and_data() -> None:
    assert completed("d") == [verb for verb in VERBS if verb.startswith("d")]
    assert completed("bitstream", "--board", "tang") == [name for name in boards.names() if name.startswith("tang")]
    assert completed("board", "serve", "ulx3s-8") == ["ulx3s-85f"]
    assert "vitis" in completed("lower", "--target", "v")
    assert completed("train", "--recipe", "half") == [name for name in presets.LEVERS if name.startswith("half")]
    assert completed("study", "--data", "te") == ["text"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_a_shells_own(shell: str) -> None:
    result = accel("completion", shell)
    assert result.exit_code == 0
    assert "_ACCEL_COMPLETE" in result.stdout
    if shutil.which(shell):
        done = subprocess.run([shell, "-n"], input=result.stdout, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr


def test_an_unknown_shell_is_refused() -> None:
    assert_refused(accel("completion", "tcsh"), "tcsh", "bash")
