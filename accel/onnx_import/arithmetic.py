"""Add, Sub, Mul and Div: of edges, of an edge and constants, and within functions, masks and norms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from accel.building import common
from accel.onnx_import import channels, entry, functions, linear, mask_inputs, masks, norms, rotary, sharing
from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder
from accel.onnx_import.linear import is_unknown
from accel.onnx_import.quantizers import per_channel
from accel.onnx_import.values import (
    NORM_REMEDY,
    STATISTICS_REMEDY,
    Call,
    Constant,
    Edge,
    Function,
    Masked,
    Normalized,
    Real,
    Refused,
    Shared,
    Unknown,
    Value,
    rows_of,
)

DIVIDE = f"multiply by a quantized reciprocal; {STATISTICS_REMEDY}; {NORM_REMEDY}"
Combine = Callable[[Builder, Call, Edge, Edge], Edge]

NOT_FINITE = Refused("its constant holds NaN or infinity", "train or export the model again")


def add(build: Builder, call: Call) -> Value:
    a, b = call.take(2)
    if isinstance(b, Constant):
        return _plus(build, call, a, b, 0)
    if isinstance(a, Constant):
        return _plus(build, call, b, a, 1)
    if isinstance(a, Edge) and isinstance(b, Edge):
        return linear.add_edges(build, call, a, b)
    if masked := mask_inputs.added(build, call, a, b) or mask_inputs.added(build, call, b, a):
        return masked
    return _combined(build, call, a, b, linear.add_edges)


def _combined(build: Builder, call: Call, a: Value | None, b: Value | None, make: Combine) -> Value:
    """Two activations: of one edge a function, which a quantizer rounds once; else, and for other readers, an edge."""

    def made() -> Edge | None:
        first, second = (
            functions.as_edge(build, value) if isinstance(value, Edge | Function) else None for value in (a, b)
        )
        return None if first is None or second is None else make(build, call, first, second)

    if isinstance(a, Edge | Function) and isinstance(b, Edge | Function) and not functions.of_one_edge(build, a, b):
        edge = made()
        if edge is not None:
            return edge
    return _function(build, call, made)


def _function(build: Builder, call: Call, made: Callable[[], Edge | None]) -> Value:
    """The node as a function of an edge, and what makes an edge of it for readers that need one."""
    found = functions.elementwise(build, call)
    if not isinstance(found, Function):
        return found
    layout = found.layout

    def arranged() -> Edge | None:
        edge = made()
        return None if edge is None else channels.arranged(build, call.name, edge, layout)

    return replace(found, made=arranged)


def total(build: Builder, call: Call) -> Value:
    """The sum of any number of operands, one after the other; only the last sum is a tensor of the file."""
    x, *rest = call.take(1, max(1, len(call.inputs)))
    for number, other in enumerate(rest, 1):
        inputs, tensors, uses = (x, other), ("", call.tensors[number]), (1, call.uses[number])
        if number == 1:
            tensors, uses = (call.tensors[0], tensors[1]), (call.uses[0], uses[1])
        outputs = call.outputs if number == len(rest) else ()
        x = add(build, replace(call, inputs=inputs, tensors=tensors, uses=uses, outputs=outputs))
    assert x is not None
    return x


def subtract(build: Builder, call: Call) -> Value:
    a, b = call.take(2)
    if isinstance(b, Constant) and not isinstance(a, Constant):
        return _plus(build, call, a, Constant(-b.value, b.step), 0)
    if isinstance(a, Edge) and isinstance(b, Edge) and a.name != b.name:
        return _difference(build, call, a, b)
    if masked := mask_inputs.added(build, call, a, b, -1):
        return masked
    return _combined(build, call, a, b, _difference)


def _difference(build: Builder, call: Call, a: Edge, b: Edge) -> Edge:
    return linear.add_edges(build, call, a, rotary.negative(build, f"{call.name}/negative", b))


def multiply(build: Builder, call: Call) -> Value:
    a, b = call.take(2)
    if isinstance(a, Constant) and (not isinstance(b, Constant) or a.step is None):
        a, b = b, a
    if isinstance(b, Constant):
        return _times(build, call, a, b, False)
    return _combined(build, call, a, b, linear.multiply_edges)


@understands()
def power(build: Builder, call: Call) -> Value:
    """Squares and cubes are products; any other power is a function of real numbers."""
    x, exponent = call.take(2)
    times = float(exponent.value.reshape(())) if isinstance(exponent, Constant) and exponent.value.size == 1 else 0.0
    if not isinstance(x, Edge | Function) or times not in (2, 3):
        return functions.elementwise(build, call)

    def made() -> Edge | None:
        edge = functions.as_edge(build, x)
        if edge is None or times == 2:
            return None if edge is None else linear.multiply_edges(build, call, edge, edge)
        square = linear.multiply_edges(build, replace(call, outputs=()), edge, edge)
        return linear.multiply_edges(build, call, square, edge)

    return _function(build, call, made)


def divide(build: Builder, call: Call) -> Value:
    a, b = call.take(2)
    if isinstance(b, Constant):
        return _times(build, call, a, b, True)
    if isinstance(a, Edge | Function) and isinstance(b, Edge | Function) and not functions.of_one_edge(build, a, b):
        raise Refused("divides two activations", DIVIDE)
    return functions.elementwise(build, call)


def _plus(build: Builder, call: Call, x: Value | None, constant: Constant, index: int) -> Value:
    """x, the node's input `index`, and a constant."""
    if isinstance(x, Real):
        return entry.plus(x, constant.value)
    if isinstance(x, Edge | Masked) and masks.is_mask(constant.value):
        return masks.masked(x, constant.value != 0)
    if isinstance(x, Edge):
        total = linear.add_constant(build, call, x, constant, call.only_reader(index))
        if constant.value.size == 1 and total.name != x.name:
            build.offsets[total.name] = x, total, float(constant.value.reshape(()))
        return total
    if isinstance(x, Normalized):
        return norms.shifted(x, constant.value)

    def made() -> Edge | None:
        edge = functions.as_edge(build, x) if isinstance(x, Function) else None
        return None if edge is None else linear.add_constant(build, call, edge, constant, None)

    return (made() if constant.value.size > 1 else None) or _function(build, call, made)


def _times(build: Builder, call: Call, x: Value | None, by: Constant, inverse: bool) -> Value:
    """A positive factor changes only what the integers of an edge mean; others make a function of it."""
    factor = by.value.astype(np.float64)
    if not factor.size or not np.isfinite(factor).all() or (inverse and not factor.all()):
        raise Refused("divides by 0", "remove the division") if np.isfinite(factor).all() else NOT_FINITE
    factor = 1 / factor if inverse else factor
    if isinstance(x, Real):
        return entry.times(x, factor)
    if isinstance(x, Normalized):
        return norms.scaled(x, factor)
    if isinstance(x, Edge) and factor.size > 1:
        rows = rows_of(x.layout, factor)
        if (rows != rows[:1]).any():
            return rotary.by_table(build, call, x, Constant(factor, None if inverse else by.step))
        return _scaled_per_channel(build, call, x, per_channel(x.layout, factor))
    if isinstance(x, Function) or (isinstance(x, Edge) and (factor <= 0).any()):
        return _scaled(build, call, x, by, factor, inverse)
    if (factor <= 0).any() or not isinstance(x, Edge | Masked | Constant):
        return functions.elementwise(build, call)
    if isinstance(x, Edge):
        return replace(x, scale=common(x.scale * factor.reshape(())))
    if isinstance(x, Masked):
        return replace(x, edge=replace(x.edge, scale=x.edge.scale * float(factor.reshape(()))))
    if x.step is None or np.broadcast_shapes(x.value.shape, factor.shape) != x.value.shape:
        return functions.elementwise(build, call)
    return Constant(x.value * factor.astype(x.value.dtype), x.step * factor)


def _scaled(build: Builder, call: Call, x: Edge | Function, by: Constant, factor: np.ndarray, inverse: bool) -> Value:
    """A function times constants, or an edge times a number that is not positive."""

    def made() -> Edge | None:
        edge, number = functions.as_edge(build, x), float(factor.reshape(-1)[0])
        if edge is None or not number:
            return None
        edge = edge if number > 0 else rotary.negative(build, call.name, edge)
        return replace(edge, scale=common(edge.scale * abs(number)))

    if factor.size > 1 and (edge := functions.as_edge(build, x)) is not None:
        return _times(build, call, edge, by, inverse)
    return _function(build, call, made)


def _scaled_per_channel(build: Builder, call: Call, x: Edge, factor: np.ndarray) -> Edge:
    """The factors' size goes to the scale, their sign to the weights before it. `factor` is () or (channels,)."""
    if factor.ndim:
        x = linear.with_signs(build, call, x, np.sign(factor))
    elif factor <= 0:
        x = linear.with_signs(build, call, x, np.full(x.layout.size("channel"), np.sign(factor)))
    return replace(x, scale=common(x.scale * np.where(factor == 0, 1.0, np.abs(factor))))


def negate(build: Builder, call: Call) -> Value:
    """Channels that nothing has read yet keep their signs beside them."""
    (x,) = call.take(1)
    if isinstance(x, Shared) and not x.repeats:
        return replace(x, signs=-np.ones(len(x.order), dtype=int) if x.signs is None else -x.signs, origin=None)
    if isinstance(x, Shared):
        x = sharing.read(build, x)
        call = replace(call, inputs=(x,))

    def made() -> Edge | None:
        edge = functions.as_edge(build, x) if isinstance(x, Edge | Function) else None
        return None if edge is None else rotary.negative(build, call.name, edge)

    return _function(build, call, made)


@understands("epsilon", "momentum", "training_mode")
def batch_normalization(build: Builder, call: Call) -> Value:
    """factor · x + offset per channel, with the factors' size in the scale and their sign in the weights before it."""
    x, *given = call.take(5)
    if is_unknown(x, *given):
        return Unknown()
    if call.flag("training_mode", 0):
        raise Refused("is in training mode: its statistics are computed at run time", "export in eval()")
    if not isinstance(x, Edge) or not all(isinstance(value, Constant) for value in given):
        raise Refused("its statistics are computed at run time", "export in eval()")
    gamma, beta, mean, variance = (value.value.astype(np.float64) for value in given if isinstance(value, Constant))
    rank = len(x.layout.axes)
    if rank < 2 or not x.layout.is_whole(1, "channel"):
        raise Refused("normalizes an axis that is not the channels", "transpose so that axis 1 is the channels")
    factor = gamma / np.sqrt(variance + call.number("epsilon", 1e-5))
    offset = beta - mean * factor
    if not (np.isfinite(factor).all() and np.isfinite(offset).all()) or factor.size != x.layout.size("channel"):
        raise Refused("its parameters are not one finite number per channel", "train or export the model again")
    scaled = _scaled_per_channel(build, call, x, factor)
    private = call.only_reader(0) if (factor > 0).all() else call.output
    return linear.add_constant(build, call, scaled, Constant(offset.reshape((-1,) + (1,) * (rank - 2))), private)
