"""How long `make test` takes with an empty and with a warm cache of compiled code: benchmarks/results/tests.*.

    python benchmarks/test_times.py

Two complete runs. Figures mean something on an idle machine only, so the load at the start is recorded with them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "tests.json"
SUMMARY = re.compile(r"(\d+) passed")


def timed(cache: str) -> tuple[float, int]:
    """Wall time of `make test` in seconds, and the number of tests that passed. Ends when one fails."""
    start = time.perf_counter()
    # -v undoes the -q of pyproject.toml, which leaves out the number of tests
    environment = os.environ | {"XDG_CACHE_HOME": cache, "PYTEST_ADDOPTS": "-v"}
    done = subprocess.run(
        ["make", "test"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, encoding="utf-8", errors="replace"
    )
    seconds = time.perf_counter() - start
    found = SUMMARY.search(done.stdout)
    if done.returncode or not found:
        sys.exit(f"make test failed:\n{done.stdout[-3000:]}")
    return seconds, int(found[1])


def main() -> None:
    """Measure and write RESULTS."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as cache:
        (cold, tests), (warm, _) = timed(cache), timed(cache)
    figures = {"cold_s": round(cold), "warm_s": round(warm), "tests": tests, "load": round(load, 2)}
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    RESULTS.with_suffix(".md").write_text(table(figures), encoding="utf-8")
    print(table(figures))


def table(figures: dict[str, float]) -> str:
    """Markdown."""
    cells = (figures["tests"], figures["cold_s"], figures["warm_s"], os.cpu_count(), figures["load"])
    head = "| tests | empty cache, s | warm cache, s | cores | load at the start |\n|---|---|---|---|---|\n"
    return f"{head}| {' | '.join(map(str, cells))} |\n"


if __name__ == "__main__":
    main()
