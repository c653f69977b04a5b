"""The trained digits encoder on the ULX3S-85F: clock after place and route (several seeds), and inferences per second.

python benchmarks/digits.py build/model.onnx
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import accel
import boards
from accel import reference
from accel.dataflow.folding import fold_for
from accel.design import Design
from accel.target import Cells
from hls import rtl
from hls.simulation import simulate
from hls.synthesis import yosys

MODEL = Path("build/model.onnx")
BOARD = "ulx3s-85f"
INTERVAL = 512
CLOCK_MHZ = 90
SEEDS = (1, 2, 3)


def rows(model: Path = MODEL, seeds: Sequence[int] = SEEDS) -> dict[str, Any]:
    """The median over `seeds` of what the slowest path allows, and the interval that the simulator measures."""
    graph, board = accel.load(model), boards.get(BOARD)
    design = rtl.lower(graph, fold_for(graph, INTERVAL, board.target, board.capacity))
    rng = np.random.default_rng(0)
    x = rng.integers(graph.input.lo, graph.input.hi + 1, (64, *graph.input.shape))
    ran = simulate.run(design, x)
    assert np.array_equal(ran.outputs, reference.run(graph, x))
    reached, _ = placed(design, seeds)
    median = statistics.median(reached.values())
    return {
        "board": BOARD, "fmax_mhz": median, "seeds": reached, "interval": ran.interval, "latency": ran.latency,
        "inferences_per_s": round(median * 1e6 / ran.interval),
    }  # fmt: skip


def placed(design: Design, seeds: Sequence[int], clock_mhz: float = CLOCK_MHZ) -> tuple[dict[str, float], Cells]:
    """MHz that place and route guarantees when it aims at a clock, whether it gets there or not, and the cells.

    It is the whole chip, with its serial shell, synthesized once; the cells are those of yosys.
    """
    plans = [boards.plan(design, boards.get(BOARD), clock_mhz=clock_mhz, seed=seed) for seed in seeds]
    places = [
        replace(plan.steps[1], name=f"seed {seed}", args=(*plan.steps[1].args, "--timing-allow-fail"))
        for plan, seed in zip(plans, seeds, strict=True)
    ]
    reached, found = dict[str, float](), list[Cells]()

    def check(step: str, folder: Path) -> None:
        if step == "synthesis":
            stat = json.loads((folder / "synthesis-stat.json").read_text(encoding="utf-8"))
            found.append(yosys.count(stat["design"]["num_cells_by_type"], boards.get(BOARD).target))
        if step.startswith("seed"):
            clocks = json.loads((folder / "nextpnr.json").read_text(encoding="utf-8"))["fmax"].values()
            core = min(clocks, key=lambda entry: abs(entry["constraint"] - clock_mhz))
            reached[step.removeprefix("seed ")] = round(core["achieved"], 2)
            print(f"{step}: {core['achieved']:.2f} MHz", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        replace(plans[0], steps=(plans[0].steps[0], *places)).execute(Path(folder), check=check)
    return reached, found[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", default=MODEL)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    arguments = parser.parse_args()
    print(json.dumps(rows(arguments.model, arguments.seeds), indent=1))


if __name__ == "__main__":
    main()
