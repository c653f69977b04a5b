"""Language models evaluated in four ways: are all integers of all edges those of torch on the whole sequence?

    python benchmarks/language_equal.py [--graphs 1000] [--only random stories260k smollm2]

The ways are torch and compiled code, each on the whole sequence and row by row (`tests/language_graphs.py`). Random
graphs are Llamas and GPT-2s. stories260K reads its whole context, SmolLM2-135M 64 tokens, both in the default recipe.
The result is key "equal" of benchmarks/results/llm.json; a row replaces an earlier one of its model, and is kept after
every 30 random graphs. `edges` counts those that were compared, in all ways together.
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import figures
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import checkpoint_files  # noqa: E402 - helpers of the tests
import language_graphs  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "llm.json"
TOGETHER, TOKENS = 30, (5, 7, 9, 12, 17)
"""Random graphs of one compilation, and the tokens of one after the other."""
WAYS = 3
"""Ways that are compared with the fourth."""


def random(graphs: int) -> Iterator[dict[str, Any]]:
    """Random Llamas and GPT-2s: the row so far after every compilation."""
    row: dict[str, Any] = {"model": "random", "graphs": 0, "tokens": 0, "edges": 0, "failures": 0}
    for number, first in enumerate(range(0, graphs, TOGETHER)):
        seeds, length = range(first, min(first + TOGETHER, graphs)), TOKENS[number % len(TOKENS)]
        wrong = language_graphs.wrong(seeds, length)
        print(f"{seeds.stop} of {graphs} graphs, {length} tokens each: {wrong or 'all equal'}", flush=True)
        row["graphs"], row["failures"] = seeds.stop, row["failures"] + len(wrong)
        row["tokens"] += len(seeds) * length * language_graphs.SAMPLES
        row["edges"] += WAYS * sum(len(language_graphs.drawn(seed, length).tensors) for seed in seeds)
        yield row


def real(name: str, path: Path, tokens: int | None) -> Iterator[dict[str, Any]]:
    """A checkpoint on random tokens; None: its whole context."""
    graph, wrong = language_graphs.wrong_of(path, tokens)
    count, edges = graph.output_tensor.tokens, len(graph.tensors) * WAYS
    print(f"{name}, {count} tokens: {wrong[:3] or 'all equal'}", flush=True)
    yield {"model": name, "graphs": 1, "tokens": count, "edges": edges, "failures": int(bool(wrong))}


def seconds() -> float:
    """Processor seconds of this process and of the compilers that it started."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, default=1000, help="random graphs (default: 1000)")
    names = ("random", "stories260k", "smollm2")
    parser.add_argument("--only", nargs="+", default=names, choices=names, help="models (default: all)")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    make = {
        "random": lambda: random(chosen.graphs),
        "stories260k": lambda: real("stories260k", checkpoint_files.stories(), None),
        "smollm2": lambda: real("smollm2", checkpoint_files.smollm(), 64),
    }
    failures = 0
    for name in chosen.only:
        before = seconds()
        for row in make[name]():
            keep(row | {"cpu_seconds": round(seconds() - before)})
        failures += int(row["failures"])
    return int(failures > 0)


def keep(row: dict[str, Any]) -> None:
    """Replace the row of a model."""
    others = [other for other in figures.kept(RESULTS).get("equal", []) if other["model"] != row["model"]]
    figures.keep(RESULTS, {"equal": sorted([*others, row], key=lambda r: str(r["model"]))})


if __name__ == "__main__":
    sys.exit(main())
