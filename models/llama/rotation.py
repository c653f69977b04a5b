"""Channels turned: tables of rotary embeddings, the order of pairs in rows, and Hadamard matrices."""

from __future__ import annotations

import math

import numpy as np

from accel.checkpoints import RotaryPositions


def rotary(rope: RotaryPositions, head: int, tokens: int, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines (tokens, head) of `bits` signed bits, as `accel.ops.rotary` takes them.

    The largest integer stands for 1, and is applied as a power of two: queries and keys become that little smaller.
    """
    top = (1 << (bits - 1)) - 1
    rates = rope.theta ** (-np.arange(0, rope.size, 2) / rope.size) / (np.array(rope.factors) if rope.factors else 1.0)
    angles = np.zeros((tokens, head // 2))
    angles[:, : rope.size // 2] = np.arange(tokens)[:, None] * rates
    cos, sin = (np.floor(f(angles) * top + 0.5).astype(np.int64).repeat(2, axis=1) for f in (np.cos, np.sin))
    sin[:, 0::2] *= -1
    return cos, sin


def paired(rope: RotaryPositions, head: int) -> np.ndarray:
    """Channels of a head in an order in which those that turn together are neighbours."""
    order = np.arange(head)
    if rope.layout == "halves":
        order[: rope.size] = np.arange(rope.size).reshape(2, -1).T.ravel()
    return order


def hadamard(size: int) -> np.ndarray:
    """Sylvester's matrix of ±1, symmetric, whose square is `size` times the identity. `size` is a power of two."""
    found = np.ones((1, 1), np.int64)
    while len(found) < size:
        found = np.kron(np.array([[1, 1], [1, -1]]), found)
    return found


def spread(rows: np.ndarray, size: int) -> np.ndarray:
    """Rows (…, channels), each group of `size` channels turned by a Hadamard matrix; twice is once there and back.

    Groups are smaller where channels are no whole ones.
    """
    size = math.gcd(size, rows.shape[-1])
    parts = rows.reshape(*rows.shape[:-1], -1, size)
    found: np.ndarray = (parts @ (hadamard(size) / math.sqrt(size))).reshape(rows.shape)
    return found
