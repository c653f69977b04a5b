"""Samples of a graph with one or several inputs: an array, or arrays by name; the same for results."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from accel.errors import UserError
from accel.tensor import Tensor

Arrays = np.ndarray | Mapping[str, np.ndarray]
"""One array (samples, …) where there is one input, else one for each by name."""
NUMBERS = "fiub"
"""Kinds of dtypes that hold real numbers."""
LABELS = "labels"
"""The array of a file of samples that holds the right class of each, and is no input."""
Results = np.ndarray | dict[str, np.ndarray]
"""One array (samples, …) where there is one input or output, else one for each by name."""


def named(ends: Mapping[str, Tensor], x: Arrays) -> dict[str, np.ndarray]:
    """The arrays by name, in the order of `ends`. Raises UserError where names or numbers of samples do not fit."""
    found = by_name(ends, x)
    require_one_count(found)
    return found


def require_one_count(arrays: Mapping[str, np.ndarray]) -> None:
    """Raise UserError where arrays, samples first, differ in their number of samples."""
    counts = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{count} of {name!r}" for name, count in counts.items())
        raise UserError(f"all arrays need the same number of samples; got {said}")


def by_name(ends: Mapping[str, Tensor], x: Arrays) -> dict[str, np.ndarray]:
    """Like `named`, for arrays of any shape."""
    if not isinstance(x, Mapping):
        if len(ends) > 1:
            raise UserError(f"got one array, expected a dict with one for each of {_listed(ends)}")
        return {name: _array(name, x) for name in ends}
    if set(x) != set(ends):
        raise UserError(f"got arrays {_listed(x)}, expected {_listed(ends)}")
    return {name: _array(name, x[name]) for name in ends}


def _array(name: str, given: object) -> np.ndarray:
    """The array of what somebody gave as one. Raises UserError where it holds anything but real numbers."""
    try:
        found = np.asarray(given)
    except (ValueError, TypeError, RuntimeError) as error:  # ragged lists; tensors of a GPU, or with gradients
        raise UserError(f"{name!r} cannot become an array ({error}); give an array of numbers") from None
    if found.dtype.kind not in NUMBERS:
        raise UserError(f"{name!r} is an array of {found.dtype}; give one of real numbers")
    return found


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
        raise UserError(f"got {len(found)} arrays, {_listed(found)}; one is expected here")
    return found


def count(x: Arrays) -> int:
    """How many samples there are."""
    return len(next(iter(x.values())) if isinstance(x, Mapping) else x)


def head(x: Arrays, stop: int | None) -> Arrays:
    """The first samples."""
    return {name: array[:stop] for name, array in x.items()} if isinstance(x, Mapping) else x[:stop]


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(map(repr, names)) or "none"
