"""What the vendors' simulators do with a project's test bench: run it, here with the C++ in place of the RTL."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from mock_tcl import FAIL, MockError

SHIMS = Path(__file__).parents[1] / "shims"


def compile_bench(out: str, sources: list[str], flags: list[str]) -> None:
    """An executable. Raises MockError with what the compiler says."""
    done = subprocess.run(["g++", "-w", *flags, *sources, "-o", out], capture_output=True, text=True)
    if done.returncode:
        raise MockError(done.stderr.partition("\n")[0])


def spoil(results: Path) -> None:
    """What goes wrong with the outputs: a value off by one, a line or all missing, no number, an old file."""
    words = [line.split() for line in results.read_text().splitlines()]
    if FAIL == "mismatch":
        words[1][0] = str(int(words[1][0]) + 1)
    elif FAIL == "short":
        words = words[:-1]
    elif FAIL == "words":
        words[0][0] = "nan"
    elif FAIL == "no results":
        results.unlink()
        return
    results.write_text("".join(" ".join(line) + " \n" for line in words))
    if FAIL == "old results":
        age(results)


def age(path: Path) -> None:
    """The file as if an earlier run had left it."""
    os.utime(path, (1_700_000_000, 1_700_000_000))


def write(path: Path, text: str) -> None:
    """A report, or what goes wrong with it: missing, old, or cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if FAIL != "report":
        path.write_text(text[: len(text) // 2] if FAIL == "cut" else text)
        if FAIL == "stale":
            age(path)


def run_in(folder: Path, program: Path) -> None:
    """Run a test bench in a project's folder."""
    done = subprocess.run([program], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise MockError(f"test bench ended with {done.returncode}: {done.stderr}")
