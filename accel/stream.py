"""The stream of a tensor through a port of a design, or past a place inside it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from accel.errors import GraphError
from accel.tensor import Tensor

MAX_BEATS = 1 << 31
MAX_WIDTH = 64
"""Largest sizes of a stream, which a file can declare."""


@dataclass(frozen=True)
class Stream:
    """A valid/ready/data/last port: `beats` per sample, each of `lanes` elements of `width` bits, lane 0 lowest.

    The elements are those of `tensor` in their order; `name` is that of the edge of the graph. Raises GraphError when
    the tensor does not fit the sizes.
    """

    name: str
    lanes: int
    width: int
    signed: bool
    beats: int
    tensor: Tensor

    def __post_init__(self) -> None:
        if not 0 < self.width <= MAX_WIDTH or not 0 < self.lanes * self.beats <= MAX_BEATS or self.lanes < 1:
            raise GraphError(f"{self.beats} beats of {self.lanes} elements of {self.width} bits are no stream")
        if self.tensor.size != self.lanes * self.beats:
            raise GraphError(
                f"{self.beats} beats of {self.lanes} elements do not hold a tensor of {self.tensor.tokens} × "
                f"{self.tensor.channels}"
            )
        low, high = self.range
        if self.tensor.lo < low or self.tensor.hi > high:
            raise GraphError(f"{self.tensor.lo}..{self.tensor.hi} does not fit elements of {low}..{high}")

    @classmethod
    def of(cls, name: str, tensor: Tensor, lanes: int) -> Stream:
        """The stream of an edge, `lanes` elements per beat."""
        return cls(name, lanes, tensor.width, tensor.signed, tensor.size // lanes, tensor)

    @property
    def bits(self) -> int:
        """Width of the data port."""
        return self.lanes * self.width

    @property
    def range(self) -> tuple[int, int]:
        """Least and largest integer of an element."""
        half = 1 << self.width - 1
        return (-half, half - 1) if self.signed else (0, 2 * half - 1)


def port_names(side: str, names: Iterable[str]) -> tuple[str, ...]:
    """The ports of a module for streams of these names: `side` ("s" in, "m" out) where there is one only.

    Of several, each has its name behind that, with an underscore for everything but letters and digits of ASCII, and a
    number where two would differ in nothing or in case only.
    """
    names = tuple(names)
    if len(names) == 1:
        return (side,)
    made: list[str] = []
    for place, name in enumerate(names):
        port = f"{side}_{re.sub('[^A-Za-z0-9]+', '_', name).strip('_')[:40].strip('_') or place}"
        taken, number = {other.lower() for other in made}, 2
        found = port
        while found.lower() in taken:
            found, number = f"{port}_{number}", number + 1
        made.append(found)
    return tuple(made)
