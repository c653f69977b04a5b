"""Arithmetic on constants, as exporters write it for shapes, masks and positions: computed at import."""

from __future__ import annotations

import numpy as np

from accel.onnx_import.builder import Builder
from accel.onnx_import.functions import execute
from accel.onnx_import.source import MAX_ELEMENTS
from accel.onnx_import.values import Call, Constant, Refused, Unknown, Value

#: Operators that no edge passes.
_NAMES = """
And ConstantOfShape CumSum Equal Expand Greater GreaterOrEqual Less LessOrEqual Mod Not Or Range Slice Trilu Xor
"""
FOLDED = frozenset(_NAMES.split())


def fold(build: Builder, call: Call) -> Value:
    """The node's output when all its inputs are constants. Raises Refused otherwise."""
    if any(isinstance(value, Unknown) for value in call.inputs):
        return Unknown()
    arrays = [value.value if isinstance(value, Constant) else None for value in call.inputs]
    if any(value is not None and array is None for value, array in zip(call.inputs, arrays, strict=True)):
        raise Refused("unsupported operator on activations", "use it on constants only")
    given = [array for array in arrays if array is not None]
    if _size(call.op_type, given) > MAX_ELEMENTS:
        raise Refused(f"makes a constant of more than {MAX_ELEMENTS} elements", "export the model again")
    return Constant(execute(call, arrays))


def _size(op: str, given: list[np.ndarray]) -> float:
    """A bound on the number of elements that come out."""
    if op == "ConstantOfShape":
        return float(np.prod(given[0], dtype=float))
    if op == "Expand":
        return float(np.prod(np.broadcast_shapes(given[0].shape, tuple(map(int, given[1]))), dtype=float))
    if op == "Range":
        start, limit, delta = (float(array.reshape(())) for array in given)
        return abs((limit - start) / delta)
    if op in ("CumSum", "Slice", "Trilu"):
        return float(given[0].size)
    return float(np.prod(np.broadcast_shapes(*(array.shape for array in given)), dtype=float))
