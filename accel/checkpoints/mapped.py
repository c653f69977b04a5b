"""Files of a checkpoint, mapped into memory: every place and count is compared with the file before it is used."""

from __future__ import annotations

import json
import mmap
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np

from accel.checkpoints.texts import Texts
from accel.errors import UserError
from accel.files import forget, require_ordinary
from accel.spelling import printable

DOWNLOAD = "download or export it again"
MAX_JSON = 1 << 26
"""Bytes of a JSON file: the tokenizer of the largest vocabularies has 20 MB."""


class MappedFile:
    """A file that is mapped into memory, and stays mapped while an array of it lives.

    Raises UserError when it cannot be read or is empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        require_ordinary(path)
        try:
            with path.open("rb") as stream:
                self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise UserError(
                f"{printable(str(path), 1000)}: no such file; name a .gguf file, a .bin file of llama2.c or a folder"
            ) from None
        except (OSError, ValueError) as error:  # mmap refuses an empty file with a ValueError
            reason = getattr(error, "strerror", None) or "empty, or no valid file name"
            raise UserError(f"{printable(str(path), 1000)}: cannot be read ({reason}); {DOWNLOAD}") from None
        self.size = len(self._map)

    def forget(self) -> None:
        """Give the memory of pages back that were read; they are read again where they are asked for."""
        forget(self._map)

    def refused(self, reason: str, remedy: str = DOWNLOAD) -> UserError:
        """The error that names this file."""
        return UserError(f"{self.path}: {reason}; {remedy}")

    def bytes(self, start: int, count: int) -> bytes:
        """Bytes from `start`. Raises UserError when the file ends before."""
        self.require(start, count)
        return self._map[start : start + count]

    def array(self, start: int, shape: Sequence[int], dtype: str) -> np.ndarray:
        """An array that the file holds from `start` on, mapped. Raises UserError when the file ends before."""
        count = prod(shape)
        self.require(start, count * np.dtype(dtype).itemsize)
        if not count:
            return np.empty(shape, dtype)
        return np.frombuffer(self._map, dtype, count, start).reshape(shape)

    def texts(self, places: np.ndarray) -> Texts:
        """Texts (texts, 2) that stay in the file, whose places are within it."""
        return Texts(self._map, places)

    def require(self, start: int, count: int) -> None:
        """Raise UserError when the file ends before."""
        if start < 0 or count < 0 or start + count > self.size:
            raise self.refused(f"truncated or damaged: bytes {start} to {start + count} of {self.size} are asked for")


def read_json(path: Path) -> dict[str, object]:
    """The object in a JSON file. Raises UserError when the file is none, is too deep, or gives a name twice."""
    file = MappedFile(path)
    if file.size > MAX_JSON:
        raise file.refused(f"{file.size} bytes of JSON, at most {MAX_JSON} are read")
    return parse_json(file, file.bytes(0, file.size))


def parse_json(file: MappedFile, raw: bytes) -> dict[str, object]:
    """The JSON object that bytes of a file hold. Raises UserError as `read_json` does."""
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        raise file.refused("its JSON is nested too deeply") from None
    except ValueError as error:  # of the decoder, of UTF-8, of the two functions below, of a number of 5,000 digits
        raise file.refused(f"no valid JSON ({printable(str(error), 120)})") from None
    if not isinstance(value, dict):
        raise file.refused(f"its JSON is a {type(value).__name__}, no object")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the name {printable(name)!r} is given twice")
    return found


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")
