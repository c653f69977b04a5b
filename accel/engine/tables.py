"""Contents of an engine's ROMs, by name; a table that differs by layer has a row for each.

by_token (vocabulary, width)  by_place (context, width)  by_both (vocabulary · context, width)
exponentials (1 or layers, entries)   cos, sin (context, head size)
gate (1 or layers, entries), its first entry for the lowest number of the table's range
gains (norms whose gain differs by channel, width)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from accel.constants import Constant
from accel.engine.macros import Attend, Load, MacroGraph, Multiply, Normalize, ToKeys, ToQueries, ToVector
from accel.errors import UserError


def tables_of(network: MacroGraph) -> dict[str, np.ndarray]:
    """All tables that a network needs. Raises UserError where its layers need different ones and share hardware."""
    load = next(macro for macro in network.macros if isinstance(macro, Load))
    found = {
        name: table.wide().reshape(-1, network.width)
        for name in ("by_token", "by_place", "by_both")
        if isinstance(table := getattr(load, name), Constant)
    }
    attends = [macro for macro in network.macros if isinstance(macro, Attend)]
    found["exponentials"] = _stacked([macro.shares.rom.wide() for macro in attends])
    turns = [
        macro.to.turn for macro in _multiplies(network) if isinstance(macro.to, ToQueries | ToKeys) and macro.to.turn
    ]
    if turns:
        found["cos"], found["sin"] = turns[0].rotary.cos.wide(), turns[0].rotary.sin.wide()
        if any(not np.array_equal(turn.rotary.cos, found["cos"]) for turn in turns):
            raise UserError(f"{network.graph.name}: all layers of an engine turn queries and keys by the same angles")
    if gains := _gains(network):
        found["gains"] = np.stack(gains)
    if lookups := _lookups(network):
        found["gate"] = _stacked(lookups)
    return found


def _multiplies(network: MacroGraph) -> list[Multiply]:
    return [macro for macro in network.macros if isinstance(macro, Multiply)]


def _lookups(network: MacroGraph) -> list[np.ndarray]:
    """Tables of activations."""
    found = []
    for macro in _multiplies(network):
        if macro.gate:
            found.append(macro.gate[1].lookup.table.wide())
        elif isinstance(macro.to, ToVector) and macro.to.lookup:
            found.append(macro.to.lookup.table.wide())
    return found


def _gains(network: MacroGraph) -> list[np.ndarray]:
    """Gains of norms that differ by channel."""
    gammas = [macro.norm.gamma for macro in network.macros if isinstance(macro, Normalize)]
    return [gamma.wide() for gamma in gammas if gamma.lo != gamma.hi]


def _stacked(tables: Sequence[np.ndarray]) -> np.ndarray:
    """One row where all are alike, else a row for each, filled up with its last entry."""
    size = max(len(table) for table in tables)
    rows = np.stack([np.pad(table, (0, size - len(table)), mode="edge") for table in tables])
    return rows[:1] if (rows == rows[0]).all() else rows
