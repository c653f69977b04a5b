"""`accel lower stories260K.bin --target engine` in a process of its own: seconds, and the most memory that it had."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import checkpoint_files  # noqa: E402 - a helper of the tests

STATUS = Path("/proc/self/status")
MAIN = f"""
import atexit, pathlib
atexit.register(lambda: print(pathlib.Path("{STATUS}").read_text(encoding="utf-8")))
from accel.cli import main
main()
"""
"""The memory of `wait4` would be at least that of this process, which is larger."""


def rows() -> dict[str, Any]:
    """Seconds of the clock and of the processor, imports included, and megabytes at the most."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = "lower", str(checkpoint_files.stories()), "--target", "engine", "--out", f"{folder}/engine"
        before, start = os.times(), time.perf_counter()
        command = [sys.executable, "-c", MAIN, *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True)
        seconds, after = time.perf_counter() - start, os.times()
    cpu = sum(after[2:4]) - sum(before[2:4])
    found = re.search(r"VmHWM:\s*(\d+) kB", done.stdout)
    if not found:
        raise SystemExit(f"no peak of memory in {STATUS}")
    peak = round(int(found[1]) * 1024 / 1e6)
    return {"model": "stories260K", "seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1), "peak_mb": peak}
