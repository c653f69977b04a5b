"""A module as the cost model sees it: its name, its parameters, and the size of its memories as logic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from accel.hardware import Module, Rom

LOGIC = ("BIAS_FILE", "GAMMA_FILE", "BETA_FILE")
"""Memories that are always made of look-up tables; others where the parameter BLOCK is 0."""


class Nodes(NamedTuple):
    """A decision diagram shared by all columns of a memory, down to functions of the lowest address bits.

    `leaves` are these functions; the other address bits choose between two of them, or of such choices, in `choices`
    different ways, and in `gates` more with a constant on one side.
    """

    leaves: int
    choices: int
    gates: int


LEVELS = (2, 4, 6)
"""Address bits of the leaves that are counted."""


class Contents(NamedTuple):
    """A memory of constants: `columns` are its bits that differ from each other and from constants, as logic."""

    depth: int
    width: int
    columns: int
    nodes: dict[int, Nodes]


def library_name(module: Module) -> str:
    """The name that a module has here: a generated one without the hash of its text."""
    return module.name.rpartition("_")[0] if module.source else module.name


@dataclass(frozen=True)
class Part:
    """A module of a design, without text: what a recorded sample keeps."""

    module: str
    params: dict[str, int]
    roms: dict[str, Contents]

    @classmethod
    def of(cls, module: Module) -> Part:
        """Contents are looked at only where look-up tables hold them. A generated module's facts are its parameters."""
        if module.source:
            return cls(library_name(module), module.facts, {})
        params = {key: int(value) for key, value in module.params.items()}
        block = bool(params.get("BLOCK"))
        roms = {key: contents(rom, key in LOGIC or not block) for key, rom in module.roms.items()}
        return cls(module.name, params, roms)

    @classmethod
    def load(cls, record: dict[str, Any]) -> Part:
        """Load a part from JSON."""
        roms = {
            key: Contents(depth, width, columns, {int(level): Nodes(*found) for level, found in nodes.items()})
            for key, (depth, width, columns, nodes) in record["roms"].items()
        }
        return cls(record["module"], record["params"], roms)


def contents(rom: Rom, as_logic: bool = True) -> Contents:
    """A memory's contents as logic; zeros if it is a block RAM."""
    if not as_logic:
        return Contents(rom.depth, rom.width, 0, dict.fromkeys(LEVELS, Nodes(0, 0, 0)))
    bits = (rom.values[:, :, None] >> np.arange(rom.bits)) & 1
    table = _distinct(bits.reshape(rom.depth, -1).astype(bool))
    table = table[:, table.any(0) & ~table.all(0)]
    return Contents(rom.depth, rom.width, table.shape[1], _diagram(table))


def _distinct(table: np.ndarray) -> np.ndarray:
    """One of each kind of column; `np.unique` with an axis takes a hundred times longer."""
    packed = np.packbits(table, axis=0)
    keys = np.zeros((table.shape[1], -(-len(packed) // 8) * 8), dtype=np.uint8)
    keys[:, : len(packed)] = packed.T
    words = keys.view(np.uint64)
    flat = words[:, 0] if words.shape[1] == 1 else keys.view(f"V{keys.shape[1]}")[:, 0]
    return table[:, np.unique(flat, return_index=True)[1]]


def _diagram(table: np.ndarray) -> dict[int, Nodes]:
    """Nodes of a decision diagram for a table of bits (words, columns); LEVELS gives the address bits of its leaves."""
    depth = len(table)
    address = max(2, (depth - 1).bit_length())
    rows = np.zeros((1 << address, table.shape[1]), dtype=np.int64)
    rows[:depth] = table
    if depth == 2:
        rows[2:] = table
    ids = rows[0::4] + 2 * rows[1::4] + 4 * rows[2::4] + 8 * rows[3::4]
    ids = np.choose(ids, [0, *range(2, 16), 1])  # 0 and 1 are the constants
    wires = sum(int((table == (np.arange(depth) >> bit & 1)[:, None]).all(0).any()) for bit in range(address))
    distinct, choices, gates = {2: _count(ids)}, {}, {}
    for level in range(3, address + 1):
        low, high = ids[::2], ids[1::2]
        top = int(ids.max(initial=1)) + 1
        keys = np.where(low == high, low, top * (1 + low) + high)
        pairs = np.unique(keys[low != high])
        constant = int((((pairs // top - 1) <= 1) | (pairs % top <= 1)).sum())
        choices[level], gates[level] = len(pairs) - constant, constant
        ids = np.where(keys > 1, np.unique(keys, return_inverse=True)[1].reshape(keys.shape) + 2, keys)
        distinct[level] = _count(ids)
    above = {level: range(level + 1, address + 1) for level in LEVELS}
    return {
        level: Nodes(
            distinct[min(level, address)] - wires * (level >= address),
            sum(choices[k] for k in above[level]),
            sum(gates[k] for k in above[level]),
        )
        for level in LEVELS
    }


def _count(ids: np.ndarray) -> int:
    """Different functions, without the constants."""
    return int((np.unique(ids) > 1).sum())
