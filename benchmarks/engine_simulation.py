"""Cycles that Verilator simulates per second of the processor: stories260K on an engine of 512 products."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import checkpoint_files  # noqa: E402 - helpers of the tests
import random_engines  # noqa: E402

from accel.verbs.engine import loading  # noqa: E402
from hls.engine import emit, simulate  # noqa: E402

PE, SIMD, TOKENS, ROUNDS = 8, 64, 512, 5


def rows() -> dict[str, Any]:
    """The fastest of some runs, each with the reading of its memories; none but the first compiles."""
    program = random_engines.Engine(loading.load(checkpoint_files.stories()).graph, PE, SIMD).program()
    design, requests = emit.design(program), [(7 * place % 512, place) for place in range(TOKENS)]
    total, seconds = simulate.run(design, requests).total, []
    for _ in range(ROUNDS):
        before = os.times()
        simulate.run(design, requests)
        after = os.times()
        seconds.append(sum(after[2:4]) - sum(before[2:4]))
    return {"products": PE * SIMD, "cycles": total, "cycles_per_cpu_second": round(total / min(seconds), -3)}
