"""`accel quantize`: a float network becomes an ONNX file with quantizers, measured operator by operator."""

from __future__ import annotations

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

    from accel.model import Model
    from accel.onnx_import import Deviation
    from accel.quantization import Network

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
        integers = reference.as_integers(imported.graph.input, imported.graph.samples(network.samples[:MEASURED]))
        deviations = onnx_import.deviations(imported, integers)
    tell("compare with the float network")
    return _compared(network, imported.graph, deviations)


def _compared(network: Network, graph: Model, deviations: tuple[Deviation, ...]) -> Quantized:
    import numpy as np

    real = network.run()
    found = graph.predict(network.samples[: len(real)])
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


@click.command(short_help="Quantize a float network.")
@click.argument("model")
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="Samples: an array per input, .npz or .npy."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="ONNX file to write.")
@click.option(
    "--samples", type=click.IntRange(min=1), default=256, show_default=True, help="Calibrate with at most this many."
)
@click.option("--output", metavar="NAME", help="Result to keep of several.  [default: the first]")
@click.option("--per-tensor", is_flag=True, help="One scale for a whole weight matrix instead of one per row.")
@json_option
def command(
    model: str, data: Path, out: Path, samples: int, output: str | None, per_tensor: bool, as_json: bool
) -> None:
    """Quantize a float MODEL to 8 bits with ONNX Runtime, so that accel can import it.

    MODEL is a float ONNX file, or `package.module:function`: a function without arguments that returns a torch module,
    such as a model of Hugging Face transformers, which is exported first.

    DATA holds typical samples, one array per input with the samples on its first axis: .npz with the names of the
    inputs (`input_ids`, `attention_mask`, `pixel_values`, …), or .npy for a network with one input. Inputs that are the
    same for all samples become constants. With an array `labels` the accuracy before and after is shown.

    Quantizers stand where the integer graph needs integers: around products and sums of activations. A softmax and its
    mask, norms and functions of one activation stay whole. A table says how far each operator of the integer graph is
    from the quantized file, as `accel check` does.

    \b
    Examples:
      accel quantize float.onnx --data calibration.npz --out q.onnx
      accel quantize my_models:bert --data calibration.npz --out q.onnx
      accel check q.onnx
    """
    with working("quantize") as progress:
        done = quantize(model, data, out, samples=samples, output=output, per_channel=not per_tensor, progress=progress)
    if as_json:
        show_json({"model": out, **_entry(done)})
        return
    show_deviations(done.graph.name, done.deviations)
    _show(done)
    click.echo(f"wrote {out}")


def _entry(done: Quantized) -> dict[str, object]:
    return {
        "samples": done.samples,
        "cosine": done.cosine,
        "float_accuracy": done.float_accuracy,
        "accuracy": done.accuracy,
        "deviations": [asdict(found) for found in done.deviations],
    }


def _show(done: Quantized) -> None:
    rows = [("samples", f"{done.samples}"), ("cosine of float and integer results", f"{done.cosine:.4f}")]
    if done.float_accuracy is not None and done.accuracy is not None:
        rows += [("accuracy, float", f"{done.float_accuracy:.2%}"), ("accuracy, integers", f"{done.accuracy:.2%}")]
    show_table(f"{done.graph.name}: before and after", ("", ""), rows)
