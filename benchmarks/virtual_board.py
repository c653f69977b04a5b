"""Inferences over a virtual board's serial port while its line is damaged in both directions.

python benchmarks/virtual_board.py [--inferences 1000] [--faults 10000] [--seed 0]

The digits encoder on the ULX3S-85F, untrained: the line does not look at values. Exit code 1 when an answer was wrong
or something hung.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict

import numpy as np
from utilization import MODELS, graph_of

import boards
from accel import reference
from accel.dataflow.folding import fold_for
from boards.faults import virtual_soak
from hls import rtl

BOARD = "ulx3s-85f"


def rows(inferences: int = 1000, faults: int = 10_000, seed: int = 0) -> dict[str, int]:
    """Right answers, faults, exceptions, wrong answers and hangs: random samples, compared with the reference."""
    config, interval = MODELS["digits"]
    graph = graph_of(config)
    design = rtl.lower(graph, fold_for(graph, interval))
    x = np.random.default_rng(seed).integers(graph.input.lo, graph.input.hi + 1, (256, *graph.input.shape))
    expected = reference.run(graph, x)
    soaked = virtual_soak(design, boards.get(BOARD), x, expected, inferences=inferences, faults=faults, seed=seed)
    return asdict(soaked)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inferences", type=int, default=1000)
    parser.add_argument("--faults", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    start = time.perf_counter()
    figures = rows(**vars(parser.parse_args()))
    print(json.dumps(figures), f"{time.perf_counter() - start:.0f} s")
    return int(figures["wrong"] > 0 or figures["hangs"] > 0)


if __name__ == "__main__":
    sys.exit(main())
