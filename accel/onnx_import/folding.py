"""Nodes whose inputs are all known at export: shape arithmetic, masks and scales as torch writes them, with numpy.

Only plain constants are folded; quantised ones keep their steps through the handlers that move elements.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from accel.onnx_import.source import MAX_ELEMENTS, to_array
from accel.onnx_import.values import Call, Constant, Refused, Value

Arrays = tuple[np.ndarray, ...]


def folded(call: Call) -> Constant | None:
    """The result, when every input is a plain constant and the operator one of the table."""
    fold = FOLDS.get(call.op_type)
    inputs: list[Value] = [value for value in call.inputs if value is not None]
    arrays = tuple(value.value for value in inputs if isinstance(value, Constant) and value.step is None)
    if fold is None or len(arrays) != len(call.inputs) or not arrays:
        return None
    with np.errstate(all="ignore"):
        result = np.asarray(fold(call, arrays))
    return Constant(result.astype(arrays[0].dtype) if call.op_type in _KEEP else result)


def _elementwise(function: Callable[..., np.ndarray]) -> Callable[[Call, Arrays], np.ndarray]:
    def fold(call: Call, arrays: Arrays) -> np.ndarray:
        checked_shape(np.broadcast_shapes(*(array.shape for array in arrays)))
        return function(*arrays)

    return fold


def checked_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that is worth holding. Raises Refused."""
    if prod(shape) > MAX_ELEMENTS or min(shape, default=1) < 0 or len(shape) > 16:
        raise Refused(f"makes a constant of shape {shape[:16]}", f"at most {MAX_ELEMENTS} elements are held")
    return shape


def _divided(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Integers are divided toward zero."""
    if a.dtype.kind in "iu":
        if not b.all():
            raise Refused("divides by 0", "export the model again")
        return np.asarray(np.trunc(a / b))
    return np.asarray(a / b)


def _expanded(_: Call, arrays: Arrays) -> np.ndarray:
    value, shape = arrays
    wanted = np.broadcast_shapes(value.shape, checked_shape(tuple(map(int, shape))))
    return np.broadcast_to(value, checked_shape(wanted))


def _tiled(_: Call, arrays: Arrays) -> np.ndarray:
    value, times = arrays
    checked_shape(tuple(size * int(n) for size, n in zip(value.shape, times, strict=True)))
    return np.tile(value, tuple(map(int, times)))


def _filled(call: Call, arrays: Arrays) -> np.ndarray:
    shape = checked_shape(tuple(map(int, arrays[0].reshape(-1))))
    value = to_array(call.attributes["value"]) if "value" in call.attributes else np.zeros(1, dtype=np.float32)
    return np.full(shape, value.reshape(-1)[0])


def _counted(_: Call, arrays: Arrays) -> np.ndarray:
    start, limit, step = (array.reshape(()).item() for array in arrays)
    if not step:
        raise Refused("counts in steps of 0", "export the model again")
    (count,) = checked_shape((max(0, int(np.ceil((limit - start) / step))),))
    return start + step * np.arange(count)


_KEEP = {"Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Neg", "Reciprocal", "Range"}
"""Operators whose result has the type of their first input."""

FOLDS: dict[str, Callable[[Call, Arrays], np.ndarray]] = {
    "Add": _elementwise(np.add),
    "Sub": _elementwise(np.subtract),
    "Mul": _elementwise(np.multiply),
    "Div": _elementwise(_divided),
    "Pow": _elementwise(np.power),
    "Sqrt": _elementwise(np.sqrt),
    "Neg": _elementwise(np.negative),
    "Reciprocal": _elementwise(np.reciprocal),
    "Equal": _elementwise(np.equal),
    "Less": _elementwise(np.less),
    "Greater": _elementwise(np.greater),
    "Not": _elementwise(np.logical_not),
    "And": _elementwise(np.logical_and),
    "Or": _elementwise(np.logical_or),
    "Where": _elementwise(np.where),
    "Expand": _expanded,
    "Tile": _tiled,
    "ConstantOfShape": _filled,
    "Range": _counted,
}
