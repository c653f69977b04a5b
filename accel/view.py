"""The view of a graph from outside: samples and results in the shapes of the file that the graph was made from."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from accel.errors import GraphError, UserError

#: All whole numbers below this are exact in float64 and int64.
LARGEST = 2.0**53


@dataclass(frozen=True)
class Form:
    """Where an input of a file holds tokens and channels.

    `shape` is that of the file's input, of which axis `batch` counts samples (None: the file takes one sample). All
    other axes are cut into `parts`, which in the `order` of an edge are `edge`: (tokens, channels). The numbers of a
    `whole` input are identifiers or a mask, which nothing quantizes. Raises GraphError where sizes disagree.
    """

    shape: tuple[int, ...]
    batch: int | None
    parts: tuple[int, ...]
    order: tuple[int, ...]
    edge: tuple[int, int]
    whole: bool = False

    def __post_init__(self) -> None:
        sizes = {prod(self.parts), prod(self.edge), prod(self.one)}
        if len(sizes) > 1 or sorted(self.order) != list(range(len(self.parts))) or min(self.shape, default=1) < 1:
            raise GraphError(f"a view of shape {self.shape} does not hold {self.edge}")

    @property
    def one(self) -> tuple[int, ...]:
        """The shape of one sample in the file."""
        return tuple(size for axis, size in enumerate(self.shape) if axis != self.batch)

    def samples(self, x: np.ndarray) -> np.ndarray:
        """Samples as (samples, tokens, channels), from the shapes that users have.

        Three are taken: the result's own; the file's, its batch axis of any size; many inputs of the file, with one
        more axis in front. Raises UserError on any other shape, on one that has two meanings, and on fractions where
        numbers are whole.
        """
        own = ", ".join("samples" if axis == self.batch else str(size) for axis, size in enumerate(self.shape))
        plain = f"(samples, {self.edge[0]}, {self.edge[1]})"
        forms = {plain: x if x.shape[1:] == self.edge else None, f"({own})": self._as_file(x)}
        found = {form: values for form, values in forms.items() if values is not None and len(values)}
        if not found:
            known = " or ".join(forms)
            raise UserError(f"input shape is {x.shape}, the model takes {known} with at least one sample")
        first, *others = found.values()
        if any(not np.array_equal(first, other, equal_nan=True) for other in others):
            raise UserError(
                f"input shape {x.shape} has two meanings, {' and '.join(found)}: "
                f"stack inputs of the file as (samples, {', '.join(map(str, self.shape))})"
            )
        return as_whole(first) if self.whole else first

    def _as_file(self, x: np.ndarray) -> np.ndarray | None:
        """The samples in an array of the file's shape, or in a stack of such; None when it is neither."""
        if not x.size:
            return None
        if x.ndim == len(self.shape) + 1 and x.shape[1:] == self.shape:
            return np.concatenate([self._edge(one) for one in x])
        if self.batch is None:
            return self._edge(x) if x.shape == self.shape else None
        if x.ndim != len(self.shape) or np.moveaxis(x, self.batch, 0).shape[1:] != self.one:
            return None
        return self._edge(x)

    def _edge(self, x: np.ndarray) -> np.ndarray:
        """One array of the file's shape, its batch axis of any size → (samples, tokens, channels)."""
        rows = x[None] if self.batch is None else np.moveaxis(x, self.batch, 0)
        split = rows.reshape(len(rows), *self.parts)
        return split.transpose(0, *(place + 1 for place in self.order)).reshape(len(rows), *self.edge)


@dataclass(frozen=True)
class View:
    """The forms of a graph's inputs, and the shapes of one sample's results, both in the graph's order.

    The numbers of a result are in the order of an edge.
    """

    inputs: tuple[Form, ...]
    outputs: tuple[tuple[int, ...], ...]

    def samples(self, x: np.ndarray, place: int = 0) -> np.ndarray:
        """Samples of input number `place`, as `Form.samples` takes them, as (samples, tokens, channels)."""
        return self.inputs[place].samples(x)

    def results(self, y: np.ndarray, place: int = 0) -> np.ndarray:
        """Results (samples, tokens, channels) of output number `place` as the file has them, (samples, …)."""
        return y.reshape(len(y), *self.outputs[place])


def as_whole(x: np.ndarray) -> np.ndarray:
    """Identifiers or a mask as integers. Raises UserError on fractions, which rounding would make others of."""
    if x.dtype.kind != "f":
        return x
    fitting = np.isfinite(x) & (np.rint(x) == x) & (np.abs(x) < LARGEST)
    if not fitting.all():
        raise UserError(
            f"input has {x[~fitting][0]:g}, which is no identifier, nor 0 or 1 of a mask: give the whole numbers that "
            "the model's file takes"
        )
    return x.astype(np.int64)
