"""A file of one JSON header and named arrays: an npz whose arrays are stored as they are, to be mapped into memory.

Nothing in a file is trusted, and nothing is pickled: sizes and places must fit the file, checksums must be right.
"""

from __future__ import annotations

import hashlib
import io
import json
import mmap
import zlib
from collections.abc import Mapping
from math import prod
from pathlib import Path
from tokenize import TokenError
from types import TracebackType
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np

from accel.errors import UserError
from accel.files import forget, replacing

DAMAGE = (
    BadZipFile, zlib.error, ValueError, LookupError, TypeError, AttributeError, EOFError, ArithmeticError, RuntimeError,
    MemoryError, TokenError,
)  # fmt: skip
"""What numpy, json and zipfile raise on files that are truncated, damaged or of another kind."""
LANGUAGE_MODEL = "accel-lm"
"""The magic of a file of `accel.lm`."""
ALIGNED = 64
"""Bytes in which the members of a file begin."""
MAPPED = 1 << 16
"""Bytes from which a member is mapped; smaller ones are read."""
PACKED = 1 << 30
"""Bytes to which the compressed members of a file may unpack together."""
LOCAL, ZIP64 = 30, 20
"""Bytes of the header in front of a member, without its name, and of its field for large sizes."""
PADDING = 0xD935
"""The field that pads such a header, as zipalign names it."""


def write(path: Path, header: object, arrays: Mapping[str, np.ndarray]) -> str:
    """Write a file completely or not at all, and return its SHA-256. Equal contents give equal bytes.

    Raises UserError when the place is not writable.
    """
    with replacing(path) as stream:
        with ZipFile(stream, "w") as file:
            _store(file, stream.tell(), "header", np.array(json.dumps(header)), ZIP_DEFLATED)
            for name, array in arrays.items():
                _store(file, stream.tell(), name, np.ascontiguousarray(array), ZIP_STORED)
        stream.seek(0)
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _store(file: ZipFile, place: int, name: str, array: np.ndarray, method: int) -> None:
    info, large = ZipInfo(f"{name}.npy"), array.nbytes >= 1 << 31
    info.compress_type = method
    start = place + LOCAL + len(info.filename.encode()) + ZIP64 * large + 4
    padding = -start % ALIGNED
    info.extra = PADDING.to_bytes(2, "little") + padding.to_bytes(2, "little") + bytes(padding)
    with file.open(info, "w", force_zip64=large) as member:
        np.lib.format.write_array_header_1_0(member, np.lib.format.header_data_from_array_1_0(array))
        member.write(array.data if array.ndim else array.tobytes())


def magic(path: Path) -> str:
    """The kind of file that the header names; empty for files of other programs."""
    try:
        with Archive(path) as file:
            return str(file.header["magic"])
    except (UserError, OSError, *DAMAGE):
        return ""


class Archive:
    """A file that is open for reading.

    `header` is its JSON header. Raises OSError, zipfile.BadZipFile, zlib.error and what numpy raises on a file that is
    none, and UserError on one that unpacks to more than PACKED bytes.
    """

    def __init__(self, path: Path) -> None:
        self._file = ZipFile(path)
        try:
            packed = [info.file_size for info in self._file.infolist() if info.compress_type != ZIP_STORED]
            if sum(packed) > PACKED:
                raise UserError(f"{path}: unpacks to more than {PACKED >> 20} MB; it is no graph that accel saved")
            with path.open("rb") as stream:
                self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            self.header = json.loads(str(self["header"]))
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __getitem__(self, name: str) -> np.ndarray:
        """An array, mapped where it is stored as it is: the file may be closed, and replaced, but not written to."""
        info = self._file.getinfo(f"{name}.npy")
        if info.compress_type != ZIP_STORED or info.flag_bits & 1 or info.file_size < MAPPED:
            return _array(self._file.read(info), 0, info.file_size)
        start = self._start(info)
        end = start + info.file_size
        if info.compress_size != info.file_size or end > len(self._map):
            raise ValueError("a member is longer than its file")
        with memoryview(self._map) as whole, whole[start:end] as member:
            if zlib.crc32(member) != info.CRC:
                raise ValueError("a member is damaged")
        return _array(self._map, start, end)

    def forget(self) -> None:
        """Give the memory of pages back that were read; they are read again where they are asked for."""
        forget(self._map)

    def _start(self, info: ZipInfo) -> int:
        """Where the bytes of a member begin."""
        at = info.header_offset
        local = self._map[at : at + LOCAL] if at >= 0 else b""
        if len(local) < LOCAL or local[:4] != b"PK\3\4":
            raise ValueError("a member has no header")
        return at + LOCAL + int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")


def _array(data: bytes | mmap.mmap, start: int, end: int) -> np.ndarray:
    """The array that bytes `start` to `end` − 1 hold in numpy's format."""
    head = io.BytesIO(data[start : min(end, start + MAPPED)])
    if np.lib.format.read_magic(head) != (1, 0):
        raise ValueError("an array of another version")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(head)
    start += head.tell()
    if dtype.kind not in "iubfU" or min(shape, default=0) < 0 or prod(shape) * dtype.itemsize != end - start:
        raise ValueError("no array of numbers, or of another size")
    flat = np.frombuffer(data, dtype, prod(shape), start)
    return flat.reshape(shape, order="F" if by_columns else "C")
