"""`accel quantize`: a float network becomes an ONNX file with quantizers, measured operator by operator."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli.check import show_deviations
from accel.cli.display import Progress, json_option, show_json, show_table, working
from accel.cli.output import whole_file
from accel.errors import UnsupportedModel, UserError

if TYPE_CHECKING:
    import numpy as np
    import torch

    from accel.graph import Graph
    from accel.onnx_import import Deviation
    from accel.quantization import Samples

MEASURED = 4
"""Samples on which the operators are measured one by one."""


@dataclass(frozen=True)
class Quantized:
    """A network before and after: results on `samples` samples.

    `cosine` is the cosine between the float network's results and the integer graph's; accuracies are None without
    labels.
    """

    graph: Graph
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

    `model` is a float ONNX file, `package.module:function` (which returns a torch module), or a module. `data` holds
    an array per input, samples first, and perhaps `labels`: a file (npz, or npy for one input), or the arrays. The
    first `samples` of them calibrate, all are compared. `output` names the result that is kept of several. Raises
    UserError when model and data do not fit, UnsupportedModel, with every reason, when the network has no integer
    graph; `out` is not written then.
    """
    import onnx

    from accel import onnx_import, quantization

    tell = progress or (lambda text: None)
    given = quantization.read(data) if isinstance(data, (str, Path)) else quantization.samples(data)
    with whole_file(Path(out)) as path:
        network = quantization.load(model, given, output, progress=tell)
        onnx.save(quantization.quantized(network, samples, per_channel=per_channel, progress=tell), path)
        tell("import")
        try:
            imported = onnx_import.read(path)
        except UnsupportedModel as error:
            raise UnsupportedModel(str(error).replace(str(path), network.name)) from None
        tell("deviation of each operator")
        x = network.samples
        integers = imported.graph.integers(x[:MEASURED])
        deviations = onnx_import.deviations(imported, integers)
        return _compared(network, imported.graph, deviations, tell)
