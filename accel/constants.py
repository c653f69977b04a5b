"""The integers that an operator holds: kept as narrow as they are, read as int64."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from accel.errors import GraphError
from accel.numeric import INT64_EXACT

if TYPE_CHECKING:
    import torch

DTYPES = tuple(np.dtype(name) for name in ("<i1", "<u1", "<i2", "<u2", "<i4", "<u4", "<i8"))
"""The dtypes of constants, the narrowest first."""
BLOCK = 1 << 20
"""Elements that are widened at a time."""


class Constant:
    """Read-only integers of at least one axis, kept in the first of DTYPES that holds them all.

    Arithmetic on narrow integers wraps round, so everything that computes takes int64: `wide()`, an index, and numpy's
    functions, which call `__array__`, give it. `values` are the integers as they are kept. They may be a file that is
    mapped into memory, and a subclass may keep them in another form (`accel/blocks.py`). `own` says that nobody else
    will write to the array, so it needs no copy. Raises GraphError when a value is not an integer of at most 62 bits.
    """

    def __init__(self, values: ArrayLike, *, own: bool = False) -> None:
        array = _integers(np.atleast_1d(np.asarray(values)))
        ends = (int(array.min()), int(array.max())) if array.size else (0, 0)
        if max(-ends[0], ends[1]) >= INT64_EXACT:
            raise GraphError("constants have at most 62 bits")
        dtype = narrowest(*ends)
        kept = own and array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned
        self.values = array if kept else np.array(array, dtype, order="C")
        self.values.setflags(write=False)
        self.shape = self.values.shape
        self.lo, self.hi = ends
        self._tensors: dict[tuple[torch.dtype, torch.device], torch.Tensor] = {}
        self._typed: dict[str, np.ndarray] = {}

    @classmethod
    def of(cls, values: Constant | ArrayLike) -> Constant:
        """The constant of some integers; a constant as it is."""
        return values if isinstance(values, Constant) else cls(values)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of integers."""
        return math.prod(self.shape)

    @property
    def magnitude(self) -> int:
        """Largest absolute value."""
        return max(-self.lo, self.hi)

    def wide(self) -> np.ndarray:
        """The integers as a read-only int64 array, for arithmetic."""
        wide = self.values.astype(np.int64, copy=False)
        wide.setflags(write=False)
        return wide

    def take(self, order: np.ndarray) -> Constant:
        """Rows in another order, or some of them."""
        return Constant(self.values[order], own=True)

    @cached_property
    def sums(self) -> tuple[np.ndarray, np.ndarray]:
        """The sum of all negative and of all positive integers along the last axis, int64."""
        rows = self.values.reshape(-1, self.shape[-1])
        step = max(1, BLOCK // self.shape[-1])
        blocks = [rows[start : start + step] for start in range(0, len(rows), step)]
        negative, positive = (
            np.concatenate([clip(block, 0).sum(1, dtype=np.int64) for block in blocks]).reshape(self.shape[:-1])
            for clip in (np.minimum, np.maximum)
        )
        return negative, positive

    @cached_property
    def digest(self) -> str:
        """SHA-256 of shape, dtype and integers: equal constants have equal ones."""
        digest = hashlib.sha256(f"{self.values.dtype.str}{self.shape}".encode())
        digest.update(self.values.data)
        return digest.hexdigest()

    def tensor(self, like: torch.Tensor, dtype: torch.dtype | None = None) -> torch.Tensor:
        """The integers on the device of `like`, in its dtype unless another is given. Kept for the next call."""
        import torch

        key = (dtype or like.dtype, like.device)
        if key not in self._tensors:
            self._tensors[key] = torch.tensor(self.values, dtype=key[0], device=key[1])
        return self._tensors[key]

    def typed(self, dtype: str) -> np.ndarray:
        """The integers in a dtype that holds them, made once for all who share the constant."""
        if dtype == self.values.dtype:
            return self.values
        if dtype not in self._typed:
            self._typed[dtype] = self.values.astype(dtype)
        return self._typed[dtype]

    def tolist(self) -> Any:
        """The integers as nested lists, as of an array."""
        return self.values.tolist()

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return self.values.astype(dtype or np.int64)

    def __getitem__(self, key: Any) -> Any:
        part: np.ndarray = np.asarray(self.values[key]).astype(np.int64)
        return part[()]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.wide())

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"Constant({self.values.dtype}, shape={self.shape}, {self.lo}..{self.hi})"


if TYPE_CHECKING:

    class Integers:
        """A field of an operator that takes whatever numpy reads as integers, and holds a `Constant`."""

        def __get__(self, operator: object, owner: type) -> Constant: ...
        def __set__(self, operator: object, values: Constant | ArrayLike) -> None: ...

else:
    Integers = Constant


def narrowest(lo: int, hi: int) -> np.dtype:
    """The first of DTYPES that holds lo..hi."""
    return next(dtype for dtype in DTYPES if np.iinfo(dtype).min <= lo and hi <= np.iinfo(dtype).max)


def _integers(array: np.ndarray) -> np.ndarray:
    """An array of any dtype as one of integers, without a copy where it is one."""
    if array.dtype.kind == "f":
        if not np.array_equal(array, np.rint(array)):
            raise GraphError(f"constants are integers; got {array.dtype} with fractions, NaN or more than 64 bits")
        if (np.abs(array) >= INT64_EXACT).any():
            raise GraphError("constants have at most 62 bits")
        return array.astype(np.int64)
    if array.dtype.kind not in "iub":
        raise GraphError(f"constants are integers; got {array.dtype} with fractions, NaN or more than 64 bits")
    return array.astype(np.int8) if array.dtype.kind == "b" else array
