"""Reading what a user passes: model files, sample files, or random samples where there are none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any, TypedDict
from zipfile import BadZipFile

from accel.errors import UserError
from accel.files import require_ordinary

if TYPE_CHECKING:
    import numpy as np

    from accel.arrays import Arrays
    from accel.graph import Graph
    from accel.onnx_import.entry import Given
    from accel.tensor import Tensor


class Entry(TypedDict):
    """Arguments of `accel.onnx_import.read`: how a file is read."""

    input_scale: Given[float]
    input_bits: Given[int | str]
    po2_scales: bool


def load_samples(
    graph: Graph,
    path: Path | str | None,
    count: int,
    seed: int = 0,
) -> np.ndarray | Any:
    """Load up to `count` integer samples (samples, tokens, channels) for a graph; a dict by name for several inputs.

    From an .npy file, or an .npz file with an array per input, shaped so or as the model's own inputs: integers are
    taken as they are, real numbers are quantized as the model quantizes its input. Without a file: uniformly random
    over the whole range of each input. `labels`, unless an input is called so, are counted and left out. Raises
    UserError on an unfit file.
    """
    import numpy as np

    from accel.arrays import LABELS, by_name, head, plain, require_one_count

    if path is None:
        rng = np.random.default_rng(seed)
        return plain(graph.inputs, {name: _drawn(rng, spec, count) for name, spec in graph.inputs.items()})
    values, labels = read_arrays(path), {}
    if isinstance(values, Mapping):
        labels = {LABELS: values[LABELS]} if LABELS in values.keys() - graph.inputs.keys() else {}
        values = {name: array for name, array in values.items() if name not in labels}
        if values.keys() != graph.inputs.keys():
            need, have = (", ".join(map(repr, names)) or "none" for names in (graph.inputs, values))
            raise UserError(f"{path}: arrays are {have}; the model's inputs are {need}")
    try:
        x = as_samples(graph, values)
        require_one_count(by_name(graph.inputs, x) | labels)
        return head(x, count)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def require_streams(graph: Graph, remedy: str) -> None:
    """Raise UserError where a graph needs more streams than HLS projects and boards have: one in and one out."""
    for what, ends in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        if len(ends) > 1:
            raise UserError(
                f"{graph.name} has {len(ends)} {what} ({', '.join(map(repr, ends))}), HLS projects and boards "
                f"one stream in and one out: {remedy}"
            )


def _drawn(rng: np.random.Generator, spec: Tensor, count: int) -> np.ndarray:
    """Uniformly random integers; a row of 0 and 1 has both, so that no mask hides everything."""
    x = rng.integers(spec.lo, spec.hi, (count, *spec.shape), endpoint=True)
    if (spec.lo, spec.hi) == (0, 1) and spec.channels > 1:
        x[..., :2] = 1, 0
    return x


def as_samples(graph: Graph, values: Arrays) -> np.ndarray | Any:
    """Samples as the graph takes them: real numbers are quantized, integers checked. Raises UserError on unfit ones."""
    from accel import reference
    from accel.arrays import plain
    from accel.model import Model

    def integers(spec: Tensor, array: np.ndarray) -> np.ndarray:
        return reference.quantize_to(spec, array) if array.dtype.kind == "f" else reference.checked_for(spec, array)

    shaped = graph.samples(values) if isinstance(graph, Model) else values
    return plain(graph.inputs, reference.inputs_by(graph, shaped, integers))


def read_array(path: Path | str) -> np.ndarray:
    """The one array of numbers in an .npy file. Raises UserError on anything else."""
    values = read_arrays(path)
    if isinstance(values, Mapping):
        raise UserError(f"{path} holds arrays by name, where one is taken: write it with numpy.save")
    return values


def read_arrays(path: Path | str) -> Arrays:
    """The one array of numbers in an .npy file, or those of an .npz file by name. Raises UserError on anything else."""
    import numpy as np

    from accel.arrays import NUMBERS

    require_ordinary(path)
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            with loaded:
                loaded = {name: loaded[name] for name in loaded.files}
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or 'not a NumPy file'}") from None
    except (ValueError, EOFError, TokenError, BadZipFile):
        raise UserError(f"{path} is not a NumPy array file: write it with numpy.save") from None
    for name, array in loaded.items() if isinstance(loaded, dict) else [("", loaded)]:
        if not isinstance(array, np.ndarray) or array.ndim == 0 or array.dtype.kind not in NUMBERS:
            member = f": array {name!r} of it" if name else ""
            raise UserError(f"{path}{member} does not hold one array of numbers: write it with numpy.save")
    return loaded
