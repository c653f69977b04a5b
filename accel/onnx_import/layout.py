"""Which axis of an ONNX tensor is what of an edge: reshapes and transposes become bookkeeping.

An edge is (tokens, channels) per sample. An ONNX tensor holds the same numbers in any order and grouping, such as
(batch, heads, tokens, channels of a head). Each of its axes is a row-major list of factors, and a factor says which
part of which edge axis it walks, with which stride: heads of 4 over 32 channels are Factor("channel", 4, stride 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

ROLES = ("batch", "token", "channel")


@dataclass(frozen=True)
class Factor:
    """`size` steps of `stride` along the flat index of one role. Sizes are at least 2: axes of 1 have no factor."""

    role: str
    size: int
    stride: int = 1


Axis = tuple[Factor, ...]


def axis_of(role: str, size: int, stride: int = 1) -> Axis:
    """An axis that is one factor, or none when it has size 1."""
    return (Factor(role, size, stride),) if size > 1 else ()


@dataclass(frozen=True)
class Layout:
    """The axes of an ONNX tensor, batch included."""

    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(prod(f.size for f in axis) for axis in self.axes)

    @property
    def factors(self) -> Axis:
        """All factors in memory order."""
        return tuple(f for axis in self.axes for f in axis)

    def size(self, role: str) -> int:
        """Number of samples, tokens or channels."""
        return prod(f.size for f in self.factors if f.role == role)

    def transposed(self, perm: tuple[int, ...]) -> Layout:
        return Layout(tuple(self.axes[i] for i in perm))

    def reshaped(self, shape: tuple[int, ...]) -> Layout | None:
        """The same numbers in another shape; None when an axis would cut a factor unevenly."""
        rest = list(self.factors)
        axes = []
        for size in shape:
            axis: list[Factor] = []
            while size > 1 and rest:
                head = rest.pop(0)
                if size % head.size and head.size % size:
                    return None
                if head.size > size:
                    inner = head.size // size
                    rest.insert(0, Factor(head.role, inner, head.stride))
                    head = Factor(head.role, size, head.stride * inner)
                axis.append(head)
                size //= head.size
            if size > 1:
                return None
            axes.append(merged(axis))
        return None if rest else Layout(tuple(axes))

    def replaced(self, index: int, axis: Axis) -> Layout:
        axes = list(self.axes)
        axes[index] = axis
        return Layout(tuple(axes))

    def without(self, index: int) -> Layout:
        return Layout(tuple(axis for i, axis in enumerate(self.axes) if i != index % len(self.axes)))

    def is_whole(self, index: int, role: str) -> bool:
        """True when the axis is exactly all tokens (or channels, or samples) in order."""
        return self.axes[index] == axis_of(role, self.size(role))

    @property
    def is_plain(self) -> bool:
        """True when memory order is (tokens, channels), wherever the samples are."""
        own = [f for f in self.factors if f.role != "batch"]
        return own == sorted(own, key=edge_order)

    def to_edge(self, array: np.ndarray) -> np.ndarray:
        """An array that broadcasts to this layout → (samples, tokens, channels)."""
        split = np.broadcast_to(array, self.shape).reshape([f.size for f in self.factors])
        return split.transpose(self._order).reshape([self.size(role) for role in ROLES])

    def from_edge(self, values: np.ndarray) -> np.ndarray:
        """Inverse of `to_edge`: (samples, tokens, channels) → an array of this layout."""
        split = values.reshape([self.factors[i].size for i in self._order])
        return split.transpose(np.argsort(self._order)).reshape(self.shape)

    @property
    def _order(self) -> list[int]:
        """The factors in the order of an edge."""
        return sorted(range(len(self.factors)), key=lambda i: edge_order(self.factors[i]))

    def index(self, role: str) -> np.ndarray:
        """Place of every element along one role: of this layout's rank, axes without that role have size 1."""
        total = np.zeros((1,) * len(self.axes), dtype=np.int64)
        for number, axis in enumerate(self.axes):
            if any(f.role == role for f in axis):
                place = np.zeros(1, dtype=np.int64)
                for f in axis:
                    place = (place[:, None] + np.arange(f.size) * (f.stride if f.role == role else 0)).reshape(-1)
                total = total + place.reshape([-1 if i == number else 1 for i in range(len(self.axes))])
        return total

    @property
    def flat(self) -> Layout:
        """The same axes of one token that has the channels of all tokens one behind the other."""
        channels = self.size("channel")
        return Layout(
            tuple(
                merged([Factor("channel", f.size, f.stride * channels) if f.role == "token" else f for f in axis])
                for axis in self.axes
            )
        )

    def packed(self, role: str) -> Layout:
        """The same axes with strides of one role such that its places lie without gaps, in unchanged order."""
        strides, stride = {}, 1
        for f in sorted((f for f in self.factors if f.role == role), key=lambda f: f.stride):
            strides[f.stride] = stride
            stride *= f.size
        return Layout(
            tuple(
                merged([Factor(f.role, f.size, strides[f.stride]) if f.role == role else f for f in axis])
                for axis in self.axes
            )
        )

    def in_memory_order(self, role: str) -> Layout:
        """The same axes when the places of one role are counted in memory order."""
        stride, axes = self.size(role), []
        for axis in self.axes:
            found = []
            for f in axis:
                if f.role == role:
                    stride //= f.size
                found.append(Factor(f.role, f.size, stride) if f.role == role else f)
            axes.append(merged(found))
        return Layout(tuple(axes))


def alike(one: Layout, other: Layout, but: int) -> bool:
    """Same axes but for one of them; strides may differ."""
    kinds = [
        [(f.role, f.size) for i, axis in enumerate(layout.axes) if i != but for f in axis] for layout in (one, other)
    ]
    return kinds[0] == kinds[1]


def edge_order(factor: Factor) -> tuple[int, int]:
    """Place of a factor among those of an edge."""
    return ROLES.index(factor.role), -factor.stride


def merged(axis: list[Factor]) -> Axis:
    """Neighbours that walk one role contiguously become one factor."""
    merged: list[Factor] = []
    for factor in axis:
        last = merged[-1] if merged else None
        if last and last.role == factor.role and last.stride == factor.stride * factor.size:
            merged[-1] = Factor(last.role, last.size * factor.size, factor.stride)
        else:
            merged.append(factor)
    return tuple(merged)
