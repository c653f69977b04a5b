"""A module as the cost model sees it: its name, its parameters, and the size of its memories as logic."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
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


Key = tuple[
    str, tuple[tuple[str, int], ...], tuple[tuple[str, tuple[int, int, int], tuple[tuple[int, Nodes], ...]], ...]
]
"""A part: its module, its parameters, and its memories."""


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
        logic = {key: rom for key, rom in module.roms.items() if key in LOGIC or not params.get("BLOCK")}
        roms = {k: contents(r.make(), r.bits) if k in logic else stored(r) for k, r in module.roms.items()}
        return cls(module.name, params, roms)

    @property
    def key(self) -> Key:
        """The same as a value that can be looked up."""
        roms = tuple((name, rom[:3], tuple(rom.nodes.items())) for name, rom in self.roms.items())
        return self.module, tuple(self.params.items()), roms

    @classmethod
    def of_key(cls, key: Key) -> Part:
        """The part of a key."""
        module, params, roms = key
        return cls(module, dict(params), {name: Contents(*sizes, dict(nodes)) for name, sizes, nodes in roms})

    @classmethod
    def load(cls, record: dict[str, Any]) -> Part:
        """Load a part from JSON."""
        roms = {
            key: Contents(depth, width, columns, {int(level): Nodes(*found) for level, found in nodes.items()})
            for key, (depth, width, columns, nodes) in record["roms"].items()
        }
        return cls(record["module"], record["params"], roms)


def stored(rom: Rom) -> Contents:
    """A memory in block RAM, whose contents take no logic."""
    return Contents(rom.depth, rom.width, 0, dict.fromkeys(LEVELS, Nodes(0, 0, 0)))


def contents(values: np.ndarray, bits: int) -> Contents:
    """A memory of the integers `values` (depth, columns) as logic, `bits` bits of each."""
    if values.size > SMALL:
        return _contents(values, bits)
    return _known(values.tobytes(), values.dtype.str, values.shape, bits)


SMALL = 4096
"""Elements up to which the contents of a memory are remembered: many folds have the same biases."""
BLOCK = 4
"""Address bits of a block of words: what a column holds in it is one number of 16 bits."""


@lru_cache(maxsize=1024)
def _known(values: bytes, dtype: str, shape: tuple[int, int], bits: int) -> Contents:
    return _contents(np.frombuffer(values, dtype).reshape(shape), bits)


def _contents(values: np.ndarray, bits: int) -> Contents:
    depth, width = values.shape
    address = (depth - 1).bit_length()
    words = np.arange(depth)[:, None]
    full, *wires = _blocks(np.hstack([words >= 0, words >> np.arange(address) & 1]), 1).T
    columns = _different(_blocks(_fewer(values, bits), bits))
    columns = columns[:, columns.any(0) & (columns != full[:, None]).any(0)]
    free = sum(int((columns == wire[:, None]).all(0).any()) for wire in wires)
    return Contents(depth, bits * width, columns.shape[1], _diagram(columns, free, max(2, address)))


def _blocks(values: np.ndarray, bits: int) -> np.ndarray:
    """(blocks, columns) the bits of every column, those of all words of a block in one number.

    Words are filled up with zeros to a power of two, and repeated to fill one block.
    """
    depth, columns = values.shape
    words = values.astype(np.uint8 if bits <= 8 else np.uint64, copy=False)
    size = 1 << (depth - 1).bit_length()
    places = np.arange(bits, dtype=words.dtype)[:, None, None]
    octets = np.zeros((bits, 2 * max(1, size >> BLOCK), columns), dtype=np.uint8)
    for k in range(min(8, depth)):
        found = words[k::8] >> places
        found &= 1
        octets[:, : found.shape[1]] |= found.astype(np.uint8, copy=False) << k
    made = octets[:, 0::2] | octets[:, 1::2].astype(np.uint16) << 8
    while size < 1 << BLOCK:
        made |= made << size
        size *= 2
    return made.transpose(1, 0, 2).reshape(made.shape[1], -1)


def _fewer(values: np.ndarray, bits: int) -> np.ndarray:
    """The same elements, but one of each kind, where a number of 16 bits holds an element in all words."""
    depth = len(values)
    if depth * bits > 1 << BLOCK:
        return values
    shifts = np.arange(0, depth * bits, bits, dtype=np.uint16)[:, None]
    mask = np.uint16((1 << bits) - 1)
    elements = np.bitwise_or.reduce((values.astype(np.uint16) & mask) << shifts, axis=0)
    return np.flatnonzero(_seen(elements)).astype(np.uint16) >> shifts & mask


def _different(columns: np.ndarray) -> np.ndarray:
    """One of each kind of column; `np.unique` with an axis takes a hundred times longer."""
    count = len(columns)
    if count == 1:
        return np.flatnonzero(_seen(columns)).astype(np.uint16)[None]
    words = {2: np.uint32, 4: np.uint64}.get(count, np.dtype((np.void, 2 * count)))
    flat = np.ascontiguousarray(columns.T).view(words)[:, 0]
    return np.unique(flat).view(np.uint16).reshape(-1, count).T


def _seen(blocks: np.ndarray) -> np.ndarray:
    """True for every number that is among the blocks."""
    seen = np.zeros(1 << (1 << BLOCK), dtype=bool)
    seen[blocks] = True
    return seen


def _diagram(columns: np.ndarray, wires: int, address: int) -> dict[int, Nodes]:
    """Nodes of a decision diagram for different columns of blocks; LEVELS gives the address bits of its leaves.

    `wires` columns are address bits themselves.
    """
    distinct, choices, gates, seen = {}, {}, {}, _seen(columns)
    for level in range(BLOCK, 1, -1):
        distinct[level] = int(np.count_nonzero(seen[1:-1]))
        choices[level], gates[level], seen = _halves(seen)
    ids = columns + np.int64(1)  # 0 and 1 are the constants
    ids[columns == 0], ids[columns == (1 << (1 << BLOCK)) - 1] = 0, 1
    for level in range(BLOCK + 1, address + 1):
        low, high = ids[::2], ids[1::2]
        top = int(ids.max(initial=1)) + 1
        keys = np.where(low == high, low, top * (1 + low) + high)
        known = _ascending(keys)
        pairs = known[known >= top]  # the others are choices between equals
        gates[level] = int((((pairs // top - 1) <= 1) | (pairs % top <= 1)).sum())
        choices[level], distinct[level] = len(pairs) - gates[level], int((known > 1).sum())
        if level < address:
            ids = np.where(keys > 1, np.searchsorted(known, keys) + 2, keys)
    above = {level: range(level + 1, address + 1) for level in LEVELS}
    return {
        level: Nodes(
            distinct[min(level, address)] - wires * (level >= address),
            sum(choices[k] for k in above[level]),
            sum(gates[k] for k in above[level]),
        )
        for level in LEVELS
    }


def _halves(seen: np.ndarray) -> tuple[int, int, np.ndarray]:
    """Functions that choose between different ones of an address bit less: without and with a constant; and these.

    A function is a number, whose bits are its values; True stands for those that occur.
    """
    side = 1 << (len(seen).bit_length() - 1) // 2
    table = seen.reshape(side, side)
    equal, inside = table.diagonal(), table[1:-1, 1:-1]
    plain = int(np.count_nonzero(inside) - np.count_nonzero(equal[1:-1]))
    gates = int(np.count_nonzero(table) - np.count_nonzero(equal)) - plain
    return plain, gates, np.logical_or(table.any(0), table.any(1))


def _ascending(keys: np.ndarray) -> np.ndarray:
    """The different numbers; `np.unique` is ten times slower."""
    top = int(keys.max(initial=0)) + 1
    if top <= max(4 * keys.size, 1 << 16):
        seen = np.zeros(top, dtype=bool)
        seen[keys] = True
        return np.flatnonzero(seen)
    ordered = np.sort(keys, axis=None)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]
