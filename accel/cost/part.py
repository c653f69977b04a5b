"""What the cost model knows of a module: its name, parameters, and how the contents of its memories fold together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from accel.hardware import Module, Rom

GENERATED = "accel_unrolled"
"""Name of all generated modules here; their facts are the parameters."""

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


@dataclass(frozen=True)
class Part:
    """A module of a design, without text: what a recorded sample keeps."""

    module: str
    params: dict[str, int]
    roms: dict[str, Contents]

    @classmethod
    def of(cls, module: Module) -> Part:
        """Contents are looked at only where look-up tables hold them."""
        if module.source:
            return cls(GENERATED, module.facts, {})
        params = {key: int(value) for key, value in module.params.items()}
        block = bool(params.get("BLOCK"))
        roms = {key: contents(rom, key in LOGIC or not block) for key, rom in module.roms.items()}
        return cls(module.name, params, roms)

    @classmethod
    def load(cls, record: dict[str, Any]) -> Part:
        """From JSON."""
        roms = {
            key: Contents(depth, width, columns, {int(level): Nodes(*found) for level, found in nodes.items()})
            for key, (depth, width, columns, nodes) in record["roms"].items()
        }
        return cls(record["module"], record["params"], roms)


def contents(rom: Rom, as_logic: bool = True) -> Contents:
    """Of a memory; all zeros where it is not made of look-up tables."""
    if not as_logic:
        return Contents(rom.depth, rom.width, 0, dict.fromkeys(LEVELS, Nodes(0, 0, 0)))
    bits = (rom.values[:, :, None] >> np.arange(rom.bits)) & 1
    table = np.unique(bits.reshape(rom.depth, -1).astype(bool), axis=1)
    table = table[:, table.any(0) & ~table.all(0)]
    return Contents(rom.depth, rom.width, table.shape[1], {level: _nodes(table, level) for level in LEVELS})


def _nodes(table: np.ndarray, inputs: int) -> Nodes:
    """Of a table of bits (words, columns), with leaves of so many address bits."""
    depth, columns = table.shape
    block = 1 << inputs
    blocks = 1 << max(0, (depth - 1).bit_length() - inputs)
    padded = np.zeros((blocks * block, columns), dtype=np.uint64)
    padded[:depth] = table
    weights = np.uint64(1) << np.arange(block, dtype=np.uint64)
    words = (padded.reshape(blocks, block, columns) * weights[:, None]).sum(1)
    ends = np.array([0, weights.sum()], dtype=np.uint64)  # constants: the nodes 0 and 1
    kinds, inverse = np.unique(np.concatenate([ends, words.ravel()]), return_inverse=True)
    ids = np.where(inverse == inverse[0], 0, np.where(inverse == inverse[1], 1, inverse + 2))[2:].reshape(words.shape)
    address = range((depth - 1).bit_length()) if blocks == 1 else ()
    masks = [sum(1 << row for row in range(depth) if row >> bit & 1) for bit in address]
    wires = int(np.isin(kinds[2:], np.array(masks, dtype=np.uint64)).sum())  # columns that are an address bit
    leaves, choices, gates = len(kinds) - 2 - wires, 0, 0
    while len(ids) > 1:
        low, high = ids[::2], ids[1::2]
        top = int(ids.max()) + 1
        pairs = np.unique(np.stack([low[low != high], high[low != high]], 1), axis=0)
        constant = int((pairs <= 1).any(1).sum())
        choices, gates = choices + len(pairs) - constant, gates + constant
        ids = np.where(low == high, low, top * (1 + low) + high)
        ids = np.where(ids > 1, np.unique(ids, return_inverse=True)[1].reshape(low.shape) + 2, ids)
    return Nodes(leaves, choices, gates)
