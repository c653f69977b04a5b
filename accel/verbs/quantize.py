"""`accel quantize`: a float network becomes an ONNX file with quantizers, measured operator by operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accel.errors import UnsupportedModel, UserError
from accel.progress import Progress
from accel.verbs.output import whole_file

if TYPE_CHECKING:
    import numpy as np
    import torch

    from accel.model import Model
    from accel.onnx_import import Deviation, Imported
    from accel.quantization import FloatNetwork

MEASURED = 4
"""Samples on which the operators are measured one by one."""


@dataclass(frozen=True)
class Quantized:
    """A network before and after: results on `samples` samples.

    `cosine` is the cosine between the float network's results and the integer graph's; accuracies are None without
    labels.
    """

    graph: Model
    deviations: tuple[Deviation, ...]
    samples: int
    cosine: float
    float_accuracy: float | None
    accuracy: float | None


def quantize(
    model: Path | str | torch.nn.Module,
    data: Path | str | np.ndarray | Mapping[str, np.ndarray],
    out: Path | str,
    *,
    samples: int = 256,
    output: str | None = None,
    per_channel: bool = True,
    progress: Progress | None = None,
) -> Quantized:
    """Quantize a float network and write the file `out`, which imports as an integer graph.

    `model` is a float ONNX file, a torch module, or the text `package.module:function`, a function that returns one.
    `data` holds an array per input, with the samples on axis 0, and optionally `labels`. It is a dictionary of arrays,
    or a file: npz, or npy for one input. The first `samples` samples calibrate, and all are compared. `output` names
    the result to keep if there are several. Raises UserError when model and data do not fit, and UnsupportedModel, with
    every reason, when the network has no integer graph; `out` is not written then.
    """
    import onnx

    from accel import onnx_import, quantization, reference

    tell = progress or (lambda text: None)
    given = quantization.read(data) if isinstance(data, (str, Path)) else quantization.samples(data)
    with whole_file(Path(out)) as path:
        tell("float network")
        network = quantization.load(model, given, output)
        onnx.save(quantization.quantized(network, samples, per_channel=per_channel, progress=tell), path)
        tell("import")
        try:
            imported = onnx_import.read(path)
        except UnsupportedModel as error:
            raise UnsupportedModel(str(error).replace(str(path), network.name)) from None
        tell("deviation of each operator")
        real = _entering(imported, network.part(0, MEASURED))
        integers = reference.inputs_by(imported.graph, imported.samples(real), reference.as_integers)
        deviations = onnx_import.deviations(imported, integers)
    tell("compare with the float network")
    return _compared(network, imported, deviations)


def _entering(imported: Imported, samples: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Samples by input of the file → by input of the graph."""
    return {edge: samples[name] for name, edge in imported.entered.items()}


def _compared(network: FloatNetwork, imported: Imported, deviations: tuple[Deviation, ...]) -> Quantized:
    import numpy as np

    from accel.arrays import single

    graph, real = imported.graph, network.run()
    found = single(graph.predict(_entering(imported, network.part(0, len(real)))))
    accuracies: list[float | None] = [None, None]
    if network.labels is not None:
        accuracies = [_accuracy(results, network.labels[: len(real)]) for results in (real, found)]
    cosine = (real * found).sum() / (np.linalg.norm(real) * np.linalg.norm(found) or 1)
    return Quantized(graph, deviations, len(real), float(cosine), *accuracies)


def _accuracy(results: np.ndarray, labels: np.ndarray) -> float:
    """Share of results whose largest value along the last axis is at the label."""
    classes = results.argmax(axis=-1)
    if classes.shape != labels.shape:
        raise UserError(f"labels have shape {labels.shape}, the network decides {classes.shape}: one class for each")
    return float((classes == labels).mean())
