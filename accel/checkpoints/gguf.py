"""The GGUF file format, versions 2 and 3: names with values, and tensors.

The package `gguf` reads it, too, but trusts it: it takes numbers of elements modulo 2^64, shortens what the file ends
in, and keeps a Python object per element of a list. Here every count is compared with the bytes that are left first.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from accel.checkpoints.ggml import BLOCKS
from accel.checkpoints.mapped import MappedFile
from accel.checkpoints.texts import Texts
from accel.checkpoints.weight import FLOATS, Weight
from accel.spelling import printable

MAGIC = b"GGUF"
VERSIONS = (2, 3)
SCALARS = {0: "u1", 1: "i1", 2: "<u2", 3: "<i2", 4: "<u4", 5: "<i4", 6: "<f4", 7: "?", 10: "<u8", 11: "<i8", 12: "<f8"}
STRING, LIST = 8, 9
LONGEST_NAME, MOST_AXES, MOST_TENSORS = 1 << 10, 4, 1 << 16
MOST_STRINGS = 1 << 22
LONGEST_STRING = 1 << 24
TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K",
    12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
    20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4",
}  # fmt: skip
"""Number of a type in the file → its name. Those that are no key of FLOATS or BLOCKS are refused by name."""


GgufValue = bool | int | float | str | Texts | np.ndarray
"""A list of numbers is an array, one of texts is a sequence of bytes."""


@dataclass(frozen=True)
class GgufContents:
    """Values by their names, and tensors by theirs."""

    file: MappedFile
    values: Mapping[str, GgufValue]
    tensors: Mapping[str, Weight]

    def text(self, name: str, usual: str = "") -> str:
        """A value as text, whatever it is."""
        return str(self.values.get(name, usual))


class Cursor:
    """Reads a file from one place on, and refuses to pass its end."""

    def __init__(self, file: MappedFile, place: int) -> None:
        self.file, self.place = file, place

    def number(self, form: str) -> int:
        size = struct.calcsize(form)
        value = struct.unpack(form, self.file.bytes(self.place, size))[0]
        self.place += size
        return int(value)

    def text(self, most: int) -> bytes:
        begin, end = self.span(most)
        return self.file.bytes(begin, end - begin)

    def span(self, most: int) -> tuple[int, int]:
        """Where a text begins and ends."""
        length = self.number("<Q")
        if length > most:
            raise self.file.refused(f"damaged: a text of {length} bytes at byte {self.place}")
        self.file.require(self.place, length)
        begin, self.place = self.place, self.place + length
        return begin, self.place

    def name(self, what: str) -> str:
        raw = self.text(LONGEST_NAME)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise self.file.refused(f"damaged: the name of a {what} at byte {self.place} is no UTF-8") from None

    def count(self, what: str, least: int, most: int) -> int:
        """A number of things of at least `least` bytes each, which must fit into the rest of the file."""
        found = self.number("<Q")
        if found > most or found * least > self.file.size - self.place:
            raise self.file.refused(f"damaged: {found} {what} do not fit a file of {self.file.size} bytes")
        return found


def read(file: MappedFile) -> GgufContents:
    """Values and tensors of a GGUF file. Raises UserError when anything in it does not fit."""
    if file.size < 24 or file.bytes(0, 4) != MAGIC:
        raise file.refused("truncated, or no GGUF file")
    cursor = Cursor(file, 4)
    version = cursor.number("<I")
    if version not in VERSIONS:
        swapped = version.to_bytes(4, "big")[:1] != b"\0"
        reason = "is written for big-endian machines" if swapped else f"has version {version} of GGUF"
        raise file.refused(
            reason, f"convert it again: versions {VERSIONS[0]} and {VERSIONS[1]} are read, little-endian"
        )
    tensors = cursor.count("tensors", 25, MOST_TENSORS)
    values = _values(cursor, cursor.count("values", 13, MOST_TENSORS))
    alignment = values.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 8 <= alignment <= 1 << 16 or alignment & (alignment - 1):
        raise file.refused(f"damaged: its alignment is {str(alignment)[:20]}, no power of two")
    heads = [_header(cursor) for _ in range(tensors)]
    start = -(-cursor.place // alignment) * alignment
    return GgufContents(file, values, _tensors(file, heads, start, alignment))


def _values(cursor: Cursor, count: int) -> dict[str, GgufValue]:
    found: dict[str, GgufValue] = {}
    for _ in range(count):
        name = cursor.name("value")
        if name in found:
            raise cursor.file.refused(f"damaged: the value {printable(name)!r} is given twice")
        found[name] = _value(cursor, name, cursor.number("<I"))
    return found


def _value(cursor: Cursor, name: str, kind: int) -> GgufValue:
    if kind == STRING:
        return cursor.text(LONGEST_STRING).decode("utf-8", errors="replace")
    if kind in SCALARS:
        scalar: GgufValue = cursor.file.array(_step(cursor, np.dtype(SCALARS[kind]).itemsize), (), SCALARS[kind]).item()
        return scalar
    if kind == LIST:
        inner = cursor.number("<I")
        if inner == STRING:
            places = np.empty((cursor.count("texts", 8, MOST_STRINGS), 2), np.int64)
            for i in range(len(places)):
                places[i] = cursor.span(LONGEST_STRING)
            return cursor.file.texts(places)
        if inner in SCALARS:
            size = np.dtype(SCALARS[inner]).itemsize
            count = cursor.count("numbers", size, cursor.file.size)
            return cursor.file.array(_step(cursor, count * size), (count,), SCALARS[inner])
        kind = inner
    raise cursor.file.refused(f"damaged: the value {printable(name)!r} is of unknown type {kind}")


def _step(cursor: Cursor, size: int) -> int:
    """The cursor's place, and past `size` bytes."""
    place, cursor.place = cursor.place, cursor.place + size
    return place


def _header(cursor: Cursor) -> tuple[str, tuple[int, ...], int, int]:
    """Name, shape (outermost axis first), number of the type and offset of a tensor."""
    name = cursor.name("tensor")
    axes = cursor.number("<I")
    if not 1 <= axes <= MOST_AXES:
        raise cursor.file.refused(f"damaged: tensor {printable(name)!r} has {axes} axes")
    dims = [cursor.number("<Q") for _ in range(axes)]
    return name, tuple(reversed(dims)), cursor.number("<I"), cursor.number("<Q")


def _tensors(
    file: MappedFile, heads: list[tuple[str, tuple[int, ...], int, int]], start: int, alignment: int
) -> dict[str, Weight]:
    found: dict[str, Weight] = {}
    places: list[tuple[int, int, str]] = []
    for name, shape, kind, offset in heads:
        if name in found:
            raise file.refused(f"damaged: tensor {printable(name)!r} is given twice")
        if offset % alignment:
            raise file.refused(f"damaged: tensor {printable(name)!r} begins at {offset}, no multiple of {alignment}")
        found[name] = weight = _tensor(file, name, shape, kind, start + offset)
        places.append((start + offset, start + offset + weight.raw.nbytes, name))
    places.sort()
    for (_, end, one), (begin, _, other) in pairwise(places):
        if end > begin:
            raise file.refused(f"damaged: tensors {printable(one)!r} and {printable(other)!r} overlap")
    return found


def _tensor(file: MappedFile, name: str, shape: tuple[int, ...], kind: int, place: int) -> Weight:
    form = TYPES.get(kind, f"number {kind}")
    if 0 in shape or prod(shape) > 8 * file.size:
        raise file.refused(f"damaged: tensor {printable(name)!r} has shape {shape}")
    if form in FLOATS:
        return Weight(file, name, form, shape, file.array(place, shape, FLOATS[form]))
    if form not in BLOCKS:
        raise file.refused(
            f"tensor {printable(name)!r} is of type {form}; {', '.join((*FLOATS, *BLOCKS))} are read",
            "use a file of another quantization, such as Q4_K_M or Q8_0",
        )
    block = BLOCKS[form]
    if shape[-1] % block.block:
        raise file.refused(f"damaged: rows of {shape[-1]} in tensor {printable(name)!r} are no blocks of {block.block}")
    rows, width = prod(shape[:-1]), shape[-1] // block.block * block.size
    return Weight(file, name, form, shape, file.array(place, (rows, width), "u1"))
