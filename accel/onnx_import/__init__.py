"""QONNX files → integer graphs, and the qonnx level that runs the file itself.

`load` is what most callers want. `read` also says where each edge's numbers are in the file; `execute` runs the
file with qonnx and gives integers per edge, to be compared with `==` when the import is exact; `deviations` measures
it operator by operator when it is not. How an import goes:

    source.py      the file: parsed, checked, nothing trusted
    patterns.py    norms and softmax written out become the one node they mean
    writing_out.py rotary embeddings that are one node, operator by operator
    standard.py    forms that exporters write in several ways become one
    inputs.py      what the axes of its inputs may be
    entry.py       what happens to an input before it is integers; a range that is given for it
    importer.py    every reading is tried; what one of them leads to, or all that is refused
    walk.py        one node after the other, refusals collected
    handlers.py    one handler per ONNX operator
    values.py      what a tensor means: a constant, an edge with a scale and a layout, real numbers made from an edge
    layout.py      which axis is what, so that reshapes and transposes cost nothing
    quant.py qcdq.py           quantizers: every kind of value becomes integers
    arithmetic.py functions.py linear.py einsum.py convolution.py embedding.py norms.py softmax.py masks.py
    mask_inputs.py                  masks that come in with the samples
    attention.py nonlinear.py shaping.py slicing.py joining.py constants.py      the other handlers
    contraction.py channels.py      what they share: the matrix of any product with constants, channels in any order
    quantizers.py                   what a quantizer's parameters are
    broadcast.py   operands of different shapes
    turning.py     tokens and channels that change places
    reordering.py  tokens in any order, windows of them as heads
    rotary.py      products with tables and rotary embeddings
    ending.py      what stays with the host at the end of a file
    builder.py     the graph while it grows: accel.building, with layouts and origins
    errors.py      how far its edges are from the file's real numbers at most
    runner.py      qonnx' executor, prepared once
    execute.py     the file run by qonnx
    deviation.py   what the import chose, measured against the file
    po2.py         scales rounded to powers of two, on request
"""

from __future__ import annotations

from pathlib import Path

from accel.model import Model
from accel.onnx_import.builder import Origin
from accel.onnx_import.deviation import Deviation, ScaleRounding, deviations, rounding
from accel.onnx_import.entry import Given
from accel.onnx_import.execute import execute
from accel.onnx_import.importer import Imported, read

__all__ = ["Deviation", "Imported", "Origin", "ScaleRounding", "deviations", "execute", "load", "read", "rounding"]


def load(
    path: Path | str,
    *,
    input_scale: Given[float] = None,
    input_bits: Given[int | str] = None,
    po2_scales: bool = False,
) -> Model:
    """The integer graph of a QONNX file; arguments and errors as of `read`."""
    return read(path, input_scale=input_scale, input_bits=input_bits, po2_scales=po2_scales).graph
