"""Many texts as places in one buffer: as objects of Python, those of a vocabulary take several MB."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from typing import overload

import numpy as np

from accel.constants import narrowest


class Texts(Sequence[bytes]):
    """Texts whose ends `places` names: (texts, 2) integers, the first byte of each in `buffer`, and past its last."""

    def __init__(self, buffer: bytes | mmap.mmap, places: np.ndarray) -> None:
        self._buffer, self._places = buffer, places.astype(narrowest(0, len(buffer)))

    @classmethod
    def of(cls, texts: Sequence[bytes]) -> Texts:
        """Texts in a buffer of their own."""
        if isinstance(texts, Texts):
            return texts
        return cls.joined(b"".join(texts), np.array([len(text) for text in texts], np.int64))

    @classmethod
    def joined(cls, buffer: bytes, lengths: np.ndarray) -> Texts:
        """Texts of some lengths, one after the other."""
        ends = np.cumsum(lengths)
        return cls(buffer, np.stack([ends - lengths, ends], axis=1))

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, key: int) -> bytes: ...
    @overload
    def __getitem__(self, key: slice) -> list[bytes]: ...
    def __getitem__(self, key: int | slice) -> bytes | list[bytes]:
        if isinstance(key, slice):
            return [self[i] for i in range(*key.indices(len(self)))]
        begin, end = self._places[key].tolist()
        return self._buffer[begin:end]
