"""Prices of the cost model, fitted on the recorded syntheses: accel/cost/prices.json.

    python benchmarks/cost_fit.py

Prices are not negative, and have the least squares of the relative error. Every module of the library has its own, per
family. Run this after a change of a `cost.py`; `benchmarks/cost_samples.py` does so when it has recorded syntheses.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

from accel.cost import model
from accel.files import write_atomic
from accel.logic.part import Part
from accel.logic.tally import Tally
from accel.target import TARGETS

TRUST = 0.05
"""Weight of what is expected of a price against all samples together."""
LEAST = 8
"""Cells below which errors are not relative any more: a unit of two look-up tables decides nothing."""


def samples(target: str) -> Path:
    """The recorded syntheses of a family, and what they were made with."""
    return Path(__file__).parent / "results" / f"cost-samples-{target}.json"


def recorded(target: str) -> list[dict[str, Any]]:
    """The samples themselves."""
    found: list[dict[str, Any]] = json.loads(samples(target).read_text(encoding="utf-8"))["samples"]
    return found


def families() -> list[str]:
    """The targets that have samples."""
    return sorted(set(model.FITTED.values()))


def prices(target: str) -> dict[str, dict[str, dict[str, float]]]:
    """Module → resource → cells per unit of each kind of logic, fitted on all samples but the held-out ones."""
    groups: dict[str, list[tuple[Tally, dict[str, int]]]] = defaultdict(list)
    for sample in recorded(target):
        if not sample["held_out"]:
            groups[sample["module"]].append((model.tally(Part.load(sample), TARGETS[target]), sample["counts"]))
    return {
        module: {resource: _fit(group, resource) for resource in model.RESOURCES}
        for module, group in sorted(groups.items())
    }


def _fit(group: list[tuple[Tally, dict[str, int]]], resource: str) -> dict[str, float]:
    """min Σ ((features · c − cells) / cells)² + TRUST Σ (share · (c − expected))², c ≥ 0.

    The share of a feature is the root of the sum of squares of its parts of the cells: where samples say little, prices
    stay at what is expected.
    """
    prior = {kind: model.expected(kind, resource, made) for made, _ in group for kind in getattr(made, resource)}
    kinds = sorted(prior)
    if not kinds:
        return {}
    cells = np.array([counts[resource] for _, counts in group], dtype=float)
    table = np.array([[getattr(made, resource)[kind] for kind in kinds] for made, _ in group], dtype=float)
    weight = 1 / np.maximum(cells, LEAST)
    table *= weight[:, None]
    held = np.diag(np.sqrt(TRUST * (table**2).sum(0)))
    wanted = np.concatenate([cells * weight, held @ np.array([prior[kind] for kind in kinds])])
    found, _ = nnls(np.vstack([table, held]), wanted)
    return dict(zip(kinds, found.tolist(), strict=True))


def write() -> None:
    """Fit all families."""
    fitted = {target: prices(target) for target in families()}
    write_atomic(model.PRICES, json.dumps(fitted, indent=1) + "\n")


if __name__ == "__main__":
    write()
