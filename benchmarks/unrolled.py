"""Unrolled Dense against da4ml's own Verilog project: same matrix, same solver options, same adders per register. LUTs
are equivalents: on ECP5 LUT cells and 2 per carry cell.

Writes one row per size, operand widths and device.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from figures import markdown

from accel.ops import Dense
from accel.ops.dense import unrolled
from accel.tensor import Tensor
from hls.synthesis.yosys import synthesize

SIZES = (16, 32, 64)
WIDTHS = ((4, 8), (4, 4))
DEVICES = ("ecp5", "xilinx7")
LEVELS = 2


def matrix(size: int, weights: int) -> np.ndarray:
    """Random symmetric weights; the seed is the size."""
    top = (1 << weights - 1) - 1
    return np.random.default_rng(size).integers(-top, top, (size, size), endpoint=True)


def ours(weight: np.ndarray, x: Tensor) -> tuple[dict[str, str], str, int]:
    """Files, top module and latency of the unrolled unit."""
    op = Dense(weight, np.zeros(len(weight), int))
    unit = unrolled.unit(op, x, op.infer(x), LEVELS)
    return {f"{unit.module.name}.sv": unit.module.source}, unit.module.name, unit.actors[0].outputs[0].latency


def theirs(weight: np.ndarray, x: Tensor) -> tuple[dict[str, str], str, int]:
    """The project that da4ml writes. Its look-up table module is unused and no yosys reads it."""
    from da4ml.codegen.rtl import RTLModel
    from da4ml.trace import FixedVariableArray, HWConfig, comb_trace

    ends = np.full(x.channels, x.lo, float), np.full(x.channels, x.hi, float), np.ones(x.channels)
    options = {"hard_dc": unrolled.EXTRA_DEPTH}
    inputs = FixedVariableArray.from_lhs(*ends, HWConfig(1, -1, -1), 0.0, options)
    logic = comb_trace(inputs, weight.astype(float) @ inputs)
    with tempfile.TemporaryDirectory() as folder:
        project = RTLModel(logic, "own", folder, latency_cutoff=LEVELS)
        project.write()
        texts = {path.stem: path.read_text(encoding="utf-8") for path in Path(folder).glob("src/**/*.v")}
    files = {f"{name}.sv": text for name, text in texts.items() if name not in ("lookup_table", "own_wrapper")}
    return files, "own", len(project._pipe.solutions) + 1


def measure(size: int, widths: tuple[int, int], device: str) -> dict[str, Any]:
    """One row."""
    weights, activations = widths
    half = 1 << activations - 1
    weight, x = matrix(size, weights), Tensor((1, size), -half, half - 1)
    row: dict[str, Any] = {"size": size, "weights": weights, "activations": activations, "device": device}
    for name, generate in (("ours", ours), ("da4ml", theirs)):
        files, top, latency = generate(weight, x)
        counts = synthesize(files, top, device).counts
        row |= {f"{name}_lut": counts.equivalents(device), f"{name}_carry": counts.carry, f"{name}_ff": counts.ff}
        row[f"{name}_latency"] = latency
    return row | {"ratio": row["ours_lut"] / row["da4ml_lut"]}


def rows(jobs: int = 2) -> list[dict[str, Any]]:
    """All rows, in a fixed order."""
    wanted = [(size, widths, device) for size in SIZES for widths in WIDTHS for device in DEVICES]
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda request: measure(*request), wanted))


def table(found: list[dict[str, Any]]) -> str:
    """Markdown."""
    heads = "matrix", "operands", "device", "unrolled: LUT (FF, latency)", "da4ml's project", "ratio"
    rows = (
        (
            f"{row['size']}×{row['size']}", f"W{row['weights']}A{row['activations']}", row["device"],
            *(f"{row[f'{n}_lut']} ({row[f'{n}_ff']}, {row[f'{n}_latency']})" for n in ("ours", "da4ml")),
            f"{row['ratio']:.2f}",
        )
        for row in found
    )  # fmt: skip
    return markdown(heads, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--jobs", type=int, default=2, help="syntheses at a time")
    arguments = parser.parse_args()
    found = rows(arguments.jobs)
    print(table(found))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
