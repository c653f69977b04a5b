"""Float networks → files with quantizers, by ONNX Runtime's static quantization, in a form that the import takes.

samples.py     calibration data
exporting.py   an ONNX file, or a torch module and its export
cleaning.py    one input, one output, fixed shapes, constants computed
choice.py      which nodes get quantizers
static.py      ONNX Runtime's quantization of those
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from accel.quantization import exporting
from accel.quantization.cleaning import FloatNetwork, prepared
from accel.quantization.samples import Samples, read, samples
from accel.quantization.static import quantized

if TYPE_CHECKING:
    import torch

__all__ = ["FloatNetwork", "Samples", "load", "quantized", "read", "samples"]


def load(model: Path | str | torch.nn.Module, data: Samples, output: str | None = None) -> FloatNetwork:
    """A float network, ready to be quantized: an ONNX file, `package.module:function`, or a torch module.

    `output` names the result that is kept of several (default: the first). Raises UserError when there is no such
    network or the data do not fit it.
    """
    name = str(model) if isinstance(model, (str, Path)) else type(model).__name__
    return prepared(exporting.load(model, data), data, output, name)
