"""Cells of engines of several sizes on the ULX3S-85F, by the cost model, without the serial shell.

Where hard multipliers are missing, products are made of look-up tables; carry cells count as two look-up tables each.
"""

from __future__ import annotations

from typing import Any

import engine_models
from figures import markdown

import boards
from accel import cost
from accel.engine.folding import folded
from accel.engine.match import match
from accel.engine.program import build
from accel.engine.timing import cycles, gaps
from accel.target import Cells
from hls.engine import area

SIZES = {"microGPT": ((4, 8), (8, 8), (8, 16), (16, 16), (16, 32)), "GPT-210k": ((8, 8), (8, 16), (16, 16), (16, 32)),
         "stories260K": ((8, 8), (8, 16), (16, 16), (16, 32))}  # fmt: skip
BOARD = "ulx3s-85f"


def rows() -> list[dict[str, Any]]:
    """A row per model and size."""
    found, board = [], boards.get(BOARD)
    for name, sizes in SIZES.items():
        network = folded(match(engine_models.MODELS[name].graph()))
        for pe, simd in sizes:
            program = gaps(build(network, pe, simd))
            units = area.estimate(program, board.target, dsp=board.capacity.dsp)
            row = {"model": name, "pe": pe, "simd": simd, "cycles_last": cycles(program, program.sizes.context - 1)}
            row["cells"] = _placed(cost.total(units.values()))
            found.append(row)
            print(row, flush=True)
    return found


def _placed(cells: Cells) -> dict[str, int]:
    return cells.placed(boards.get(BOARD).target).to_json()


def table(found: list[dict[str, Any]]) -> str:
    """Markdown."""
    heads = "model", "array", "cycles at the last", "LUT4", "FF", "block RAM", "DSP"
    rows = (
        (
            row["model"],
            f"{row['pe']} x {row['simd']}",
            *map("{:,}".format, (row["cycles_last"], *row["cells"].values())),
        )
        for row in found
    )
    return markdown(heads, rows)
