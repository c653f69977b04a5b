"""Reading what a user passes: model files, sample files, or random samples where there are none."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, TypedDict

from accel.errors import UserError
from accel.files import require_ordinary

if TYPE_CHECKING:
    import numpy as np

    from accel.graph import Graph


class Entry(TypedDict):
    """Arguments of `accel.onnx_import.read`: how a file is read."""

    input_scale: float | None
    input_bits: str | None
    po2_scales: bool


def load_samples(
    graph: Graph,
    path: Path | str | None,
    count: int,
    seed: int = 0,
) -> np.ndarray:
    """Load up to `count` integer samples (samples, tokens, channels) for a graph.

    From an .npy file, shaped so or as the model's own input: integers are taken as they are, real numbers are
    quantized as the model quantizes its input. Without a file: uniformly random over the whole input range. Raises
    UserError on an unfit file.
    """
    import numpy as np

    if path is None:
        spec = graph.input
        return np.random.default_rng(seed).integers(spec.lo, spec.hi, (count, *spec.shape), endpoint=True)
    return as_samples(graph, read_array(path))[:count]


def as_samples(graph: Graph, values: np.ndarray) -> np.ndarray:
    """Samples as the graph takes them: real numbers are quantized, integers checked. Raises UserError on unfit ones."""
    from accel import reference
    from accel.model import view_of

    view = view_of(graph)
    values = view.samples(values) if view else values
    return reference.quantize(graph, values) if values.dtype.kind == "f" else reference.checked(graph, values)


def read_array(path: Path | str) -> np.ndarray:
    """The one array of numbers in an .npy file. Raises UserError on anything else."""
    import numpy as np

    require_ordinary(path)
    try:
        values = np.load(path, allow_pickle=False)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or 'not a NumPy file'}") from None
    except (ValueError, EOFError, TokenError):
        raise UserError(f"{path} is not a NumPy array file: write it with numpy.save") from None
    if not isinstance(values, np.ndarray) or values.ndim == 0 or values.dtype.kind not in "fiu":
        raise UserError(f"{path} does not hold one array of numbers: write it with numpy.save")
    return values
