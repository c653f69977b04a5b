"""The tensor of an edge: its shape, the range of its integers and the real numbers that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from accel.errors import GraphError
from accel.numeric import bits

Scale = float | tuple[float, ...]


@dataclass(frozen=True)
class Tensor:
    """One edge: `shape` is (tokens, channels) without the sample axis, values lie in lo..hi.

    `scale` and `offset` (one number each, or one per channel) turn integers into real values, integer · scale + offset;
    nothing computes with them. Only a graph's input has an offset: what a file subtracts before its first quantizer.
    """

    shape: tuple[int, int]
    lo: int
    hi: int
    scale: Scale = 1.0
    offset: Scale = 0.0

    def __post_init__(self) -> None:
        if len(self.shape) != 2 or min(self.shape) < 1:
            raise GraphError(f"a tensor is (tokens, channels), both at least 1; got {self.shape}")
        if self.lo > self.hi:
            raise GraphError(f"empty range {self.lo}..{self.hi}")
        scales, offsets = (each if isinstance(each, tuple) else (each,) for each in (self.scale, self.offset))
        for name, numbers in (("scales", scales), ("offsets", offsets)):
            if len(numbers) not in (1, self.channels):
                raise GraphError(f"{len(numbers)} {name} for {self.channels} channels")
        if not all(isfinite(scale) and scale > 0 for scale in scales):
            raise GraphError(f"scales are finite and above 0; got {min(scales)}")
        if not all(map(isfinite, offsets)):
            raise GraphError("offsets are finite")

    @property
    def tokens(self) -> int:
        return self.shape[0]

    @property
    def channels(self) -> int:
        return self.shape[1]

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.tokens * self.channels

    @property
    def width(self) -> int:
        """Bits of one element."""
        return bits(self.lo, self.hi)[0]

    @property
    def signed(self) -> bool:
        return self.lo < 0

    @property
    def magnitude(self) -> int:
        """Largest absolute value."""
        return max(abs(self.lo), abs(self.hi))
