"""Weights in groups along the inputs: w = D·q + M with few bits in q, and a factor D and an offset M for every group.

That is how files of language models hold their weights (GGUF's Q4_0, Q4_1, Q8_0). In a graph they are plain integers;
the factors are found again from the integers alone, for whoever stores or multiplies q. A factor that divides all q of
a group is part of D, and the smallest weight of a group is its M. So what is found is unique, and may be smaller than
what was in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from accel.numeric import bits, signed_width

ROWS = 2048
"""Rows that are looked at together: the first of them refuse most matrices."""


class GroupForm(NamedTuple):
    """Groups of `size` inputs with q of `bits` bits: 0 to 2^bits − 1 with `offsets`, else signed, and M is 0."""

    size: int
    bits: int
    offsets: bool


FORMS = tuple(
    GroupForm(size, width, offsets)
    for width in (2, 3, 4, 5, 6, 8)
    for offsets in (False, True)
    for size in (256, 128, 64, 32, 16)
)
"""What is looked for, the fewest bits first, then without offsets, then the largest groups."""


@dataclass(frozen=True)
class Groups:
    """`q` (rows, groups, size) int16, `factor` and `offset` (rows, groups) int32: weights = factor · q + offset."""

    form: GroupForm
    q: np.ndarray
    factor: np.ndarray
    offset: np.ndarray

    @property
    def weight(self) -> np.ndarray:
        """The weights again (rows, inputs)."""
        weights: np.ndarray = self.factor[..., None] * self.q.astype(np.int32) + self.offset[..., None]
        return weights.reshape(len(self.q), -1)

    @property
    def bits_per_weight(self) -> float:
        """Bits that q, D and M take."""
        factors = bits(0, max(1, int(self.factor.max())))[0] + self.form.offsets * signed_width(self.offset)
        return self.form.bits + factors / self.form.size


def find(weight: np.ndarray) -> Groups | None:
    """The first of FORMS that weights (rows, inputs) keep to, if it takes fewer bits than the weights do."""
    if not weight.size or max(-int(weight.min()), int(weight.max())) >= 1 << 15:
        return None
    for form in FORMS:
        if form.bits < signed_width(weight) and (found := grouped(weight, form)):
            return found if found.bits_per_weight < signed_width(weight) else None
    return None


def grouped(weight: np.ndarray, form: GroupForm) -> Groups | None:
    """Weights (rows, inputs) below 2^15 in groups of a form, exactly, or None."""
    if weight.shape[1] % form.size:
        return None
    parts = list(_parts(weight.reshape(len(weight), -1, form.size), form))
    if parts[-1] is None:
        return None
    q, factor, offset = (np.concatenate(found) for found in zip(*filter(None, parts), strict=True))
    return Groups(form, q, factor, offset)


def _parts(groups: np.ndarray, form: GroupForm) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray] | None]:
    """Some rows after the other; None, and no more, where some are of another form."""
    start, rows = 0, 8
    while start < len(groups):
        yield (found := _part(groups[start : start + rows].astype(np.int32), form))
        if found is None:
            return
        start, rows = start + rows, ROWS


def _part(groups: np.ndarray, form: GroupForm) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    offset = groups.min(2) if form.offsets else np.zeros(groups.shape[:2], np.int32)
    rest = groups - offset[..., None]
    factor = _divisor(rest)
    q = (rest // np.maximum(factor, 1)[..., None]).astype(np.int16)
    lo, hi = (0, (1 << form.bits) - 1) if form.offsets else (-(1 << (form.bits - 1)), (1 << (form.bits - 1)) - 1)
    return (q, factor, offset) if lo <= q.min() and q.max() <= hi else None


def _divisor(values: np.ndarray) -> np.ndarray:
    """The greatest common divisor along the last axis, whose length is a power of two; 0 where all are 0."""
    while values.shape[-1] > 1:
        half = values.shape[-1] // 2
        values = np.gcd(values[..., :half], values[..., half:])
    return values[..., 0]
