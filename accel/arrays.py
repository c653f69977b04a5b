"""Samples of a graph with one or several inputs: an array, or arrays by name; the same for results."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from accel.errors import UserError
from accel.tensor import Tensor

Arrays = np.ndarray | Mapping[str, np.ndarray]
"""One array (samples, …) where there is one input, else one for each by name."""
Results = np.ndarray | dict[str, np.ndarray]
"""One array (samples, …) where there is one input or output, else one for each by name."""


def named(ends: Mapping[str, Tensor], x: Arrays) -> dict[str, np.ndarray]:
    """The arrays by name, in the order of `ends`. Raises UserError where names or numbers of samples do not fit."""
    found = by_name(ends, x)
    counts = {name: len(array) if array.ndim else 0 for name, array in found.items()}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{count} of {name!r}" for name, count in counts.items())
        raise UserError(f"all arrays have as many samples; got {said}")
    return found


def by_name(ends: Mapping[str, Tensor], x: Arrays) -> dict[str, np.ndarray]:
    """Like `named`, for arrays of any shape."""
    if not isinstance(x, Mapping):
        if len(ends) > 1:
            raise UserError(f"there are {len(ends)} of them, {_listed(ends)}: give a dict with one array for each")
        return {name: np.asarray(x) for name in ends}
    if set(x) != set(ends):
        raise UserError(f"arrays are {_listed(ends)}; got {_listed(x)}")
    return {name: np.asarray(x[name]) for name in ends}


def each(found: Mapping[str, np.ndarray], make: Callable[[str, np.ndarray], np.ndarray]) -> dict[str, np.ndarray]:
    """The results of `make` for every array and its name. A UserError says which of several arrays it is about."""
    made: dict[str, np.ndarray] = {}
    for name, array in found.items():
        try:
            made[name] = make(name, array)
        except UserError as error:
            if len(found) == 1:
                raise
            raise UserError(f"{name!r}: {error}") from None
    return made


def plain(ends: Mapping[str, Tensor], found: Mapping[str, np.ndarray]) -> Results:
    """The array of the one end, or a dict of those of all."""
    chosen = {name: found[name] for name in ends}
    return chosen if len(chosen) > 1 else next(iter(chosen.values()))


def single(found: Results) -> np.ndarray:
    """The array where there is one input or output. Raises UserError where there are several."""
    if isinstance(found, dict):
        raise UserError(f"there are {len(found)} of them, {_listed(found)}: one is expected here")
    return found


def count(x: Arrays) -> int:
    """How many samples there are."""
    return len(next(iter(x.values())) if isinstance(x, Mapping) else x)


def head(x: Arrays, stop: int | None) -> Arrays:
    """The first samples."""
    return {name: array[:stop] for name, array in x.items()} if isinstance(x, Mapping) else x[:stop]


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(map(repr, names)) or "none"
