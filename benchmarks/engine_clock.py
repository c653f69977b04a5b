"""Clocks of engines with their serial shells on the ULX3S-85F behind place and route, the median of three seeds; area.

The area is that of engine and shell, as yosys counts it.
"""

from __future__ import annotations

import statistics
from typing import Any

import digits
import engine_models
from figures import markdown

import boards
from hls.engine import emit

CLOCK_MHZ, SEEDS = 65, (1, 2, 3)
PLACED = {"microGPT": ((16, 16), (8, 16)), "GPT-210k": ((16, 16),)}
"""Models, and rows × products of their engines."""


def rows() -> list[dict[str, Any]]:
    """A row per model and size."""
    found: list[dict[str, Any]] = []
    for name, sizes in PLACED.items():
        graph = engine_models.MODELS[name].graph()
        for pe, simd in sizes:
            program = engine_models.made(graph, pe, simd)
            design = emit.design(program, dsp=boards.get(engine_models.BOARD).capacity.dsp)
            seeds, cells = digits.placed(design, SEEDS, CLOCK_MHZ)
            area = cells.limited
            mhz = statistics.median(seeds.values())
            found.append({"model": name, "products": pe * simd, "fmax_mhz": mhz, "seeds": seeds, **area})
    return found


def table(found: list[dict[str, Any]]) -> str:
    """Markdown."""
    heads = "model", "products", "MHz", "by seed", "LUT4", "flip-flops", "block RAM", "DSP"
    rows = (
        (
            row["model"], row["products"], row["fmax_mhz"], ", ".join(map(str, row["seeds"].values())),
            f"{row['lut']:,}", f"{row['ff']:,}", row["bram"], row["dsp"],
        )
        for row in found
    )  # fmt: skip
    return markdown(heads, rows)
