"""What the cost model knows of a module: its name, parameters, and how the contents of its memories fold together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from accel.hardware import Module, Rom

GENERATED = "accel_unrolled"
"""Name of all generated modules here; their facts are the parameters."""


class Contents(NamedTuple):
    """A memory of constants as logic: `columns` are its bits that differ from each other and from constants.

    `leaves` are the different functions of the lowest 4 and 6 address bits, `muxes` the different choices between two
    such functions, or choices, that the other address bits make.
    """

    depth: int
    width: int
    columns: int
    leaves: tuple[int, int]
    muxes: tuple[int, int]


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
        deep = {name for name, rom in module.roms.items() if rom.is_deep and params.get("BLOCK")}
        return cls(module.name, params, {key: contents(rom, key not in deep) for key, rom in module.roms.items()})

    @classmethod
    def load(cls, record: dict[str, Any]) -> Part:
        """From JSON."""
        roms = {
            key: Contents(depth, width, columns, tuple(leaves), tuple(muxes))
            for key, (depth, width, columns, leaves, muxes) in record["roms"].items()
        }
        return cls(record["module"], record["params"], roms)


def contents(rom: Rom, as_logic: bool = True) -> Contents:
    """Of a memory; all zeros where it is not made of look-up tables."""
    if not as_logic:
        return Contents(rom.depth, rom.width, 0, (0, 0), (0, 0))
    bits = (rom.values[:, :, None] >> np.arange(rom.bits)) & 1
    table = np.unique(bits.reshape(rom.depth, -1).astype(bool), axis=1)
    table = table[:, table.any(0) & ~table.all(0)]
    found = [_nodes(table, inputs) for inputs in (4, 6)]
    leaves, muxes = (found[0][0], found[1][0]), (found[0][1], found[1][1])
    return Contents(rom.depth, rom.width, table.shape[1], leaves, muxes)


def _nodes(table: np.ndarray, inputs: int) -> tuple[int, int]:
    """Different leaves and choices of a decision diagram over (words, columns), shared by all columns."""
    depth, columns = table.shape
    if columns == 0:
        return 0, 0
    block = 1 << inputs
    blocks = 1 << max(0, (depth - 1).bit_length() - inputs)
    padded = np.zeros((blocks * block, columns), dtype=np.uint64)
    padded[:depth] = table
    weights = np.uint64(1) << np.arange(block, dtype=np.uint64)
    words = (padded.reshape(blocks, block, columns) * weights[:, None]).sum(1)
    constants = np.array([0, weights.sum()], dtype=np.uint64)
    leaves = int((~np.isin(np.unique(words), constants)).sum())
    ids = np.unique(words, return_inverse=True)[1].reshape(words.shape).astype(np.int64)
    muxes = 0
    while len(ids) > 1:
        low, high = ids[::2], ids[1::2]
        top = int(ids.max()) + 1
        pairs = np.where(low == high, low, top * (1 + low) + high)
        kinds, inverse = np.unique(pairs, return_inverse=True)
        muxes += int((kinds >= top).sum())
        ids = inverse.reshape(low.shape)
    return leaves, muxes
