"""QuantizeLinear → (Clip) → DequantizeLinear, read as the one quantizer that they are.

The file is not converted first: qonnx' QCDQToQuant leaves the Clip of Brevitas' narrow weights in place, and reshapes
scales that several quantizers share for all of them. So the file that qonnx executes is the one that was exported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import ml_dtypes
import numpy as np

from accel.onnx_import import functions
from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder
from accel.onnx_import.norms import FLOAT
from accel.onnx_import.quant import applied
from accel.onnx_import.quantizers import Quantizer, scale_of
from accel.onnx_import.shaping import shape_of
from accel.onnx_import.sharing import repeated
from accel.onnx_import.source import is_integer
from accel.onnx_import.values import Call, Constant, Deferred, Edge, Real, Refused, Shared, Steps, Unknown, Value

PAIRS = "export QuantizeLinear, Clip and DequantizeLinear one after the other (export_onnx_qcdq does)"


@dataclass(frozen=True)
class _Parameters:
    """Scale and zero point, both broadcast to the data, and the range of the integer type."""

    scale: np.ndarray
    zero: np.ndarray
    lo: int
    hi: int

    @classmethod
    def of(cls, call: Call, scale: Value | None, zero: Value | None, shape: tuple[int, ...]) -> _Parameters:
        step = scale_of(scale)
        point = Constant(np.zeros((), _integer_type(call))) if zero is None else zero
        if not isinstance(point, Constant) or not is_integer(point.value):
            raise Refused("its zero point is no integer constant", PAIRS)
        if point.value.size not in (1, step.size):
            raise Refused(f"its zero point has shape {point.value.shape}, its scale {step.shape}", "export it again")
        limits = ml_dtypes.iinfo(point.value.dtype)  # type: ignore[no-untyped-call]
        zeros = point.value.astype(np.int64)
        return cls(_spread(call, step, shape), _spread(call, zeros, shape), int(limits.min), int(limits.max))

    def point(self) -> int:
        """The zero point of an activation. Raises Refused when its channels have different ones."""
        if (self.zero != self.zero.reshape(-1)[:1]).any():
            raise Refused("its zero point differs between channels", "use one zero point, best 0")
        return int(self.zero.reshape(-1)[0])


def _spread(call: Call, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """One number, one per place of an axis or one per block of places, as an array that broadcasts to `shape`."""
    if array.size == 1:
        return array.reshape(())
    axis, block = call.integer("axis", 1), call.integer("block_size", 0)
    misfit = Refused(f"its scale of shape {array.shape} does not fit {shape}", "export the model again")
    if not -len(shape) <= axis < len(shape):
        raise misfit
    axis %= len(shape)
    if block > 0:
        blocks = tuple(-(-size // block) if i == axis else size for i, size in enumerate(shape))
        if array.shape != blocks:
            raise misfit
        return array.repeat(block, axis).take(np.arange(shape[axis]), axis)
    if array.ndim != 1 or array.size != shape[axis]:
        raise misfit
    return array.reshape([-1 if i == axis else 1 for i in range(len(shape))])


TYPES: dict[int, type] = {
    2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 21: ml_dtypes.uint4, 22: ml_dtypes.int4,
}  # fmt: skip
"""ONNX' number of an integer type that QuantizeLinear gives."""


def _integer_type(call: Call) -> type:
    """Integer type of a quantizer without a zero point. A DequantizeLinear names its real output type instead."""
    chosen = call.integer("output_dtype", 0) if call.op_type == "QuantizeLinear" else 0
    if chosen not in (0, *TYPES):
        raise Refused(f"gives the type of number {chosen} (output_dtype)", "quantize to int8, uint8, int16 or uint16")
    return TYPES.get(chosen, np.uint8)


def _check_types(call: Call, zero: Value | None) -> None:
    """Raise Refused where an attribute asks for another type than that of the zero point, or than float32."""
    real = ("precision", "output_dtype")[call.op_type == "DequantizeLinear"]
    if call.integer(real, 0) not in (0, FLOAT):
        raise Refused(f"computes in another type than float32 ({real})", "export in float32")
    if call.op_type == "DequantizeLinear" or not call.integer("output_dtype", 0) or not isinstance(zero, Constant):
        return
    if zero.value.dtype != _integer_type(call):
        raise Refused(f"its zero point is {zero.value.dtype} and its output_dtype is not", "export the model again")


@understands("axis", "block_size", "output_dtype", "precision")
def quantize(build: Builder, call: Call) -> Value:
    x, scale, zero = call.take(2, 3)
    if x is None or any(isinstance(value, Unknown) for value in (x, scale, zero)):
        return Unknown()
    if not isinstance(x, Constant | Real | Edge | Deferred):
        raise Refused("quantizes what is quantized already", PAIRS)
    _check_types(call, zero)
    found = _Parameters.of(call, scale, zero, shape_of(x))
    return Steps(x, call.tensors[0], found.scale, found.point(), found.lo, found.hi)


@understands("min", "max")
def clip(build: Builder, call: Call) -> Value:
    """Between QuantizeLinear and DequantizeLinear, or of integer constants; any other one is a function of a number."""
    x, *bounds = call.take(1, 3)
    if any(isinstance(value, Unknown) for value in (x, *bounds)):
        return Unknown()
    integer = isinstance(x, Constant) and is_integer(x.value)
    if not isinstance(x, Steps) and not integer:
        return functions.elementwise(build, call)
    if call.attributes or any(
        value is not None and (not isinstance(value, Constant) or value.value.size != 1) for value in bounds
    ):
        raise Refused("its bounds are no constant numbers", PAIRS)
    low, high = (int(value.value.reshape(())) if isinstance(value, Constant) else None for value in bounds)
    if isinstance(x, Steps):
        return replace(x, lo=max(x.lo, x.lo if low is None else low), hi=min(x.hi, x.hi if high is None else high))
    assert isinstance(x, Constant)
    return Constant(x.value if low is None and high is None else np.clip(x.value, low, high))


@understands("axis", "block_size", "output_dtype")
def dequantize(build: Builder, call: Call) -> Value:
    x, scale, zero = call.take(2, 3)
    if x is None or any(isinstance(value, Unknown) for value in (x, scale, zero)):
        return Unknown()
    _check_types(call, zero)
    if isinstance(x, Constant) and is_integer(x.value):
        found = _Parameters.of(call, scale, zero, x.value.shape)
        step = np.broadcast_to(found.scale, x.value.shape)
        return Constant((x.value.astype(np.float64) - found.zero) * step, step)
    if not isinstance(x, Steps):
        raise Refused("dequantizes what no QuantizeLinear has made", PAIRS)
    found = _Parameters.of(call, scale, zero, shape_of(x))
    same = np.broadcast_to(found.scale, shape_of(x)) == np.broadcast_to(x.scale, shape_of(x))
    if found.point() != x.zero or not same.all():
        raise Refused("its scale or zero point is not its QuantizeLinear's", PAIRS)
    return _quantized(build, call, x)


def _quantized(build: Builder, call: Call, x: Steps) -> Value:
    """The quantizer that QuantizeLinear and Clip are, applied; it rounds before it adds the zero."""
    quantizer = Quantizer(x.scale, 0, x.lo - x.zero, x.hi - x.zero, "half_even", True, False)
    result = applied(build, replace(call, tensors=(x.tensor,)), x.real, quantizer)
    if isinstance(result, Edge) and result.name not in build.origins:
        build.quantized(result, call.output)
    return result


# ---- integers that are moved between QuantizeLinear and DequantizeLinear


def moved(
    build: Builder, handler: Callable[[Builder, Call], Value | tuple[Value, ...]], call: Call
) -> tuple[Value, ...]:
    """Move integers by a node that only moves elements: it moves the real numbers that they stand for.

    So these are quantized in front of it. No tensor of the file holds them as reals before DequantizeLinear.
    """
    given = [value for value in call.inputs if isinstance(value, Steps)]
    first = given[0]
    if any((other.zero, other.lo, other.hi) != (first.zero, first.lo, first.hi) for other in given):
        raise Refused("joins integers of different quantizers", PAIRS)
    reals = _outputs(handler(build, replace(call, inputs=tuple(_real(build, call, v, first) for v in call.inputs))))
    reals = tuple(repeated(build, real) if isinstance(real, Shared) else real for real in reals)
    scales = _outputs(handler(build, replace(call, inputs=tuple(_scale(call, value, first) for value in call.inputs))))
    build.origins = {name: origin for name, origin in build.origins.items() if origin.tensor not in call.outputs}
    return tuple(
        replace(first, real=real, tensor=name, scale=scale.value)
        if isinstance(scale, Constant) and isinstance(real, Constant | Edge)
        else Unknown()
        for name, real, scale in zip(call.outputs, reals, scales, strict=False)
    )


def _outputs(result: Value | tuple[Value, ...]) -> tuple[Value, ...]:
    return result if isinstance(result, tuple) else (result,)


def _real(build: Builder, call: Call, value: Value | None, like: Steps) -> Value | None:
    """An operand as real numbers. Constants that Concat puts beside activations are integers of the same quantizer."""
    if isinstance(value, Steps):
        return _quantized(build, replace(call, outputs=()), value)
    if call.op_type != "Concat" or not isinstance(value, Constant):
        return value
    if like.scale.size > 1:
        raise Refused("joins constants with integers of a scale per channel", PAIRS)
    step = np.broadcast_to(like.scale, value.value.shape)
    return Constant((value.value.astype(np.float64) - like.zero) * step, step)


def _scale(call: Call, value: Value | None, like: Steps) -> Value | None:
    """The scale of every element of an operand."""
    if isinstance(value, Steps) or (call.op_type == "Concat" and isinstance(value, Constant)):
        scale = value.scale if isinstance(value, Steps) else like.scale
        return Constant(np.broadcast_to(scale, shape_of(value)))
    return value
