"""Random ONNX graphs, as `tests/random_onnx.py` draws them: does what imports compute what the file computes?

    python benchmarks/fuzz_imports.py [--graphs 20000] [--first 0]

Every wrong result is printed with the command that repeats it, and the exit code is 1 then. Results:
benchmarks/results/imports.json, key `fuzz`.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from import_judge import Verdict, verdict
from import_results import record

GRAPHS, JOBS, BATCH = 20_000, 2, 250


def _batch(seeds: range) -> list[Verdict]:
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    return [verdict(seed) for seed in seeds]


def run(graphs: int, first: int = 0) -> Iterator[Verdict]:
    """Verdicts of the seeds from `first` on, in batches that processes share; progress goes to stderr."""
    last = first + graphs
    batches = [range(start, min(start + BATCH, last)) for start in range(first, last, BATCH)]
    with ProcessPoolExecutor(JOBS, mp_context=get_context("spawn")) as pool:
        for done, batch in enumerate(pool.map(_batch, batches), 1):
            print(f"\r{min(done * BATCH, graphs)} of {graphs} graphs", end="", file=sys.stderr, flush=True)
            yield from batch
    print(file=sys.stderr)


def summary(found: list[Verdict]) -> dict[str, Any]:
    """Counts by kind, and the refusals by reason, the most frequent first."""
    kinds = Counter(one.kind for one in found)
    reasons = Counter(one.reason for one in found if one.kind == "refused")
    return {
        "graphs": len(found),
        "exact": kinds["exact"],
        "near": kinds["near"],
        "refused": kinds["refused"],
        "wrong": kinds["wrong"],
        "reasons": dict(reasons.most_common(40)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, default=GRAPHS)
    parser.add_argument("--first", type=int, default=0, help="seed of the first graph")
    options = parser.parse_args()
    found = []
    for seed, one in enumerate(run(options.graphs, options.first), options.first):
        found.append(one)
        if one.kind == "wrong":
            print(f"{one.text}\n    python benchmarks/fuzz_imports.py --graphs 1 --first {seed}", flush=True)
    result = summary(found)
    if options.graphs >= GRAPHS:
        record("fuzz", result)
    print({key: value for key, value in result.items() if key != "reasons"})
    return int(result["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main())
