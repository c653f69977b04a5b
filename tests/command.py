"""The command line under test: run it in this process, and what a refusal looks like."""

from __future__ import annotations

from click.testing import CliRunner, Result

from accel.cli import cli

PREFIX = "accel: error: "


def accel(*arguments: object) -> Result:
    """Run `accel` with these arguments."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="accel")


def assert_refused(result: Result, *parts: str, code: int = 2) -> None:
    """One line on standard error with all `parts`, no traceback, nothing on standard output, the given exit code."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    refusals = [line for line in result.stderr.splitlines() if line.startswith(PREFIX)]
    assert len(refusals) == 1, result.stderr
    for part in parts:
        assert part in refusals[0]
