"""Cost and benefit of every efficiency technique: digits (3 seeds) and Fashion-MNIST (1 seed), in one table each.

python benchmarks/efficiency.py [--data digits fashion text] [--processes 2]

Trainings are kept in build/study-DATA, so that an interrupted run goes on. Writes benchmarks/results/efficiency.json,
a row per recipe and model, with a Markdown table beside it. SYNTHESIZED recipes of digits are also synthesized for ECP5
by yosys; `equal` compares cycles at equal multipliers over a range of budgets, because folds come in steps.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from figures import markdown

import accel
from accel.dataflow.folding import Solver, with_multipliers
from accel.errors import UserError
from accel.files import write_atomic
from accel.verbs import study, studying
from hls import rtl
from hls.synthesis import yosys
from models import presets

RESULTS = Path(__file__).parent / "results" / "efficiency.json"
SEEDS = {"digits": 3, "fashion": 1, "text": 1}
SYNTHESIZED = ("W4A8", "2:4", "half-of-neurons-and-heads", "ternary", "binary")
BUDGETS = tuple(int(n) for n in np.geomspace(48, 1024, 40))
"""Multipliers a design may have."""
SHRUNK = ("2:4", "half-of-the-neurons", "half-of-neurons-and-heads")


def graph_of(data: str, name: str, out: Path) -> accel.Graph:
    """The first seed's network."""
    job = studying.jobs(data, [name], 1)[0]
    return accel.load(job.model(out))


def synthesized(data: str, out: Path) -> dict[str, dict[str, int]]:
    """Recipe → cells of yosys for ECP5, of the design that the study measured."""
    found = {}
    for name in SYNTHESIZED:
        graph = graph_of(data, name, out)
        counts = yosys.resources(rtl.lower(graph, with_multipliers(graph, presets.MULTIPLIERS)), "ecp5")
        found[name] = asdict(counts)
        print(f"{name:32} {found[name]}", flush=True)
    return found


def equal(data: str, out: Path) -> dict[str, float]:
    """Recipe → how many times fewer cycles than W4A8 at equal multipliers, the geometric mean over BUDGETS."""
    plain = _cycles(graph_of(data, "W4A8", out))
    means = {}
    for name in SHRUNK:
        small = _cycles(graph_of(data, name, out))
        means[name] = math.exp(sum(math.log(a / b) for a, b in zip(plain, small, strict=True)) / len(BUDGETS))
    return means


def _cycles(graph: accel.Graph) -> list[int]:
    """The shortest interval of every budget."""
    solver = Solver(graph, "ecp5")
    return [round(rtl.lower(graph, solver.with_multipliers(limit)).predicted.interval) for limit in BUDGETS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["digits", "fashion"], choices=SEEDS)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    content: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"rows": []}
    for data in arguments.data:
        out = Path("build") / f"study-{data}"
        rows = study.study(data, out, seeds=SEEDS[data], processes=arguments.processes, progress=print)
        if not rows:
            raise UserError(f"no training of {data} is complete")
        content["rows"] = [r for r in content["rows"] if r["model"] != data] + [asdict(row) for row in rows]
        if data == "digits":
            content["synthesized"], content["equal_multipliers"] = synthesized(data, out), equal(data, out)
        write_atomic(RESULTS, json.dumps(content, indent=1) + "\n")
        write_atomic(RESULTS.with_suffix(".md"), text(content))


def text(content: dict[str, Any]) -> str:
    """Markdown: a table per data set, synthesis, and cycles at equal multipliers."""
    parts = []
    for data in dict.fromkeys(row["model"] for row in content["rows"]):
        rows = [studying.StudyRow(**row) for row in content["rows"] if row["model"] == data]
        parts.append(f"### {data}, seeds: {rows[0].seeds}\n\n{study.table(rows)}")
    cells = (
        (name, f"{c['lut']:,}", f"{c['carry']:,}", f"{c['ff']:,}", c["dsp"], c["bram"])
        for name, c in content["synthesized"].items()
    )
    heads = "recipe", "LUT4", "carry pairs", "flip-flops", "DSP", "block RAM"
    parts.append("### digits, synthesized by yosys for ECP5\n\n" + markdown(heads, cells))
    fewer = ((name, f"{ratio:.2f}") for name, ratio in content["equal_multipliers"].items())
    title = (
        f"### digits, times fewer cycles than W4A8 at equal multipliers ({BUDGETS[0]} to {BUDGETS[-1]}, geometric mean)"
    )
    parts.append(f"{title}\n\n" + markdown(("recipe", "times"), fewer))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
