"""Zeros and narrow weights pay: one Dense of 64 × 64, activations of 8 bits, by the kind of its weights.

python benchmarks/sparse.py [--target ecp5]

Products in look-up tables, synthesized by yosys: once all at CYCLES per token, once all with MULTIPLIERS. Every design
is simulated and compared with the reference. Writes benchmarks/results/sparse.json and .md.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from accel import reference
from accel.dataflow.folding import Solver
from accel.dataflow.schedule import Schedule
from accel.files import write_atomic
from accel.graph import Graph, Node
from accel.ops import Dense
from accel.tensor import Tensor
from hls import rtl
from hls.simulation import simulate
from hls.synthesis import yosys

RESULTS = Path(__file__).parent / "results" / "sparse.json"
SIZE, TOKENS = 64, 4
CYCLES, MULTIPLIERS = 64, 64


def weights() -> dict[str, np.ndarray]:
    """Kind → (SIZE, SIZE) integers."""
    rng = np.random.default_rng(0)
    four = rng.integers(-7, 8, (SIZE, SIZE))
    size = np.abs(four).reshape(SIZE, -1, 4) + rng.random((SIZE, SIZE // 4, 4)) / 2
    rank = size.argsort(-1).argsort(-1).reshape(SIZE, SIZE)
    return {
        "int8": rng.integers(-127, 128, (SIZE, SIZE)),
        "int4": four,
        "int4, 2:4": np.where(rank >= 2, four, 0),
        "int4, 1:4": np.where(rank >= 3, four, 0),
        "ternary": rng.integers(-1, 2, (SIZE, SIZE)),
        "binary": rng.choice([-1, 1], (SIZE, SIZE)),
    }


def measure(weight: np.ndarray, target: str, equal: str) -> dict[str, Any]:
    """One design: measured cycles per token and the cells of yosys."""
    x = Tensor((TOKENS, SIZE), -128, 127)
    graph = Graph("dense", {"x": x}, (Node("dense", Dense(weight, np.zeros(SIZE, np.int64)), ("x",)),), "dense")
    solver = Solver(graph, target, dsp=0)
    picked = solver.at(TOKENS * CYCLES)[0] if equal == "cycles" else solver.with_multipliers(MULTIPLIERS)
    folds = {name: replace(fold, multiply="lut") for name, fold in picked.folds.items()}
    design = rtl.lower(graph, Schedule(folds, target=target))
    samples = np.random.default_rng(1).integers(-128, 128, (8, TOKENS, SIZE))
    ran = simulate.run(design, samples)
    assert np.array_equal(ran.outputs, reference.run(graph, samples))
    cells = yosys.resources(design, target)
    made = {"cycles": ran.interval / TOKENS, "multipliers": design.predicted.multipliers}
    return {**made, **asdict(cells), "equivalents": cells.equivalents(target)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="ecp5", choices=("ecp5", "xilinx7"))
    target = parser.parse_args().target
    rows = []
    lines = [
        "| equal | weights | cycles per token | multipliers | LUT equivalents | FF | block RAM | DSP |",
        "|---" * 9 + "|",
    ]
    for equal in ("cycles", "multipliers"):
        for kind, weight in weights().items():
            row = {"equal": equal, "weights": kind, "target": target, **measure(weight, target, equal)}
            rows.append(row)
            names = ("cycles", "multipliers", "equivalents", "ff", "bram", "dsp")
            lines.append(f"| {equal} | {kind} | " + " | ".join(f"{row[name]:g}" for name in names) + " |")
            print(lines[-1], flush=True)
    write_atomic(RESULTS, json.dumps(rows, indent=1) + "\n")
    write_atomic(RESULTS.with_suffix(".md"), "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
