"""A language model in one file: integers of its weights, formats, configuration and tokenizer.

The file is an archive (`accel/archive.py`) with a format version. Nothing in it is pickled, and nothing is trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from accel import archive
from accel.archive import DAMAGE, Archive
from accel.blocks import Blocks
from accel.checkpoints import Configuration, RotaryPositions, Tokenizer, kept_tokenizer
from accel.checkpoints.configuration import shapes
from accel.constants import Constant
from accel.errors import GraphError, UserError
from accel.files import require_ordinary

if TYPE_CHECKING:
    from models.llama.matrices import Matrix
    from models.llama.recipe import IntegerRecipe

FORMAT = 2
"""The first format had the integers of all weights one by one."""


class Kept(NamedTuple):
    """The contents of a file."""

    configuration: Configuration
    weights: dict[str, Any]
    recipe: IntegerRecipe
    tokenizer: Tokenizer


def write(model: Kept, path: Path) -> str:
    """Write a model completely or not at all, and return the file's SHA-256. Raises UserError where it cannot be."""
    from models.llama.matrices import Matrix

    tokenizer, arrays = kept_tokenizer.entries(model.tokenizer)
    matrices = {}
    for name, weight in model.weights.items():
        if isinstance(weight, Matrix):
            matrices[name] = _entry(name, weight, arrays)
        else:
            arrays[name] = weight
    configuration = asdict(model.configuration)
    if configuration["rope"]:
        configuration["rope"]["skipped"] = sorted(configuration["rope"]["skipped"])
    header = {
        "magic": archive.LANGUAGE_MODEL,
        "format": FORMAT,
        "configuration": configuration,
        "recipe": asdict(model.recipe),
        "matrices": matrices,
        "tokenizer": tokenizer,
    }
    return archive.write(path, header, arrays)


def _entry(name: str, matrix: Matrix, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """The header's entry of a matrix, whose arrays go to `arrays`: blocks as they are, or its integers."""
    values = matrix.values
    arrays[f"{name}.multiplier"] = Constant(matrix.multiplier).values
    if not isinstance(values, Blocks):
        arrays[name] = values.values
        return {"shift": matrix.shift}
    arrays |= {name: values.packed, f"{name}.sums": Constant(np.array(values.sums)).values}
    return {"shift": matrix.shift, "shape": values.shape, "bits": values.bits, "ends": (values.lo, values.hi)}


def is_kept(path: Path) -> bool:
    """Is this a file that `write` wrote?"""
    try:
        return path.is_file() and archive.magic(path) == archive.LANGUAGE_MODEL
    except OSError:  # a folder that may not be searched
        return False


def read(path: Path) -> Kept:
    """Read such a file. Raises UserError when it is damaged or of another format."""
    require_ordinary(path)
    try:
        with Archive(path) as file:
            if file.header["format"] != FORMAT:
                raise UserError(
                    f"{path}: format {file.header['format']!s:.20}, this accel reads {FORMAT}; upgrade accel, or "
                    "import the checkpoint again"
                )
            return _read(file)
    except (OSError, GraphError, *DAMAGE):
        raise UserError(f"{path}: damaged; import the checkpoint again") from None


def _read(file: Archive) -> Kept:
    header = file.header
    configuration = _configuration(header["configuration"])
    tokenizer = kept_tokenizer.tokenizer(header["tokenizer"], file.__getitem__)
    weights = {name: _weight(name, header["matrices"], file) for name in shapes(configuration)}
    file.forget()
    return Kept(configuration, weights, _recipe(header["recipe"]), tokenizer)


def _configuration(values: Mapping[str, Any]) -> Configuration:
    rope = values["rope"]
    if rope is not None:
        rope = RotaryPositions(**{**rope, "factors": tuple(rope["factors"]), "skipped": frozenset(rope["skipped"])})
    return Configuration(**{**values, "rope": rope})


def _recipe(values: Mapping[str, Any]) -> IntegerRecipe:
    from models.llama.recipe import Format, IntegerRecipe

    made: dict[str, Any] = {name: Format(*v) if isinstance(v, list) else int(v) for name, v in values.items()}
    return IntegerRecipe(**made)


def _weight(name: str, matrices: Mapping[str, Any], file: Archive) -> Any:
    from models.llama.matrices import Matrix

    if name not in matrices:
        return file[name].astype(np.float64)
    entry = matrices[name]
    multiplier = _integers(file[f"{name}.multiplier"])
    return Matrix(_constant(name, entry, file), multiplier, int(entry["shift"]))


def _constant(name: str, entry: Mapping[str, Any], file: Archive) -> Constant:
    """The integers of a matrix, mapped into memory."""
    values = _integers(file[name])
    if "bits" not in entry:
        return Constant(values, own=True)
    (rows, inputs), (lo, hi) = (tuple(map(int, entry[key])) for key in ("shape", "ends"))
    return Blocks(values, (rows, inputs), int(entry["bits"]), (lo, hi), _integers(file[f"{name}.sums"]))


def _integers(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "iu":
        raise ValueError(f"{array.dtype} where integers are")
    return array
