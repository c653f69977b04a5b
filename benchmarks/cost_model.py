"""The cost model against the recorded syntheses that it was not fitted on. Nothing is synthesized here.

An error is |predicted − synthesized| / synthesized of one unit; look-up tables are LUT equivalents (on ECP5 with 2 per
carry cell), and counts below LEAST are taken for LEAST: a unit of five look-up tables decides nothing.
"""

from __future__ import annotations

from typing import Any

import cost_fit
import numpy as np
from figures import markdown

from accel.cost import model
from accel.logic.part import Part
from accel.target import TARGETS, Cells

LEAST = 16
RESOURCES = ("lut", "ff", "bram", "dsp")


def errors(target: str, held_out: bool = True) -> list[tuple[dict[str, Any], dict[str, float]]]:
    """(sample, relative error by resource) of every recorded unit of a family."""
    found = []
    for sample in cost_fit.recorded(target):
        if sample["held_out"] == held_out:
            made, predicted = Cells(**sample["counts"]), model.predict(Part.load(sample), TARGETS[target])
            pairs = zip(_amounts(predicted, target), _amounts(made, target), strict=True)
            found.append((sample, {name: _error(*pair) for name, pair in zip(RESOURCES, pairs, strict=True)}))
    return found


def _amounts(counts: Cells, target: str) -> tuple[int, int, int, int]:
    return counts.equivalents(target), counts.ff, counts.bram, counts.dsp


def _error(predicted: int, made: int) -> float:
    return abs(predicted - made) / max(made, LEAST) if predicted != made else 0.0


def rows() -> dict[str, Any]:
    """Units, median and worst error of look-up tables over all families; by family and resource in `families`."""
    tables: dict[str, dict[str, list[float]]] = {}
    for target in cost_fit.families():
        found = [error for _, error in errors(target)]
        tables[target] = {name: [error[name] for error in found] for name in RESOURCES}
    every = [error for family in tables.values() for error in family["lut"]]
    families = {
        target: {name: _summary(values) for name, values in family.items()} for target, family in tables.items()
    }
    return _summary(every) | {"families": families}


def _summary(values: list[float]) -> dict[str, Any]:
    return {"units": len(values), "median_error": float(np.median(values)), "worst_error": max(values)}


def table(found: dict[str, Any]) -> str:
    """Markdown."""
    rows = (
        (target, row["units"], name, f"{row['median_error']:.1%}", f"{row['worst_error']:.1%}")
        for target, family in found["families"].items()
        for name, row in family.items()
    )
    return markdown(("family", "units", "resource", "median error", "worst error"), rows)


if __name__ == "__main__":
    print(table(rows()))
