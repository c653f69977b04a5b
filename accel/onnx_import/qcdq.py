"""QuantizeLinear → (Clip) → DequantizeLinear, read as the one quantizer that they are.

The file is not converted first: qonnx' QCDQToQuant leaves the Clip of Brevitas' narrow weights in place, and reshapes
scales that several quantizers share for all of them. So the file that qonnx executes is the one that was exported.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from accel.onnx_import import functions
from accel.onnx_import.builder import Builder
from accel.onnx_import.quant import applied
from accel.onnx_import.quantizers import Quantizer, scale_of
from accel.onnx_import.shaping import shape_of
from accel.onnx_import.values import Call, Constant, Deferred, Edge, Real, Refused, Steps, Unknown, Value

PAIRS = "export QuantizeLinear, Clip and DequantizeLinear one after the other (export_onnx_qcdq does)"


@dataclass(frozen=True)
class _Parameters:
    """Scale that broadcasts to the data, integer zero point and the range of the integer type."""

    scale: np.ndarray
    zero: int
    lo: int
    hi: int

    @classmethod
    def of(cls, call: Call, scale: Value | None, zero: Value | None, shape: tuple[int, ...]) -> _Parameters:
        step = scale_of(scale)
        point = Constant(np.zeros((), dtype=np.uint8)) if zero is None else zero
        if not isinstance(point, Constant) or point.value.dtype.kind not in "iu":
            raise Refused("its zero point is no integer constant", PAIRS)
        if (point.value != point.value.reshape(-1)[:1]).any():
            raise Refused("its zero point differs between channels", "use one zero point, best 0")
        if step.size > 1:
            axis = call.integer("axis", 1)
            if step.ndim != 1 or not -len(shape) <= axis < len(shape) or step.size != shape[axis]:
                raise Refused(f"its scale of shape {step.shape} does not fit {shape}", "export the model again")
            step = step.reshape([-1 if i == axis % len(shape) else 1 for i in range(len(shape))])
        limits = np.iinfo(point.value.dtype)
        return cls(
            step.reshape(()) if step.size == 1 else step, int(point.value.reshape(-1)[0]), limits.min, limits.max
        )


def quantize(build: Builder, call: Call) -> Value:
    x, scale, zero = call.take(2, 3)
    if x is None or any(isinstance(value, Unknown) for value in (x, scale, zero)):
        return Unknown()
    if not isinstance(x, Constant | Real | Edge | Deferred):
        raise Refused("quantizes what is quantized already", PAIRS)
    found = _Parameters.of(call, scale, zero, shape_of(x))
    return Steps(x, call.tensors[0], found.scale, found.zero, found.lo, found.hi)


def clip(build: Builder, call: Call) -> Value:
    """Between QuantizeLinear and DequantizeLinear, or of integer constants; any other one is a function of a number."""
    x, *bounds = call.take(1, 3)
    if any(isinstance(value, Unknown) for value in (x, *bounds)):
        return Unknown()
    integer = isinstance(x, Constant) and x.value.dtype.kind in "iu"
    if not isinstance(x, Steps) and not integer:
        return functions.elementwise(build, call)
    if any(value is not None and (not isinstance(value, Constant) or value.value.size != 1) for value in bounds):
        raise Refused("its bounds are no constant numbers", PAIRS)
    low, high = (int(value.value.reshape(())) if isinstance(value, Constant) else None for value in bounds)
    if isinstance(x, Steps):
        return replace(x, lo=max(x.lo, x.lo if low is None else low), hi=min(x.hi, x.hi if high is None else high))
    assert isinstance(x, Constant)
    return Constant(x.value if low is None and high is None else np.clip(x.value, low, high))


def dequantize(build: Builder, call: Call) -> Value:
    x, scale, zero = call.take(2, 3)
    if x is None or any(isinstance(value, Unknown) for value in (x, scale, zero)):
        return Unknown()
    if isinstance(x, Constant) and x.value.dtype.kind in "iu":
        found = _Parameters.of(call, scale, zero, x.value.shape)
        step = np.broadcast_to(found.scale, x.value.shape)
        return Constant((x.value.astype(np.float64) - found.zero) * step, step)
    if not isinstance(x, Steps):
        raise Refused("dequantizes what no QuantizeLinear has made", PAIRS)
    found = _Parameters.of(call, scale, zero, shape_of(x.real))
    if found.zero != x.zero or found.scale.shape != x.scale.shape or (found.scale != x.scale).any():
        raise Refused("its scale or zero point is not its QuantizeLinear's", PAIRS)
    quantizer = Quantizer(
        x.scale, 0, x.lo - x.zero, x.hi - x.zero, "half_even", True, False
    )  # rounds before it adds the zero
    return applied(build, replace(call, tensors=(x.tensor,)), x.real, quantizer)
