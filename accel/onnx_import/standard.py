"""One form of what exporters write in several: a parsed file is brought to it once, before anything looks at it.

qonnx executes the same form. It looks up a domain as the name of a Python module, so only its own name is left here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

QONNX = "qonnx.custom_op.general"
#: Domains in which exporters write qonnx' operators.
QONNX_DOMAINS = (QONNX, "finn.custom_op.general", "onnx.brevitas")
#: Operators that onnxruntime also writes in a domain of its own, with the same meaning.
MICROSOFT, SHARED = "com.microsoft", ("QuantizeLinear", "DequantizeLinear")
HALF = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
#: Attributes that name a type of number.
TYPES = ("to", "dtype", "output_dtype", "precision", "stash_type")

#: Brevitas' name of a rounding mode that qonnx calls DOWN.
BREVITAS_DOWN = b"ROUND_TO_ZERO"


def standardize(model: onnx.ModelProto) -> None:
    """Rename domains, and let numbers of 16 bits be float32: they mean the same reals, and the import rounds none."""
    for node in nodes_of(model.graph):
        if node.domain in QONNX_DOMAINS:
            node.domain = QONNX
        elif node.domain == MICROSOFT and node.op_type in SHARED:
            node.domain = ""
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                _widen(attribute.t)
            elif attribute.type == AttributeProto.INT and attribute.name in TYPES and attribute.i in HALF:
                attribute.i = TensorProto.FLOAT
            elif attribute.name == "rounding_mode" and attribute.s.upper() == BREVITAS_DOWN:
                attribute.s = b"DOWN"
    kept = [entry for entry in model.opset_import if entry.domain not in QONNX_DOMAINS]
    del model.opset_import[:]
    model.opset_import.extend([*kept, onnx.helper.make_opsetid(QONNX, 1)])
    for tensor in model.graph.initializer:
        _widen(tensor)
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        if value.type.tensor_type.elem_type in HALF:
            value.type.tensor_type.elem_type = TensorProto.FLOAT


def nodes_of(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """The nodes of a graph and of the graphs in their attributes."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else ())):
                yield from nodes_of(inner)


def _widen(tensor: TensorProto) -> None:
    """A damaged tensor stays as it is: reading it says so."""
    if tensor.data_type not in HALF:
        return
    try:
        array = numpy_helper.to_array(tensor).astype(np.float32)
    except Exception:  # onnx and numpy raise many kinds
        return
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
