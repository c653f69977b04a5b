"""Gather of rows by identifiers, an integer input of the model."""

from __future__ import annotations

import numpy as np

from accel.building import common
from accel.onnx_import.builder import Builder, whole
from accel.onnx_import.contraction import QUANTIZE_WEIGHT
from accel.onnx_import.layout import Layout, axis_of
from accel.onnx_import.values import Call, Constant, Edge, Real, Refused
from accel.ops.embedding.op import Embedding
from accel.tensor import Tensor


def embedding(build: Builder, call: Call, table: Constant, identifiers: Real) -> Edge:
    """An input of the graph becomes identifiers 0..rows − 1 at scale 1."""
    if table.value.ndim != 2 or call.integer("axis", 0):
        raise Refused(f"selects from a table of shape {table.value.shape}", "use a table (identifiers, channels)")
    if table.step is None:
        raise Refused("its table is not quantized", QUANTIZE_WEIGHT.replace("QuantLinear", "QuantEmbedding"))
    rows, channels = table.value.shape
    spec = Tensor((identifiers.layout.size("token"), 1), 0, rows - 1)
    x = build.enter(identifiers.name, spec, identifiers.layout, call.tensors[1])
    if x is None:
        raise Refused("identifiers select from tables of different sizes", "give all tables the same number of rows")
    step = common(table.step.min(axis=0).astype(np.float64))
    layout = Layout((*identifiers.layout.axes, axis_of("channel", channels)))
    return build.add(call.name, Embedding(whole(table.value / step)), (x,), step, layout, call.output)
