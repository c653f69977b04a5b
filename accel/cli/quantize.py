"""`accel quantize`: a float network becomes an ONNX file with quantizers, measured operator by operator."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from accel.cli.check import show_deviations
from accel.cli.display import json_option, show_json, show_table, working
from accel.verbs.quantize import Quantized, quantize


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
