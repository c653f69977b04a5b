"""Weights in groups of inputs, kept in few bits as the compiled reference reads them: D·q + M.

Files of language models hold their weights so. A block is 16 outputs. Of each group of 32 inputs it has q, unsigned, as
4 consecutive inputs of all outputs after the other, in bytes or in nibbles (the second four inputs are the high ones),
then 16 factors D and 16 offsets M of 16 bits. `ops/dense/native_grouped.h` reads blocks as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from accel.constants import Constant, narrowest
from accel.errors import GraphError

GROUP, HEIGHT, TOGETHER = 32, 16, 4
"""Inputs of a group, outputs of a block, inputs that a processor multiplies at a time."""
NUMBERS = 4 * HEIGHT
"""Bytes of the factors and offsets of a group."""
LARGEST = 1 << 15
"""Magnitude of weights, factors and offsets at which a matrix is not kept so."""
CHUNK = 1 << 18
"""Weights that are made at a time: as many as the processor's cache holds."""


class Blocks(Constant):
    """A matrix (outputs, inputs) of integers, kept as blocks in which q has `bits` bits, 4 or 8.

    `packed` are the bytes of all blocks, which may be a file that is mapped into memory. `ends` are the lowest and the
    highest integer, `sums` those of all negative and of all positive integers of a row. Whoever asks for the integers
    themselves gets them anew each time. Raises GraphError where sizes contradict each other.
    """

    def __init__(
        self, packed: np.ndarray, shape: tuple[int, int], bits: int, ends: tuple[int, int], sums: np.ndarray
    ) -> None:
        rows, inputs = shape
        if bits not in (4, 8) or rows < 1 or inputs < 1 or inputs % GROUP:
            raise GraphError(f"blocks of {bits} bits and {shape}: groups have {GROUP} inputs, and q 4 or 8 bits")
        if packed.dtype != np.int8 or packed.shape != (size_of(shape, bits),) or sums.shape != (2, rows):
            raise GraphError(f"blocks of {packed.shape} bytes and sums {sums.shape} are no matrix {shape}")
        (lo, hi), (negative, positive) = ends, sums.astype(np.int64)
        likely = -LARGEST < lo <= hi < LARGEST and (negative <= 0).all() and (positive >= 0).all()
        if not likely or negative.min() < min(lo, 0) * inputs or positive.max() > max(hi, 0) * inputs:
            raise GraphError(f"blocks of integers {lo}..{hi} have other sums")
        self.packed, self.bits, self.lo, self.hi = packed, bits, lo, hi
        self.packed.setflags(write=False)
        self.shape = shape
        self._sums = sums if sums.dtype != np.int64 else Constant(sums).values
        self._tensors, self._typed = {}, {}

    @property
    def sums(self) -> tuple[np.ndarray, np.ndarray]:
        negative, positive = self._sums.astype(np.int64)
        return negative, positive

    @property
    def values(self) -> np.ndarray:  # type: ignore[override]  # read-only, and made anew
        """The integers as a plain constant keeps them."""
        found = np.empty(self.shape, narrowest(self.lo, self.hi))
        for start, weights in self._parts():
            found[start : start + len(weights)] = weights
        found.setflags(write=False)
        return found

    def take(self, order: np.ndarray) -> Constant:
        """Rows in another order, or some of them."""
        if np.array_equal(order, np.arange(self.shape[0])):
            return self
        q, factor, offset = (numbers[order] for numbers in self.parts(0, self.shape[0]))
        return grouped(q, factor, offset)

    def parts(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """q (rows, groups, 32) uint8, factors and offsets (rows, groups) int16 of outputs `start` to `stop` - 1."""
        first, count = start // HEIGHT, self.shape[1] // GROUP
        lines = self.packed.view(np.uint8).reshape(-1, count, GROUP * HEIGHT * self.bits // 8 + NUMBERS)
        lines = lines[first : -(-stop // HEIGHT)]
        q = lines[..., :-NUMBERS]
        if self.bits == 4:
            q = q.reshape(len(lines), count, -1, 1, HEIGHT * TOGETHER)
            q = np.concatenate([q & 15, q >> 4], axis=3)
        fours = q.reshape(len(lines), count, GROUP // TOGETHER, HEIGHT, TOGETHER).transpose(0, 3, 1, 2, 4)
        cut = slice(start - first * HEIGHT, stop - first * HEIGHT)
        numbers = np.ascontiguousarray(lines[..., -NUMBERS:]).view("<i2").reshape(len(lines), count, 2, HEIGHT)
        factor, offset = numbers.transpose(2, 0, 3, 1).reshape(2, -1, count)[:, cut]
        return fours.reshape(-1, count, GROUP)[cut], factor, offset

    def _parts(self) -> Iterator[tuple[int, np.ndarray]]:
        """The first row and the integers (rows, inputs) int32 of some rows after the other."""
        step = _rows_of_chunk(self.shape[1])
        for start in range(0, self.shape[0], step):
            q, factor, offset = self.parts(start, min(start + step, self.shape[0]))
            yield start, expanded(q, factor, offset)

    def __getitem__(self, key: object) -> object:
        if isinstance(key, slice) and key.step in (None, 1):
            start, stop, _ = key.indices(self.shape[0])
            return expanded(*self.parts(start, max(start, stop))).astype(np.int64)
        return super().__getitem__(key)

    def __repr__(self) -> str:
        return f"Blocks({self.bits} bits, shape={self.shape}, {self.lo}..{self.hi})"


def size_of(shape: tuple[int, int], bits: int) -> int:
    """Bytes of the blocks of a matrix."""
    rows, inputs = shape
    return -(-rows // HEIGHT) * (inputs // GROUP) * (GROUP * HEIGHT * bits // 8 + NUMBERS)


def expanded(q: np.ndarray, factor: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """D·q + M of groups (rows, groups, inputs of a group): (rows, inputs) int32, int64 where D and M are."""
    weights: np.ndarray = np.multiply(q, factor[..., None], dtype=np.result_type(factor, np.int32))
    weights += offset[..., None]
    return weights.reshape(len(q), q.shape[1] * q.shape[2])


class Stored(Protocol):
    """q (rows, groups, inputs of a group) as an array, or of a file that is read some rows at a time."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __getitem__(self, rows: slice, /) -> np.ndarray: ...


def grouped(q: Stored, factor: np.ndarray, offset: np.ndarray, limits: tuple[int, int] | None = None) -> Constant:
    """The matrix D·q + M, of q within `limits`, and of D and M (rows, groups).

    It is kept as Blocks where those can hold it, else its integers are kept.
    """
    if limits is None:
        limits = int(q[:].min(initial=0)), int(q[:].max(initial=0))
    found = packed(q, limits, factor, offset)
    return (
        Constant(expanded(q[:], factor.astype(np.int64), offset.astype(np.int64)), own=True) if found is None else found
    )


def packed(q: Stored, limits: tuple[int, int], factor: np.ndarray, offset: np.ndarray) -> Blocks | None:
    """Blocks of D·q + M, for which a few rows of q at a time need memory.

    None where blocks cannot hold the matrix: they take whole groups of 32 inputs, q of 8 bits, and weights, factors and
    offsets below 2^15.
    """
    (rows, groups, size), (lo, hi) = q.shape, limits
    repeat = size // GROUP
    forms = ((low, bits) for bits in (4, 8) for low in (0, -(1 << (bits - 1))) if low <= lo and hi - low < 1 << bits)
    lowest, bits = next(forms, (0, 0))  # q of 0 in a block, and its bits
    offset = offset + factor.astype(np.int64) * lowest
    if size % GROUP or not (rows and groups and bits) or max(_reach(factor), _reach(offset)) >= LARGEST:
        return None
    factor, offset = (np.repeat(numbers.astype("<i2"), repeat, axis=1) for numbers in (factor, offset))
    shape = rows, groups * size
    found, sums, ends = np.empty(size_of(shape, bits), np.int8), np.empty((2, rows), np.int64), list[int]()
    step = _rows_of_chunk(shape[1])
    at = size_of((HEIGHT, shape[1]), bits) // HEIGHT
    for start in range(0, rows, step):
        stop = min(start + step, rows)
        part = (q[start:stop] - lowest).astype(np.uint8, copy=False).reshape(stop - start, -1, GROUP)
        weights = expanded(part, factor[start:stop], offset[start:stop])
        ends += [int(weights.min()), int(weights.max())]
        sums[1, start:stop] = np.maximum(weights, 0).sum(1)
        sums[0, start:stop] = weights.sum(1) - sums[1, start:stop]
        lines = _lines(part, factor[start:stop], offset[start:stop], bits)
        found[start * at : start * at + lines.size] = lines.reshape(-1)
    lo, hi = min(ends), max(ends)
    return Blocks(found, shape, bits, (lo, hi), sums) if max(-lo, hi) < LARGEST else None


def _rows_of_chunk(inputs: int) -> int:
    """Whole blocks of rows that are made at a time."""
    return HEIGHT * max(1, CHUNK // (HEIGHT * inputs))


def _reach(numbers: np.ndarray) -> int:
    return max(-int(numbers.min(initial=0)), int(numbers.max(initial=0)))


def _lines(q: np.ndarray, factor: np.ndarray, offset: np.ndarray, bits: int) -> np.ndarray:
    """Bytes (blocks, groups, bytes of a group) of some rows, of which the last block may have fewer than 16."""
    rows, count, _ = q.shape
    blocks = -(-rows // HEIGHT)
    q, factor, offset = (
        np.concatenate([x, np.zeros((blocks * HEIGHT - rows, *x.shape[1:]), x.dtype)]) for x in (q, factor, offset)
    )
    found = np.empty((blocks, count, size_of((HEIGHT, GROUP), bits)), np.uint8)
    fours = np.ascontiguousarray(q).view("<u4").reshape(blocks, HEIGHT, count, GROUP // TOGETHER).transpose(0, 2, 3, 1)
    if bits == 4:
        fours = fours[:, :, 0::2] | fours[:, :, 1::2] << 4
    found[..., :-NUMBERS] = np.ascontiguousarray(fours).view(np.uint8).reshape(blocks, count, -1)
    for place, numbers in enumerate((factor, offset)):
        line = numbers.reshape(blocks, HEIGHT, count).transpose(0, 2, 1)
        end = (place - 2) * HEIGHT * 2
        found[..., end : end + 2 * HEIGHT or None] = np.ascontiguousarray(line).view(np.uint8)
    return found.view(np.int8)
