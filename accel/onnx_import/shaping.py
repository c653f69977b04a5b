"""Reshape, Transpose and the like, on constants with numpy and on edges as layouts; pooling over tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

import numpy as np
from onnx import TensorProto, helper

from accel.onnx_import import functions, mask_inputs
from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder
from accel.onnx_import.contraction import contracted
from accel.onnx_import.layout import Layout
from accel.onnx_import.linear import RELAYOUT, is_unknown
from accel.onnx_import.source import MAX_ELEMENTS, to_array
from accel.onnx_import.values import (
    NORM_REMEDY,
    Call,
    Constant,
    Deferred,
    Edge,
    Real,
    Refused,
    Shared,
    Steps,
    Unknown,
    Value,
    maker,
)
from accel.ops.pool.op import Pool

AGAIN = "export the model again"
POOL = f"pool over all tokens or over channels; {NORM_REMEDY}"
FLOAT, DOUBLE, INT32, INT64 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT32, TensorProto.INT64


def shape_of(value: Value | None) -> tuple[int, ...]:
    if isinstance(value, Constant):
        return value.value.shape
    if isinstance(value, Edge | Shared | Real | Deferred):
        return value.layout.shape
    if isinstance(value, Steps):
        return shape_of(value.real)
    raise Refused("its input has no shape", AGAIN)


def moved(
    value: Value | None, arrays: Callable[[np.ndarray], np.ndarray], layouts: Callable[[Layout], Layout | None]
) -> Value:
    """A pure rearrangement: applied to the numbers of a constant or to the layout of an activation."""
    if isinstance(value, Constant):
        return value.moved(arrays)
    if isinstance(value, Edge | Shared | Real | Deferred):
        layout = layouts(value.layout)
        if layout is None:
            raise Refused(f"cuts {value.layout.shape} across tokens, heads or channels", RELAYOUT)
        return replace(value, layout=layout)
    return Unknown()


def numbers(value: Value | None, what: str) -> tuple[int, ...]:
    """A constant input that lists integers (a shape, axes)."""
    if not isinstance(value, Constant) or value.value.ndim > 1 or value.value.dtype.kind not in "iu":
        raise Refused(
            f"its {what} is not known at export: a dynamic shape", "export with fixed sizes, without dynamic axes"
        )
    return tuple(int(v) for v in np.atleast_1d(value.value))


def identity(build: Builder, call: Call) -> Value:
    return call.inputs[0] or Unknown()


@understands("ratio", "seed")
def dropout(build: Builder, call: Call) -> Value:
    """The identity, as long as the node is not in training mode, where it draws random numbers."""
    x, ratio, training = call.take(1, 3)
    if isinstance(training, Unknown):
        return training
    none = isinstance(ratio, Constant) and not ratio.value.any()
    inactive = training is None or (isinstance(training, Constant) and not training.value.any())
    if not none and not inactive:
        raise Refused("Dropout is in training mode: it draws random numbers", "export in eval()")
    return x or Unknown()


@understands("to")
def cast(build: Builder, call: Call) -> Value:
    """Between float types, or of identifiers, nothing happens; constants become what the file says (shapes, masks)."""
    to, value = call.integer("to"), call.inputs[0]
    if isinstance(value, Constant):
        return _cast(value, to)
    if isinstance(value, Unknown):
        return value
    if mask_inputs.is_function(value, build):
        return functions.elementwise(build, call)
    identifiers = isinstance(value, Real) and value.integer
    if to not in ((INT32, INT64) if identifiers else (FLOAT, DOUBLE)):
        raise Refused("casts to a type that rounds", "keep activations in float32")
    return value or Unknown()


def _cast(value: Constant, to: int) -> Constant:
    """Numbers below 32 bits of precision are rounded, and then kept as float32."""
    try:
        kind = np.dtype(helper.tensor_dtype_to_np_dtype(to))
        cast = value.value.astype(kind)
    except (KeyError, TypeError, ValueError):
        raise Refused("casts to a type that holds no numbers", "keep constants in float32 or integers") from None
    return Constant(cast if kind.kind in "iub" or kind.itemsize > 2 else cast.astype(np.float32), value.step)


def cast_like(build: Builder, call: Call) -> Value:
    """To the type of another tensor: activations are float32."""
    value, like = call.take(2)
    if not isinstance(value, Constant):
        return value or Unknown()
    kind = like.value.dtype if isinstance(like, Constant) else np.dtype(np.float32)
    return Constant(value.value.astype(kind), value.step)


@understands("value", "value_float", "value_int", "value_floats", "value_ints")
def constant(build: Builder, call: Call) -> Value:
    for name, wrap in (("value", to_array), ("value_float", np.float32), ("value_int", np.int64)):
        if name in call.attributes:
            return Constant(np.asarray(wrap(call.attributes[name])))
    for name, kind in (("value_floats", np.float32), ("value_ints", np.int64)):
        if name in call.attributes:
            return Constant(np.array(call.attributes[name], dtype=kind))
    raise Refused("holds no tensor", AGAIN)


@understands("start", "end")
def shape(build: Builder, call: Call) -> Value:
    if isinstance(call.inputs[0], Unknown):
        return Unknown()
    dims = shape_of(call.inputs[0])
    end = call.integer("end", len(dims))
    return Constant(np.array(dims[call.integer("start", 0) : end], dtype=np.int64))


@understands("perm")
def transpose(build: Builder, call: Call) -> Value:
    (x,) = call.take(1)
    if isinstance(x, Unknown):
        return x
    rank = len(shape_of(x))
    perm = call.integers("perm") or tuple(reversed(range(rank)))
    if sorted(perm) != list(range(rank)):
        raise Refused(f"perm {list(perm)[:8]} does not fit {rank} axes", AGAIN)
    return moved(x, lambda a: a.transpose(perm), lambda layout: layout.transposed(perm))


@understands("allowzero")
def reshape(build: Builder, call: Call) -> Value:
    x, target = call.take(2)
    if isinstance(x, Unknown) or isinstance(target, Unknown):
        return Unknown()
    have, wanted = shape_of(x), list(numbers(target, "target shape"))
    if not call.flag("allowzero", 0):
        wanted = [have[i] if size == 0 and i < len(have) else size for i, size in enumerate(wanted)]
    if wanted.count(-1) == 1:
        known = prod(size for size in wanted if size != -1)
        wanted[wanted.index(-1)] = prod(have) // known if known > 0 else 0
    return resized(x, tuple(wanted))


@understands("axis")
def flatten(build: Builder, call: Call) -> Value:
    (x,) = call.take(1)
    if isinstance(x, Unknown):
        return x
    have, axis = shape_of(x), call.integer("axis", 1)
    return resized(x, (prod(have[:axis]), prod(have[axis:])))


@understands("axes")
def squeeze(build: Builder, call: Call) -> Value:
    x, axes = call.take(1, 2)
    if isinstance(x, Unknown):
        return x
    have = shape_of(x)
    chosen = _axes(call, axes, len(have)) or tuple(i for i, size in enumerate(have) if size == 1)
    if any(have[i] != 1 for i in chosen):
        raise Refused("removes an axis that is not 1", AGAIN)
    return resized(x, tuple(size for i, size in enumerate(have) if i not in chosen))


@understands("axes")
def unsqueeze(build: Builder, call: Call) -> Value:
    x, axes = call.take(1, 2)
    if isinstance(x, Unknown):
        return x
    have = shape_of(x)
    given = numbers(axes, "axes") if axes is not None else call.integers("axes") or ()
    rank = len(have) + len(given)
    chosen = _normalized(given, rank)
    rest = iter(have)
    return resized(x, tuple(1 if i in chosen else next(rest) for i in range(rank)))


def _axes(call: Call, given: Value | None, rank: int) -> tuple[int, ...]:
    """Axes as an input (newer opsets) or an attribute, counted from 0; empty when absent."""
    return _normalized(numbers(given, "axes") if given is not None else call.integers("axes") or (), rank)


def _normalized(axes: tuple[int, ...], rank: int) -> tuple[int, ...]:
    if any(not -rank <= axis < rank for axis in axes) or len({axis % rank for axis in axes}) != len(axes):
        raise Refused(f"axes {list(axes)[:8]} do not fit {rank} axes", AGAIN)
    return tuple(axis % rank for axis in axes)


def resized(x: Value | None, wanted: tuple[int, ...]) -> Value:
    """The same numbers in another shape."""
    have = shape_of(x)
    if len(wanted) > 16 or min(wanted, default=1) < 1 or prod(wanted) != prod(have) or prod(have) > MAX_ELEMENTS:
        raise Refused(f"cannot turn {have} into {wanted[:16]}", "export with fixed sizes and a consistent batch size")
    return moved(x, lambda a: a.reshape(wanted), lambda layout: layout.reshaped(wanted))


@understands("axes", "keepdims", "noop_with_empty_axes")
def reduce_sum(build: Builder, call: Call) -> Value:
    return _pooled(build, call, False)


@understands("axes", "keepdims", "noop_with_empty_axes")
def reduce_mean(build: Builder, call: Call) -> Value:
    return _pooled(build, call, True)


def global_average_pool(build: Builder, call: Call) -> Value:
    """The mean over all axes behind (batch, channels)."""
    (x,) = call.take(1)
    if is_unknown(x):
        return Unknown()
    edge = _activation(x)
    return _summed(build, call, edge, tuple(range(2, len(edge.layout.axes))), True, True)


def _pooled(build: Builder, call: Call, mean: bool) -> Value:
    x, given = call.take(1, 2)
    if isinstance(x, Deferred):
        raise Refused(f"reduces what no quantizer stands behind, the numbers of {maker(x)}", POOL)
    if is_unknown(x, given):
        return Unknown()
    edge = _activation(x)
    axes = _axes(call, given, len(edge.layout.axes))
    if not axes and call.flag("noop_with_empty_axes", 0):
        return edge
    return _summed(build, call, edge, axes or tuple(range(len(edge.layout.axes))), mean, call.flag("keepdims", 1))


def _activation(x: Value | None) -> Edge:
    if not isinstance(x, Edge):
        raise Refused("reduces a constant", "fold constants before exporting (qonnx cleanup)")
    return x


def _summed(build: Builder, call: Call, x: Edge, axes: tuple[int, ...], mean: bool, keep: bool) -> Edge:
    """The sum over all tokens, or over channels; a mean is the sum at a smaller scale."""
    axes = tuple(axis for axis in axes if x.layout.axes[axis]) or axes
    gone = {f.role for i in axes for f in x.layout.axes[i]}
    layout = Layout(tuple(() if i in axes else axis for i, axis in enumerate(x.layout.axes)))
    count = prod(x.layout.shape[i] for i in axes) if mean else 1
    if gone == {"channel"}:
        y = _over_channels(build, call, x, axes)
    elif not gone:
        y = x
    elif gone == {"token"} and layout.size("token") == 1:
        x = build.settled(x)
        y = build.add(call.name, Pool(), (x,), x.scale, layout, None)
    else:
        raise Refused("reduces over some tokens, or over tokens and channels at once", POOL)
    if not keep:
        layout = Layout(tuple(axis for i, axis in enumerate(layout.axes) if i not in axes))
    layout = layout if gone != {"channel"} else layout.packed("channel")
    y = replace(y, layout=layout, scale=y.scale / count)
    if gone:
        build.note(y, call.output)
    return y


def _over_channels(build: Builder, call: Call, x: Edge, axes: tuple[int, ...]) -> Edge:
    """A product with ones."""
    labels = tuple(range(len(x.layout.axes)))
    ones = np.ones([x.layout.shape[axis] for axis in axes])
    kept = tuple(label for label in labels if label not in axes)
    return contracted(build, call, x, labels, Constant(ones, ones), axes, kept)
