"""The qonnx level: the file itself, run by qonnx, with real numbers turned back into integers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from accel.arrays import Arrays, by_name, count, named
from accel.errors import MismatchError
from accel.onnx_import.builder import Origin
from accel.onnx_import.importer import Imported, read
from accel.onnx_import.inputs import batch_of
from accel.onnx_import.runner import QonnxRunner


def execute(model: Imported | Path | str, x: Arrays, keep: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Run real inputs (samples, tokens, channels) through qonnx; integers int64 (samples, tokens, channels) by edge.

    A file of several inputs takes a dict of arrays by name. Arrays of any other shape are brought to that one by
    `Imported.samples`.

    `keep` names edges of the imported graph (default: the outputs); edges without an ONNX tensor (alignments)
    are left out. Raises UserError on a wrong shape or when qonnx cannot run the file, MismatchError when a tensor
    of an exact import holds numbers that are no integers at its edge's scale.
    """
    imported = model if isinstance(model, Imported) else read(model)
    names = list(imported.graph.outputs) if keep is None else [name for name in keep if name in imported.origins]
    found = steps(imported, x, names)
    return {name: _whole(name, values, imported.is_exact) for name, values in found.items()}


def steps(imported: Imported, x: Arrays, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Like `execute`, for edges that have an ONNX tensor: its real numbers in steps of the edge's scale, float64."""
    graph, batch = imported.graph, batch_of(imported.readings)
    given = {name: array.astype(np.float32) for name, array in by_name(graph.inputs, x).items()}
    if any(array.shape[1:] != graph.inputs[name].shape or not len(array) for name, array in given.items()):
        given = named(graph.inputs, imported.samples(given))
    samples = count(given)
    padded = {
        name: np.concatenate([array, np.zeros((-samples % batch, *array.shape[1:]), dtype=np.float32)])
        for name, array in given.items()
    }
    runner = QonnxRunner(imported)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for start in range(0, samples, batch):
        context = runner.run({name: array[start : start + batch] for name, array in padded.items()})
        for name, chunks in parts.items():
            origin = imported.origins[name]
            chunks.append(in_steps(name, origin, context[origin.tensor]))
    return {name: np.concatenate(chunks)[:samples] for name, chunks in parts.items()}


def integers(name: str, origin: Origin, real: np.ndarray, exact: bool = True) -> np.ndarray:
    """The tensor of an edge as integers (samples, tokens, channels): the nearest ones, if `exact` nothing else.

    Raises MismatchError when they are none, or when the tensor has another shape.
    """
    return _whole(name, in_steps(name, origin, real), exact)


def in_steps(name: str, origin: Origin, real: np.ndarray) -> np.ndarray:
    """The tensor of an edge in steps of the edge's scale, float64 (samples, tokens, channels).

    Raises MismatchError when the tensor has another shape.
    """
    try:
        return origin.layout.to_edge(np.asarray(real, dtype=np.float64)) / origin.scale
    except ValueError:
        shapes = f"shape {np.shape(real)}, imported as {origin.layout.shape}"
        raise MismatchError(f"qonnx: layer {name!r} has {shapes}") from None


def _whole(name: str, values: np.ndarray, exact: bool) -> np.ndarray:
    whole = np.rint(values)
    wrong = whole != values
    if exact and wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise MismatchError(
            f"qonnx: layer {name!r} {list(where)}: {values[where]} steps of the layer's scale, no integer"
        )
    return whole.astype(np.int64)
