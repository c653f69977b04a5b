"""The contents of a memory when the FPGA starts: words of bits, and the file that `$readmemh` reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from accel.files import replacing

BITS_AT_ONCE = 1 << 22
"""Bits of a memory that are unpacked, or become text, at once."""


@dataclass(frozen=True, eq=False)
class Image:
    """Contents of a memory. `words` is uint8 (depth, bytes of a word), the lowest byte first; a word has `width` bits.

    Its file has a hexadecimal number of as many digits as `width` needs in every line.
    """

    width: int
    words: np.ndarray

    @classmethod
    def pack(cls, values: np.ndarray, bits: int) -> Image:
        """One word per row of the integers `values` (depth, columns): `bits` bits of each, the first in the lowest."""
        depth, columns = values.shape
        words = np.empty((depth, -(-columns * bits // 8)), np.uint8)
        narrow = np.dtype(f"<u{max(1, 1 << (bits - 1).bit_length() >> 3)}")
        step = max(1, BITS_AT_ONCE // (columns * bits))
        for start in range(0, depth, step):
            whole = np.ascontiguousarray(values[start : start + step].astype(narrow)).view(np.uint8)
            if bits < 8 * narrow.itemsize:
                each = np.unpackbits(whole, axis=1, bitorder="little").reshape(len(whole), columns, -1)[:, :, :bits]
                whole = np.packbits(each.reshape(len(whole), -1), axis=1, bitorder="little")
            words[start : start + step] = whole
        return cls(columns * bits, words)

    @classmethod
    def parse(cls, text: bytes, width: int) -> Image:
        """Read the file of a memory of `width` bits. Raises ValueError when it is not as `text` writes it."""
        digits = -(-width // 4)
        if width < 1 or len(text) % (digits + 1):
            raise ValueError("no words, or lines of different lengths")
        lines = np.frombuffer(text, np.uint8).reshape(-1, digits + 1)
        padded = np.full((len(lines), digits % 2 + digits), ord("0"), np.uint8)
        padded[:, digits % 2 :] = lines[:, :-1]
        words = np.frombuffer(bytes.fromhex(padded.tobytes().decode("ascii")), np.uint8).reshape(len(lines), -1)
        found = cls(width, np.ascontiguousarray(words[:, ::-1]))
        if found.text() != text:
            raise ValueError("another way to write a memory")
        return found

    @property
    def depth(self) -> int:
        """Number of words."""
        return len(self.words)

    def lines(self) -> Iterator[bytes]:
        """The file, in parts of many lines."""
        digits = -(-self.width // 4)
        step = max(1, BITS_AT_ONCE // self.width)
        for start in range(0, self.depth, step):
            some = self.words[start : start + step, ::-1]
            both = np.frombuffer(some.tobytes().hex().encode(), np.uint8).reshape(len(some), -1)
            lines = np.full((len(some), digits + 1), ord("\n"), np.uint8)
            lines[:, :-1] = both[:, both.shape[1] - digits :]
            yield lines.tobytes()

    def text(self) -> bytes:
        """The whole file."""
        return b"".join(self.lines())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Image):
            return NotImplemented
        return self.width == other.width and np.array_equal(self.words, other.words)

    __hash__ = None  # type: ignore[assignment]


Content = str | Image
"""Content of a file of a design."""


def parts(content: Content) -> Iterator[bytes]:
    """The bytes of a file, in parts."""
    if isinstance(content, Image):
        yield from content.lines()
    else:
        yield content.encode()


def digest(content: Content) -> str:
    """SHA-256 of a file."""
    found = hashlib.sha256()
    for part in parts(content):
        found.update(part)
    return found.hexdigest()


def write(path: Path, content: Content) -> None:
    """Write a file completely or not at all. Raises UserError when the place is not writable."""
    with replacing(path) as stream:
        for part in parts(content):
            stream.write(part)
