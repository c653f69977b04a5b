"""QONNX Quant: what an integer graph has for it depends on what is quantized.

Constants become integers, the model's input the graph's input, an edge a Rescale; real numbers that were computed
from an edge become the operator that gives their integers at once: Lookup, Softmax or Norm.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accel.onnx_import import entry, functions, linear, masks, norms, softmax
from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder
from accel.onnx_import.quantizers import Quantizer, per_channel, scale_of
from accel.onnx_import.values import (
    Call,
    Constant,
    Deferred,
    Edge,
    Function,
    Joined,
    Masked,
    Normalized,
    Probabilities,
    Real,
    Refused,
    Shared,
    Steps,
    Unknown,
    Value,
)
from accel.ops.position.op import Position
from accel.ops.rescale.op import Rescale
from accel.scales import are_powers_of_two


@understands("signed", "narrow", "rounding_mode")
def quant(build: Builder, call: Call) -> Value:
    return applied(build, call, call.inputs[0], Quantizer.of(call))


def bipolar(build: Builder, call: Call) -> Value:
    """The sign: −1 or 1, of 0 it is 1."""
    x, scale = call.take(2)
    return applied(build, call, x, Quantizer(scale_of(scale), 0, -1, 1, "half_even", signed=True, bipolar=True))


def applied(build: Builder, call: Call, x: Value | None, quantizer: Quantizer) -> Value:
    """Apply a quantizer to a constant, of the model's input (tensor 0 of the call) or of an activation."""
    if isinstance(x, Constant):
        return _constant(x, quantizer)
    if isinstance(x, Unknown | Steps | Shared | Joined) or x is None:
        return Unknown()
    masks.require_apart(x, quantizer.scale, quantizer.lo)
    if not quantizer.bipolar:
        quantizer.activation_rounding()
    elif isinstance(x, Masked | Probabilities | Normalized):
        raise Refused("takes the sign of a softmax or a norm", "use 2 or more bits, or unsigned 1 bit")
    scale = per_channel(x.layout, quantizer.scale)
    if isinstance(x, Deferred) and call.tensors[0]:
        return _once(build, call, x, quantizer, scale)
    return _made(build, call, x, quantizer, scale)


def _once(build: Builder, call: Call, x: Deferred, quantizer: Quantizer, scale: np.ndarray) -> Edge:
    """The integers of a tensor that several equal quantizers read, one for each reader, are made by one operator."""
    parameters = (quantizer.zero, quantizer.lo, quantizer.hi, quantizer.rounding, quantizer.signed, quantizer.bipolar)
    key = (call.tensors[0], scale.tobytes(), *parameters)
    if key not in build.made:
        build.made[key] = _made(build, call, x, quantizer, scale)
    return build.made[key]


def _made(build: Builder, call: Call, x: Real | Edge | Deferred, quantizer: Quantizer, scale: np.ndarray) -> Edge:
    match x:
        case Real():
            return entry.quantized(build, call, x, quantizer, scale)
        case Edge():
            return (_signs if quantizer.bipolar else _rescale)(build, call, x, quantizer, scale)
        case Function():
            return functions.quantized(build, call, x, quantizer, scale)
        case Masked():
            edge = masks.below(build, call.name, x, float((quantizer.lo * scale).min()))
            return _rescale(build, call, replace(edge, layout=x.layout), quantizer, scale)
        case Probabilities():
            return softmax.quantized(build, call, x, quantizer, scale, quantizer.real_rounding())
        case Normalized():
            return norms.quantized(build, call, x, quantizer, scale, quantizer.real_rounding())


def _constant(x: Constant, quantizer: Quantizer) -> Constant:
    try:
        step = np.broadcast_to(quantizer.scale, x.value.shape)
    except ValueError:
        raise Refused("its scale does not fit the constant's shape", "export the model again") from None
    real = x.value if x.value.dtype.kind == "f" else x.value.astype(np.float32)
    return Constant((quantizer.integers(real) * step).astype(real.dtype), step)


def _rescale(build: Builder, call: Call, x: Edge, quantizer: Quantizer, scale: np.ndarray) -> Edge:
    have, lo = build.tensors[x.name], max(0, quantizer.lo) if x.relu else quantizer.lo
    if (x.scale == scale).all() and lo <= have.lo and have.hi <= quantizer.hi:
        return replace(x, relu=False, rest=None)  # quantizing integers that already are: the same edge
    build.require(build.error(x, scale))
    rounding, limits = quantizer.activation_rounding(), (quantizer.lo, quantizer.hi)
    if rounding is None:
        ties = any(are_powers_of_two(ratio) for ratio in np.atleast_1d(x.scale / scale))
        if ties or quantizer.rounding in ("toward_zero", "away"):
            return _around_zero_point(build, call, x, quantizer, scale)
        rounding = quantizer.real_rounding()
    return build.quantized(build.requantize(call.name, x, scale, limits, rounding, call.output), call.output)


def _signs(build: Builder, call: Call, x: Edge, quantizer: Quantizer, scale: np.ndarray) -> Edge:
    """1 where x ≥ 0, −1 elsewhere: the odd integer 2 · floor(x) + 1, clipped."""
    x = build.settled(x)
    shape = build.tensors[x.name].shape
    below = np.floor(np.zeros(shape) if x.rest is None else np.broadcast_to(x.rest, shape))
    odd = build.add(f"{call.name}/odd", Position(2 * below + 1, 2), (x,), x.scale / 2, x.layout, None)
    op = Rescale(np.ones(1), 0, "floor", quantizer.lo, quantizer.hi)
    return build.quantized(build.rescale(call.name, op, odd, scale, x.layout, call.output), call.output)


def _around_zero_point(build: Builder, call: Call, x: Edge, quantizer: Quantizer, scale: np.ndarray) -> Edge:
    """x + zero is rounded, as the file does it, and the zero point subtracted from the integers."""
    x = build.settled(x)
    shape, zero = build.tensors[x.name].shape, quantizer.zero
    shifted = linear.add_table(build, f"{call.name}/zero", x, np.full(shape, zero * scale), x.scale, None)
    limits = quantizer.lo + zero, quantizer.hi + zero
    edge = build.requantize(call.name, shifted, scale, limits, quantizer.rounding)
    result = build.add(f"{call.name}/shift", Position(np.full(shape, -zero)), (edge,), scale, x.layout, call.output)
    return build.quantized(result, call.output)
