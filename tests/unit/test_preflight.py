"""`make` says in its first line which system tool is missing and how to install it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = str(Path(sys.base_prefix) / "bin" / "python3")
TOOLS = {"sh": "sh", "make": "make", "g++": "g++", "perl": "perl", "python3": PYTHON}


def preflight(folder: Path, *arguments: str, missing: str = "") -> subprocess.CompletedProcess[str]:
    """The script with a PATH that holds all system tools but one."""
    for name, target in TOOLS.items():
        found = shutil.which(target)
        if name != missing and found:
            (folder / name).symlink_to(found)
    environment = {name: value for name, value in os.environ.items() if name not in ("CXX", "PYTHON")}
    return subprocess.run(
        [shutil.which("sh") or "sh", ROOT / "scripts" / "preflight.sh", *arguments],
        env=environment | {"PATH": str(folder)},
        capture_output=True,
        text=True,
    )


def test_silent_when_all_is_there(tmp_path: Path) -> None:
    done = preflight(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_names_the_python_to_use(tmp_path: Path) -> None:
    assert preflight(tmp_path, "--python").stdout == "python3\n"


@pytest.mark.parametrize(
    ("tool", "line"),
    [
        ("python3", "missing: Python 3.11 or newer (Debian/Ubuntu: apt install python3 python3-venv;"),
        ("g++", "missing: a C++ compiler (Debian/Ubuntu: apt install g++;"),
        ("make", "missing: make (Debian/Ubuntu: apt install make;"),
        ("perl", "missing: perl (Debian/Ubuntu: apt install perl)"),
    ],
)
def test_first_line_names_what_is_missing(tool: str, line: str, tmp_path: Path) -> None:
    done = preflight(tmp_path, missing=tool)
    assert done.returncode == 1
    assert done.stdout.startswith(line)
    assert done.stderr == ""


def test_an_old_python_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")  # what `sys.version_info < (3, 11)` gives
    (tmp_path / "python3").chmod(0o755)
    done = preflight(tmp_path, missing="python3")
    assert done.stdout.startswith("missing: Python 3.11 or newer")
