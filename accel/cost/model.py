"""Cells of a module: what it is made of, at prices that were fitted on recorded syntheses.

Every module of the library has its own prices, per family. What it is made of is counted by its function in `FEATURES`,
in the `cost.py` of its operator.
"""

from __future__ import annotations

import json
import warnings
from functools import cache, lru_cache
from pathlib import Path

from accel.cost import engine, streams
from accel.logic.part import Key, Part
from accel.logic.tally import Amounts, Features, Tally
from accel.ops import OPERATORS
from accel.ops.common import cost as common
from accel.ops.hardware import of_kind
from accel.target import TARGETS, Cells, Target

FITTED = {
    **dict.fromkeys(("ecp5", "ice40", "gowin", "gw5a", "gatemate"), "ecp5"),
    **dict.fromkeys(("xilinx7", "ultrascale+", "cyclone5"), "xilinx7"),
}
"""Target → the family whose samples it is estimated with: its own, or the nearest with look-up tables of its size."""
RESOURCES = ("lut", "ff", "carry")
PRICES = Path(__file__).with_name("prices.json")
"""Family → module → resource → cells per unit of each kind of logic; `benchmarks/cost_fit.py` writes it."""


@cache
def prices() -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Read PRICES."""
    found: dict[str, dict[str, dict[str, dict[str, float]]]] = json.loads(PRICES.read_text(encoding="utf-8"))
    return found


@cache
def features() -> Features:
    """Functions that count the logic of modules: of operators, of what they share, of buffers."""
    found = streams.FEATURES | engine.FEATURES | common.FEATURES
    for kind in OPERATORS:
        if hardware := of_kind(kind):
            found |= hardware.features
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


def predict(part: Part, target: Target) -> Cells:
    """Cells of a part."""
    return _predicted(part.key, target.name)


@lru_cache(maxsize=1 << 14)
def _predicted(key: Key, name: str) -> Cells:
    """Cells of the part of a key: layers of a network are made of the same parts, and so are their folds."""
    part, target = Part.of_key(key), TARGETS[name]
    made, fitted = tally(part, target), TARGETS[FITTED[name]]
    fits, cells = prices()[fitted.name].get(part.module, {}), {}
    for resource in RESOURCES:
        known = fits.get(resource, {})
        amounts: Amounts = getattr(made, resource)
        cells[resource] = round(sum(n * known.get(kind, expected(kind, resource, made)) for kind, n in amounts.items()))
    if target is not fitted:  # as many bits are added, and as many places of look-up tables taken
        places = fitted.carry_luts * cells["carry"]
        cells["carry"] = cells["carry"] * fitted.carry_bits // target.carry_bits
        cells["lut"] = round(cells["lut"] * target.tables) + places - target.carry_luts * cells["carry"]
    return Cells(bram=made.bram, dsp=made.dsp, **cells)


def expected(kind: str, resource: str, made: Tally) -> float:
    """Price without any sample: one cell, or none for what other cells contain.

    Carry cells of families with small look-up tables have their own; a DSP48 has registers and an adder.
    """
    small = made.target.lut_inputs == 4
    contained = resource == "lut" and kind in made.carry if small else kind in ("fused", "hard")
    return 0.0 if contained or kind == "one" else 1.0
