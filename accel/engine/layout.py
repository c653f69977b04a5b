"""Where channels lie: for every lane of a vector's words, the channel of the edge, or -1 where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from accel.engine.isa import Sizes


def natural(channels: int, unit: int) -> np.ndarray:
    """The graph's own order, filled up to whole units."""
    return padded(np.arange(channels), unit)


def padded(order: np.ndarray, unit: int) -> np.ndarray:
    """Some lanes, and none up to a whole number of units."""
    found = np.full(-(-len(order) // unit) * unit, -1)
    found[: len(order)] = order
    return found


def queries(sizes: Sizes) -> np.ndarray:
    """Lanes of the queries: as many heads side by side in a word as keys have there (`isa`, small heads)."""
    groups = sizes.kv_heads // sizes.side
    words = [
        _heads([(j * sizes.side + z) * sizes.queries + g for z in range(sizes.side)], sizes.head_size, sizes.simd)
        for j in range(groups)
        for g in range(sizes.queries)
    ]
    return np.concatenate(words)


def mixed(sizes: Sizes) -> np.ndarray:
    """Lanes of what attention returns, which comes block by block; filled up to whole words."""
    blocks = [
        _heads([(i * sizes.banks + y) * sizes.queries + g for y in range(sizes.banks)], sizes.head_size, sizes.pe)
        for i in range(sizes.kv_heads // sizes.banks)
        for g in range(sizes.queries)
    ]
    return padded(np.concatenate(blocks), sizes.simd)


def _heads(heads: list[int], size: int, unit: int) -> np.ndarray:
    """The channels of heads beside each other, in whole units."""
    return padded(np.concatenate([np.arange(size) + head * size for head in heads]), unit)


def arranged(matrix: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """A matrix (outputs, inputs) in the order of lanes, 0 where there is no channel."""
    found = np.where((rows >= 0)[:, None] & (columns >= 0), matrix[np.ix_(rows, columns)], 0)
    return found.astype(np.int64)


def alternating(gates: np.ndarray, ups: np.ndarray, pe: int) -> np.ndarray:
    """Rows of two matrices, a block of the one and a block of the other in turn."""
    shape = (-1, 1, pe, *gates.shape[1:])
    both = np.concatenate([gates.reshape(shape), ups.reshape(shape)], axis=1)
    return both.reshape(-1, *gates.shape[1:])
