"""Nodes whose inputs are all known at export: shapes, masks, positions and scales as exporters write them.

Only plain constants are folded; quantized ones keep their steps through the handlers that move elements.
"""

from __future__ import annotations

from math import prod

import numpy as np

from accel.onnx_import import mask_inputs
from accel.onnx_import.attributes import ALL, understands
from accel.onnx_import.builder import Builder
from accel.onnx_import.functions import ELEMENTWISE, broadcast_size, computed, elementwise
from accel.onnx_import.values import IDENTIFIERS, Call, Constant, Real, Refused, Unknown, Value

_NAMES = """
And BitwiseAnd BitwiseNot BitwiseOr BitwiseXor ConstantOfShape CumSum Equal Expand EyeLike GatherElements GatherND
Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Mod Not Or Range ReduceMax ReduceMin ReduceProd ScatterElements
ScatterND Tile Trilu Where Xor
"""
LOGICAL = {"And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "Or", "Xor"}
FOLDED = frozenset(_NAMES.split())
"""Operators that are for constants alone, or have a handler for activations besides."""


def folded(call: Call) -> Constant | None:
    """The result, executed as the file's own node, when every input is a plain constant; None otherwise."""
    if call.op_type not in FOLDED | ELEMENTWISE or not call.inputs:
        return None
    arrays: list[np.ndarray | None] = []
    for value in call.inputs:
        if value is not None and (not isinstance(value, Constant) or value.step is not None):
            return None
        arrays.append(None if value is None else value.value)
    given = [array for array in arrays if array is not None]
    return computed(call, arrays, _size(call, given)) if given else None


@understands(ALL)
def on_activations(build: Builder, call: Call) -> Value:
    """Handle such an operator: of masks a function, unknown behind a refused node, refused otherwise."""
    if any(isinstance(value, Unknown) for value in call.inputs):
        return Unknown()
    if any(isinstance(value, Real) and value.integer for value in call.inputs):
        raise IDENTIFIERS
    if call.op_type in LOGICAL and any(mask_inputs.is_function(value, build) for value in call.inputs):
        return elementwise(build, mask_inputs.scalars(call))
    raise Refused("unsupported operator on activations", "use it on constants only")


def _size(call: Call, given: list[np.ndarray]) -> float:
    """A bound on the number of elements that come out."""
    op = call.op_type
    if op == "ConstantOfShape":
        return float(np.prod(given[0], dtype=float))
    if op == "Expand":
        return float(np.prod(np.broadcast_shapes(given[0].shape, tuple(map(int, given[1]))), dtype=float))
    if op == "Tile":
        return float(given[0].size) * prod(float(n) for n in given[1])
    if op == "Range":
        start, limit, delta = (float(array.reshape(())) for array in given)
        return abs((limit - start) / delta)
    if op == "GatherND":
        data, indices = given
        kept = data.shape[call.integer("batch_dims", 0) + indices.shape[-1] :]
        return prod(float(n) for n in (*indices.shape[:-1], *kept))
    if op == "GatherElements":
        return float(given[1].size)
    if op in ("CumSum", "EyeLike", "ScatterElements", "ScatterND", "Trilu") or op.startswith("Reduce"):
        return float(given[0].size)
    return broadcast_size(given)
