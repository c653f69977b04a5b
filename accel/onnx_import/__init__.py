"""QONNX files → integer graphs, and the qonnx level that runs the file itself.

`load` is what most callers want. `read` also says where each edge's numbers are in the file; `execute` runs the
file with qonnx and gives integers per edge, to be compared with `==`. How an import goes:

    source.py      the file: parsed, checked, nothing trusted
    inputs.py      what the axes of its input may be
    importer.py    one handler per ONNX operator, refusals collected
    values.py      what a tensor means: a constant, or an edge with a scale and a layout
    layout.py      which axis is what, so that reshapes and transposes cost nothing
    quantizers.py qcdq.py linear.py einsum.py convolution.py embedding.py nonlinear.py queries.py
    shaping.py slicing.py joining.py folding.py      the handlers
    contraction.py channels.py      what they share: the matrix of any product with constants, channels in any order
    builder.py     the graph while it grows
    execute.py     the file run by qonnx
"""

from __future__ import annotations

from pathlib import Path

from accel.graph import Graph
from accel.onnx_import.builder import Origin
from accel.onnx_import.execute import execute
from accel.onnx_import.importer import Imported, read

__all__ = ["Imported", "Origin", "execute", "load", "read"]


def load(path: Path | str) -> Graph:
    """The integer graph of a QONNX file. Raises UserError or UnsupportedModel, as `read` does."""
    return read(path).graph
