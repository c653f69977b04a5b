"""How fast the levels run on one model, side by side in one run: samples per second, and cycles per second of the RTL.

python benchmarks/levels.py MODEL.onnx     (default: build/demo/model.onnx)

Rounds are interleaved, so that a busy machine slows all levels alike; the best round of each counts.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import accel
from accel import reference
from hls import project, rtl, simulate

ROUNDS = 5
RESULTS = Path(__file__).parent / "results" / "levels.json"


def samples_per_second(runs: dict[str, tuple[Callable[[np.ndarray], object], np.ndarray]]) -> dict[str, float]:
    """The best of ROUNDS interleaved rounds of every run."""
    best = dict.fromkeys(runs, 0.0)
    for _ in range(ROUNDS):
        for name, (run, x) in runs.items():
            start = time.perf_counter()
            run(x)
            best[name] = max(best[name], len(x) / (time.perf_counter() - start))
    return best


def main(model: Path) -> None:
    graph = accel.load(model)
    rng = np.random.default_rng(0)
    x = rng.integers(graph.input.lo, graph.input.hi + 1, (1024, *graph.input.shape))
    with tempfile.TemporaryDirectory() as folder:
        written = project.write(graph, Path(folder) / "project")
        written.compile()
        speeds = samples_per_second(
            {
                "reference": (lambda x: reference.run(graph, x), x),
                "csim": (written.predict, x[:256]),
            }
        )
    design = rtl.lower(graph)
    cycles = max(simulate.run(design, x[:100]).cycles_per_second for _ in range(ROUNDS))
    figures = {
        "model": model.name,
        "samples_per_second": speeds,
        "reference_over_csim": speeds["reference"] / speeds["csim"],
        "rtl_cycles_per_second": cycles,
        "versions": {"design": design.hash[:12]},
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    print(RESULTS.read_text(), end="")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo/model.onnx"))
