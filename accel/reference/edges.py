"""How the compiled reference holds edges: a number per channel, or blocks of mantissas of 8 bits with one exponent.

Blocks are what a BlockFloat of at most 8 bits makes, where only products of attention read it, head by head. Keys and
values of a language model then take a byte per channel and one per head.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from accel.graph import Graph, Node
from accel.numeric import INT32_EXACT
from accel.ops.blockfloat.op import BlockFloat
from accel.ops.matmul.op import MatMul

TYPES = ("int8", "uint8", "int16", "int32", "int64")
"""Of numbers, in the order of `typed` in native_program.h; a number behind them is the size of a block."""
MANTISSA = 8
"""Bits of a mantissa in a block."""


class Storage(NamedTuple):
    """The type of an element in memory, its name in C++, its number in native_program.h, and the channels it holds."""

    dtype: np.dtype[np.generic]
    cpp: str
    number: int
    channels: int = 1

    def row(self, channels: int) -> int:
        """Bytes of a row."""
        return channels // self.channels * self.dtype.itemsize

    def integers(self, elements: np.ndarray) -> np.ndarray:
        """Elements (rows, n) as integers (rows, channels), int64."""
        if self.channels == 1 and self.dtype.names is None:
            return elements.astype(np.int64)
        values = elements["mantissas"].astype(np.int64) << elements["exponent"][..., None].astype(np.int64)
        return values.reshape(len(elements), -1)


def storage(graph: Graph, name: str) -> Storage:
    """How an edge of a graph is held."""
    if size := _blocks(graph).get(name):
        dtype = np.dtype([("mantissas", "i1", (size,)), ("exponent", "u1")])
        return Storage(dtype, f"Block<{size}>", len(TYPES) + size, size)
    tensor = graph.tensors[name]
    kind = stored(tensor.lo, tensor.hi)
    return Storage(np.dtype(kind), f"std::{kind}_t", TYPES.index(kind))


def stored(lo: int, hi: int) -> str:
    """The type of TYPES for lo..hi: what is unsigned says so, because 8-bit products differ there."""
    for name in ("uint8" if lo >= 0 else "int8", "int16"):
        if np.iinfo(name).min <= lo and hi <= np.iinfo(name).max:
            return name
    return "int32" if max(-lo, hi) <= INT32_EXACT else "int64"


@lru_cache(maxsize=8)
def _blocks(graph: Graph) -> dict[str, int]:
    """Edges that are held in blocks, and the channels of one."""
    found = {}
    for node in graph:
        if isinstance(node.op, BlockFloat) and node.op.bits <= MANTISSA and node.name not in graph.outputs:
            size = node.op.size(graph.tensors[node.inputs[0]])
            if all(_reads_heads(graph, reader, node.name, size) for reader in graph.consumers[node.name]):
                found[node.name] = size
    return found


def _reads_heads(graph: Graph, reader: Node, name: str, size: int) -> bool:
    """Is an edge the second operand of a product of attention alone, with heads of `size` channels?"""
    if not isinstance(reader.op, MatMul) or reader.inputs[0] == name:
        return False
    return reader.op.size(graph.tensors[name]) == size
