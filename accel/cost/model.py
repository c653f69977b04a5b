"""Coefficients of the cost model, fitted on recorded syntheses: not negative, least squares of the relative error.

Every module of the library has its own, per family; what it is made of is counted by its function in `FEATURES`, in the
`cost.py` of its operator.
"""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from accel.cost import streams
from accel.cost.counts import Counts
from accel.logic.part import Key, Part
from accel.logic.tally import Amounts, Features, Tally
from accel.ops import OPERATORS, facet
from accel.target import TARGETS, Target

FITTED = {
    **dict.fromkeys(("ecp5", "ice40", "gowin", "gw5a", "gatemate"), "ecp5"),
    **dict.fromkeys(("xilinx7", "ultrascale+", "cyclone5"), "xilinx7"),
}
"""Target → the family whose samples it is estimated with: its own, or the nearest with look-up tables of its size."""
TRUST = 0.05
"""Weight of what is expected of a price against all samples together."""
LEAST = 8
"""Cells below which errors are not relative any more: a unit of two look-up tables decides nothing."""
RESOURCES = ("lut", "ff", "carry")
Coefficients = dict[tuple[str, str], dict[str, float]]
"""(module, resource) → cells per unit of each feature."""


def samples(target: str) -> Path:
    """The recorded syntheses of a family, and what they were made with."""
    return Path(__file__).with_name(f"samples-{target}.json")


def recorded(target: str) -> list[dict[str, Any]]:
    """The samples themselves."""
    found: list[dict[str, Any]] = json.loads(samples(target).read_text(encoding="utf-8"))["samples"]
    return found


@cache
def features() -> Features:
    """Functions that count the logic of modules: of operators, of what they share, of buffers."""
    found = dict(streams.FEATURES)
    for kind in ("common", *OPERATORS):
        if find_spec(f"accel.ops.{kind}.cost"):
            found |= facet(kind, "cost").FEATURES
    return found


def tally(part: Part, target: Target) -> Tally:
    """Amounts of logic that a part is made of; a guess, with a warning, where nobody describes them."""
    found = Tally(target)
    known = features().get(part.module)
    if known is None:
        warnings.warn(
            f"{part.module} has no features, so its cost is a guess; describe it in the cost.py of its operator",
            stacklevel=2,
        )
    (known or prior)(found, part)
    return found


def prior(t: Tally, part: Part) -> None:
    """Guess what a module is made of: its memories, and an adder, a choice and two registers per bit of its lanes.

    Parameters that end in W are widths, LANES says how many there are of each.
    """
    p = part.params
    bits = p.get("LANES", 1) * sum(value for name, value in p.items() if name.endswith("W"))
    t.add(bits)
    t.logic("chosen", bits)
    t.registers(2 * bits)
    for rom in part.roms.values():
        t.rom(rom, bool(p.get("BLOCK")))


def predict(part: Part, target: Target) -> Counts:
    """Cells of a part."""
    return _predicted(part.key, target.name)


@lru_cache(maxsize=1 << 14)
def _predicted(key: Key, name: str) -> Counts:
    """Cells of the part of a key: layers of a network are made of the same parts, and so are their folds."""
    part, target = Part.of_key(key), TARGETS[name]
    made, fitted = tally(part, target), TARGETS[FITTED[name]]
    prices, cells = coefficients(fitted.name), {}
    for resource in RESOURCES:
        known = prices.get((part.module, resource), {})
        amounts: Amounts = getattr(made, resource)
        cells[resource] = round(sum(n * known.get(kind, expected(kind, resource, made)) for kind, n in amounts.items()))
    if target is not fitted:  # as many bits are added, and as many places of look-up tables taken
        places = fitted.carry_luts * cells["carry"]
        cells["carry"] = cells["carry"] * fitted.carry_bits // target.carry_bits
        cells["lut"] = round(cells["lut"] * target.tables) + places - target.carry_luts * cells["carry"]
    return Counts(bram=made.bram, dsp=made.dsp, **cells)


def expected(kind: str, resource: str, made: Tally) -> float:
    """Price without any sample: one cell, or none for what other cells contain.

    Carry cells of families with small look-up tables have their own; a DSP48 has registers and an adder.
    """
    small = made.target.lut_inputs == 4
    contained = resource == "lut" and kind in made.carry if small else kind in ("fused", "hard")
    return 0.0 if contained or kind == "one" else 1.0


@cache
def coefficients(target: str) -> Coefficients:
    """Fitted on all samples of a family but the held-out ones."""
    groups: dict[str, list[tuple[Tally, dict[str, int]]]] = defaultdict(list)
    for sample in recorded(target):
        if not sample["held_out"]:
            groups[sample["module"]].append((tally(Part.load(sample), TARGETS[target]), sample["counts"]))
    return {(module, resource): _fit(group, resource) for module, group in groups.items() for resource in RESOURCES}


def _fit(group: list[tuple[Tally, dict[str, int]]], resource: str) -> dict[str, float]:
    """min Σ ((features · c − cells) / cells)² + TRUST Σ (share · (c − expected))², c ≥ 0.

    The share of a feature is the root of the sum of squares of its parts of the cells: where samples say little, prices
    stay at what is expected.
    """
    from scipy.optimize import nnls

    prior = {kind: expected(kind, resource, made) for made, _ in group for kind in getattr(made, resource)}
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
