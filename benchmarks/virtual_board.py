"""Inferences over a virtual board's serial port while its line is damaged in both directions.

python benchmarks/virtual_board.py FOLDER [--board ulx3s-85f] [--inferences 1000] [--faults 10000] [--seed 0]

FOLDER is what `accel lower --target rtl` wrote. Prints {inferences, faults, refused, wrong, hangs} as JSON; exit code 1
when an answer was wrong or something hung.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

import boards
from accel import reference, storage
from accel.design import Design
from boards.faults import virtual_soak


def measure(folder: Path, board: str, inferences: int, faults: int, seed: int = 0) -> dict[str, int]:
    """Random samples over the whole input range, compared with the reference."""
    graph = storage.load(folder / "graph.accel")
    rng = np.random.default_rng(seed)
    x = rng.integers(graph.input.lo, graph.input.hi + 1, (256, *graph.input.shape))
    expected = reference.run(graph, x)
    design, target = Design.load(folder), boards.get(board)
    return asdict(virtual_soak(design, target, x, expected, inferences=inferences, faults=faults, seed=seed))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--board", default="ulx3s-85f")
    parser.add_argument("--inferences", type=int, default=1000)
    parser.add_argument("--faults", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    figures = measure(**vars(parser.parse_args()))
    print(json.dumps(figures))
    return int(figures["wrong"] > 0 or figures["hangs"] > 0)


if __name__ == "__main__":
    sys.exit(main())
