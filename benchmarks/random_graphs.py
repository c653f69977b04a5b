"""Random transformer blocks, as `tests/random_blocks.py` draws them: do RTL and C simulation equal the reference?

    python benchmarks/random_graphs.py --rtl 300 --csim 30

Every failure prints the command that repeats it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from random_blocks import check

RTL, CSIM = 300, 30
JOBS = 2
STEP = 10
"""Graphs between two lines of progress."""


def problem(level: str, seed: int) -> str | None:
    """Describe the mismatch of a level on the block of a seed, and how to repeat it."""
    try:
        check(seed, level)
    except AssertionError as error:
        return str(error)
    return None


def rows(rtl: int = RTL, csim: int = CSIM, *, first: int = 0, jobs: int = JOBS) -> dict[str, dict[str, int]]:
    """Graphs and failures by level, on the seeds from `first` on; `jobs` processes share them."""
    found = {}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for level, count in (("rtl", rtl), ("csim", csim)):
            failures, start = 0, time.perf_counter()
            for done, text in enumerate(pool.map(partial(problem, level), range(first, first + count)), 1):
                failures += text is not None
                if text or done % STEP == 0 or done == count:
                    seconds = time.perf_counter() - start
                    print(
                        text or f"{level}: {done} of {count} graphs, {failures} failures, {seconds:.0f} s", flush=True
                    )
            found[level] = {"graphs": count, "failures": failures}
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rtl", type=int, default=RTL, help="graphs in RTL")
    parser.add_argument("--csim", type=int, default=CSIM, help="graphs in C simulation")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--jobs", type=int, default=JOBS, help="processes")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    found = rows(arguments.rtl, arguments.csim, first=arguments.first, jobs=arguments.jobs)
    print(json.dumps(found))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(any(level["failures"] for level in found.values()))


if __name__ == "__main__":
    sys.exit(main())
