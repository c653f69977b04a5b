"""Calibration data: one array per input of a network, samples first, from an npz or npy file."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError

import numpy as np

from accel.arrays import LABELS, require_one_count
from accel.errors import UserError
from accel.files import require_ordinary


@dataclass(frozen=True)
class Samples:
    """Arrays (samples, …) by the name of their input, and the right classes, if known.

    An array that has no name, from an npy file, has the name "": it is for the only input that is left.
    """

    arrays: Mapping[str, np.ndarray]
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def first(self, count: int) -> Samples:
        """The first `count` samples at most, without labels."""
        return Samples({name: array[:count] for name, array in self.arrays.items()})


def samples(arrays: np.ndarray | Mapping[str, np.ndarray], where: str = "data") -> Samples:
    """Check arrays by input name, `labels` among them, or the one array of the only input. Raises UserError."""
    named = {"": arrays} if isinstance(arrays, np.ndarray) else dict(arrays)
    labels = named.pop(LABELS, None)
    if not named:
        raise UserError(f"{where} holds no input: save one array per input, numpy.savez(file, x=…)")
    found = {name: np.asarray(array) for name, array in named.items()}
    with_labels = found if labels is None else found | {LABELS: np.asarray(labels)}
    for name, array in with_labels.items():
        _check(where, name, array)
    try:
        require_one_count(with_labels)
    except UserError as error:
        raise UserError(f"{where}: {error}, which axis 0 counts") from None
    return Samples(found, with_labels.get(LABELS))


def read(path: Path | str) -> Samples:
    """The samples of an npz file (one array per input, and `labels`) or an npy file (the only input).

    Raises UserError when the file is missing, of another kind, or holds what is no samples.
    """
    require_ordinary(path)
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = loaded if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or 'not a NumPy file'}") from None
    except (ValueError, EOFError, TokenError, zipfile.BadZipFile):
        raise UserError(f"{path} is not a file of NumPy arrays: write it with numpy.savez(file, x=…)") from None
    return samples(arrays, str(path))


def _check(where: str, name: str, array: np.ndarray) -> None:
    shown = f"{where}: array {name!r}" if name else where
    if array.dtype.kind not in "fiub":
        raise UserError(f"{shown} is of type {array.dtype}; save numbers")
    if array.ndim == 0 or array.size == 0:
        raise UserError(f"{shown} has shape {array.shape}; at least one sample is needed, samples on axis 0")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise UserError(f"{shown} holds NaN or infinity; clean the data")


def matched(given: Samples, names: Sequence[str], required: Sequence[str], where: str) -> Samples:
    """The samples of a network with inputs `names`: each array under its input's name, in the network's order.

    Raises UserError when an array belongs to no input, or a required input has no array.
    """
    arrays = dict(given.arrays)
    if "" in arrays:
        if len(required) != 1:
            listed = ", ".join(names)
            raise UserError(
                f"{where} takes several inputs ({listed}): save them by name, numpy.savez(file, {names[0]}=…)"
            )
        arrays = {required[0]: arrays[""]}
    listed = ", ".join(names)
    for name in arrays:
        if name not in names:
            raise UserError(f"{where} has no input {name!r}; its inputs are {listed}")
    for name in required:
        if name not in arrays:
            raise UserError(f"no data for the input {name!r} of {where}: add an array of that name to the npz file")
    return Samples({name: arrays[name] for name in names if name in arrays}, given.labels)
