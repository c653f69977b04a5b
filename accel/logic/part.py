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
        block = bool(params.get("BLOCK"))
        roms = {key: contents(rom, key in LOGIC or not block) for key, rom in module.roms.items()}
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


def contents(rom: Rom, as_logic: bool = True) -> Contents:
    """A memory's contents as logic; zeros if it is a block RAM."""
    if not as_logic:
        return Contents(rom.depth, rom.width, 0, dict.fromkeys(LEVELS, Nodes(0, 0, 0)))
    values = rom.values
    if values.size > SMALL:
        return _contents(values, rom.bits)
    return _known(values.tobytes(), values.dtype.str, values.shape, rom.bits)


WORD = 64
"""Bits of the integers that hold the columns of memories of few words."""
SMALL = 4096
"""Elements up to which the contents of a memory are remembered: many folds have the same biases."""


@lru_cache(maxsize=1024)
def _known(values: bytes, dtype: str, shape: tuple[int, int], bits: int) -> Contents:
    return _contents(np.frombuffer(values, dtype).reshape(shape), bits)


def _contents(values: np.ndarray, bits: int) -> Contents:
    nibbles, wires = (_short if len(values) <= WORD else _long)(values, bits)
    return Contents(len(values), bits * values.shape[1], nibbles.shape[1], _diagram(nibbles, wires))


def _short(values: np.ndarray, bits: int) -> tuple[np.ndarray, int]:
    """(groups of four words, columns) the bits of different columns that are no constants, four in a number.

    The second number is how many columns are address bits themselves. A memory of at most WORD words: each column is
    one number.
    """
    depth = len(values)
    kind = next(kind for kind in (np.uint8, np.uint16, np.uint32, np.uint64) if depth <= 8 * kind().itemsize)
    narrow = values.astype(np.min_scalar_type(-(1 << bits)))
    columns = np.zeros((bits, values.shape[1]), dtype=kind)
    for word, row in enumerate(narrow):
        for bit in range(bits):
            columns[bit] |= (row >> bit & 1).astype(kind) << kind(word)
    found = _different(columns.ravel())
    full = (1 << depth) - 1
    found = found[(found != 0) & (found != full)]
    address = max(2, (depth - 1).bit_length())
    wires = sum(int((found == sum((word >> bit & 1) << word for word in range(depth))).any()) for bit in range(address))
    if depth == 2:  # the other two words are the same
        found |= found << kind(2)
    return np.stack(
        [(found >> kind(4 * group) & kind(15)).astype(np.int64) for group in range(1 << address - 2)]
    ), wires


def _different(columns: np.ndarray) -> np.ndarray:
    """One of each number."""
    if columns.dtype.itemsize > 2:
        return np.unique(columns)
    seen = np.zeros(1 << 8 * columns.dtype.itemsize, dtype=bool)
    seen[columns] = True
    return np.flatnonzero(seen).astype(columns.dtype)


def _long(values: np.ndarray, bits: int) -> tuple[np.ndarray, int]:
    """The same for any number of words."""
    depth = len(values)
    table = _distinct(((values[:, :, None] >> np.arange(bits)) & 1).reshape(depth, -1).astype(bool))
    table = table[:, table.any(0) & ~table.all(0)]
    address = (depth - 1).bit_length()
    wires = sum(int((table == (np.arange(depth) >> bit & 1)[:, None]).all(0).any()) for bit in range(address))
    rows = np.zeros((1 << address, table.shape[1]), dtype=np.int64)
    rows[:depth] = table
    return rows[0::4] + 2 * rows[1::4] + 4 * rows[2::4] + 8 * rows[3::4], wires


def _distinct(table: np.ndarray) -> np.ndarray:
    """One of each kind of column; `np.unique` with an axis takes a hundred times longer."""
    packed = np.packbits(table, axis=0)
    keys = np.zeros((table.shape[1], -(-len(packed) // 8) * 8), dtype=np.uint8)
    keys[:, : len(packed)] = packed.T
    words = keys.view(np.uint64)
    flat = words[:, 0] if words.shape[1] == 1 else keys.view(f"V{keys.shape[1]}")[:, 0]
    return table[:, np.unique(flat, return_index=True)[1]]


def _diagram(nibbles: np.ndarray, wires: int) -> dict[int, Nodes]:
    """Nodes of a decision diagram for what `_short` or `_long` found; LEVELS gives the address bits of its leaves."""
    address = 1 + len(nibbles).bit_length()
    ids = np.array([0, *range(2, 16), 1])[nibbles]  # 0 and 1 are the constants
    distinct, choices, gates = {2: _count(ids)}, {}, {}
    for level in range(3, address + 1):
        low, high = ids[::2], ids[1::2]
        top = int(ids.max(initial=1)) + 1
        keys = np.where(low == high, low, top * (1 + low) + high)
        known, numbers = _numbered(keys)
        pairs = known[known >= top]  # the others are choices between equals
        constant = int((((pairs // top - 1) <= 1) | (pairs % top <= 1)).sum())
        choices[level], gates[level] = len(pairs) - constant, constant
        ids = np.where(keys > 1, numbers + 2, keys)
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


def _numbered(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different numbers, ascending, and the place of each key among them; `np.unique` is ten times slower."""
    top = int(keys.max(initial=0)) + 1
    if top > max(4 * keys.size, 1 << 16):
        ordered = np.sort(keys, axis=None)
        known = ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]
        return known, np.searchsorted(known, keys)
    seen = np.zeros(top, dtype=bool)
    seen[keys] = True
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[keys]


def _count(ids: np.ndarray) -> int:
    """Different functions, without the constants."""
    return int((_numbered(ids)[0] > 1).sum())
