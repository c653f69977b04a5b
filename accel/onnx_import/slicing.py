"""Slice, Split and Gather of activations: tokens become a Window, channels are chosen where they are made."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, pairwise
from math import prod

import numpy as np

from accel.onnx_import import channels, mask_inputs
from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder
from accel.onnx_import.embedding import embedding
from accel.onnx_import.layout import Layout, axis_of
from accel.onnx_import.linear import RELAYOUT, is_unknown
from accel.onnx_import.reordering import picked
from accel.onnx_import.shaping import AGAIN, numbers, resized, shape_of
from accel.onnx_import.sharing import repeated, shared
from accel.onnx_import.source import MAX_ELEMENTS
from accel.onnx_import.values import Call, Constant, Edge, Function, Real, Refused, Shared, Unknown, Value
from accel.ops.window.op import Window

FIXED = "select with constants"


def slice_(build: Builder, call: Call) -> Value:
    x, *given = call.take(3, 5)
    if x is None or isinstance(x, Unknown) or any(isinstance(value, Unknown) for value in given):
        return Unknown()
    starts, ends = numbers(given[0], "starts"), numbers(given[1], "ends")
    axes = numbers(given[2], "axes") if given[2] is not None else tuple(range(len(starts)))
    steps = numbers(given[3], "steps") if given[3] is not None else (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise Refused("its starts, ends, axes and steps do not fit together", AGAIN)
    cuts = []
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = shape_of(x)[_axis(axis, x)]
        places = np.arange(size)[slice(_bounded(start, size), _bounded(end, size), step)]
        if len(places) != size or step < 0:
            cuts.append((_axis(axis, x), places))
    for number, (axis, places) in enumerate(cuts, 1):
        x = taken(build, call, x, axis, places, call.output if number == len(cuts) else None)
    return x


def _bounded(position: int, size: int) -> int | None:
    """Clamp an index as ONNX does: beyond the start is the start, also when counting down to it."""
    return None if position < -size else position


@understands("axis", "split", "num_outputs")
def split(build: Builder, call: Call) -> Value | tuple[Value, ...]:
    x, given = call.take(1, 2)
    if isinstance(x, Unknown) or isinstance(given, Unknown):
        return Unknown()
    axis = _axis(call.integer("axis", 0), x)
    size, count = shape_of(x)[axis], len(call.outputs)
    sizes = numbers(given, "split") if given is not None else call.integers("split")
    if sizes is None:
        part = -(-size // count)
        sizes = (*(part,) * (count - 1), size - part * (count - 1))
    if len(sizes) != count or sum(sizes) != size or min(sizes) < 1:
        raise Refused(f"cannot split {size} into {list(sizes)[:8]}", AGAIN)
    ends = pairwise(accumulate(sizes, initial=0))
    return tuple(
        taken(build, call, x, axis, np.arange(*end), name) for name, end in zip(call.outputs, ends, strict=True)
    )


@understands("axis")
def gather(build: Builder, call: Call) -> Value:
    """Gather one or several places along an axis, known at export, or rows of a table by the model's input."""
    x, index = call.take(2)
    if isinstance(x, Unknown) or isinstance(index, Unknown):
        return Unknown()
    if isinstance(x, Constant) and isinstance(index, Real) and index.integer:
        return embedding(build, call, x, index)
    if not isinstance(index, Constant) or index.value.dtype.kind not in "iu":
        raise Refused("selects places that are not known at export", FIXED)
    axis = _axis(call.integer("axis", 0), x)
    size = shape_of(x)[axis]
    if not ((index.value >= -size) & (index.value < size)).all() or not index.value.size:
        raise Refused("selects an index that does not exist", AGAIN)
    if isinstance(x, Constant):
        return x.moved(lambda a: a.take(index.value, axis))
    if index.value.ndim < 2:
        return taken(build, call, x, axis, np.atleast_1d(index.value) % size, call.output, drop=index.value.ndim == 0)
    have = shape_of(x)
    listed = taken(build, call, x, axis, index.value.reshape(-1) % size, None)
    return resized(listed, (*have[:axis], *index.value.shape, *have[axis + 1 :]))


def checked_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that is worth holding. Raises Refused."""
    if prod(shape) > MAX_ELEMENTS or min(shape, default=1) < 0 or len(shape) > 16:
        raise Refused(f"makes a constant of shape {shape[:16]}", f"at most {MAX_ELEMENTS} elements are held")
    return shape


def expand(build: Builder, call: Call) -> Value:
    """To a larger shape; of an activation only one that changes nothing, but for heads that share their channels."""
    x, shape = call.take(2)
    if not mask_inputs.is_function(x, build) and is_unknown(x, shape):
        return Unknown()
    have, wanted = shape_of(x), numbers(shape, "shape")
    return _repeated(build, call, x, np.broadcast_shapes(have, checked_shape(wanted)))


def tile(build: Builder, call: Call) -> Value:
    x, times = call.take(2)
    if not mask_inputs.is_function(x, build) and is_unknown(x, times):
        return Unknown()
    have, repeats = shape_of(x), numbers(times, "repeats")
    if len(have) != len(repeats) or any(size > 1 and n > 1 for size, n in zip(have, repeats, strict=True)):
        raise Refused(f"repeats {have} {list(repeats)[:8]} times", "repeat along axes of 1")
    return _repeated(build, call, x, checked_shape(tuple(size * n for size, n in zip(have, repeats, strict=True))))


def _repeated(build: Builder, call: Call, x: Value | None, shape: tuple[int, ...]) -> Value:
    if isinstance(x, Constant):
        return x.moved(lambda a: np.broadcast_to(a, checked_shape(shape)))
    if mask_inputs.is_function(x, build):
        return replace(x, layout=Layout(((),) * (len(shape) - len(x.layout.axes)) + x.layout.axes))  # scores repeat it
    if not isinstance(x, Edge):
        raise Refused("repeats nothing", AGAIN)
    layout = Layout(((),) * (len(shape) - len(x.layout.axes)) + x.layout.axes)
    wider = [i for i, (have, want) in enumerate(zip(layout.shape, shape, strict=True)) if have != want]
    if not wider:
        return replace(x, layout=layout)
    axis = wider[0]
    if len(wider) > 1 or not any(f.role == "channel" for inner in layout.axes[axis + 1 :] for f in inner):
        raise Refused(f"repeats {x.layout.shape} to {shape}", "repeat heads only")
    return shared(replace(x, layout=layout), axis, np.zeros(shape[axis], dtype=int), call.name)


def taken(
    build: Builder, call: Call, x: Value | None, axis: int, places: np.ndarray, origin: str | None, drop: bool = False
) -> Value:
    """The `places` of x along an axis, in that order; `drop` removes the axis, of size 1 then.

    `origin` as in `Builder.add`.
    """
    if isinstance(x, Function):  # it is applied to what is taken
        part = taken(build, call, replace(x.edge, layout=x.layout), axis, places, None, drop)
        edge = repeated(build, part) if isinstance(part, Edge | Shared) else x.edge
        return replace(x, edge=edge, layout=edge.layout, made=None)
    if is_unknown(x):
        return Unknown()
    if isinstance(x, Constant):
        return x.moved(lambda a: a.take(places, axis))
    x = repeated(build, x) if isinstance(x, Shared) else x
    if not isinstance(x, Edge) or not places.size:
        raise Refused("selects nothing", AGAIN)
    roles = {f.role for f in x.layout.axes[axis]}
    if places.tolist() == list(range(x.layout.shape[axis])):
        return replace(x, layout=x.layout.without(axis)) if drop else x
    if roles <= {"channel"} and len(set(places.tolist())) != len(places) and not drop:
        return shared(x, axis, places, call.name)
    if len(roles) != 1 or "batch" in roles:
        raise Refused(f"selects along axis {axis} of {x.layout.shape}, samples or tokens with channels", RELAYOUT)
    (role,) = roles
    stride = max(f.stride for f in x.layout.axes[axis])
    left = x.layout.replaced(axis, axis_of(role, len(places), stride)).packed(role)
    order = channels.order_of(x.layout.index(role).take(places, axis), left.index(role))
    layout = left.without(axis) if drop else left
    if role == "channel":
        return Shared(x, order, layout, call.name, None if origin is None else (origin, layout))
    if not np.array_equal(order, np.arange(order[0], order[0] + len(order))):
        return picked(build, call.name, x, order, layout, origin)
    fill = np.zeros((len(order), x.layout.size("channel")))
    y = build.add(call.name, Window(int(order[0]), fill), (x,), x.scale, layout, None if x.relu else origin)
    return replace(y, relu=x.relu)


def _axis(axis: int, x: Value | None) -> int:
    rank = len(shape_of(x))
    if not -rank <= axis < rank:
        raise Refused(f"axis {axis} does not exist", AGAIN)
    return axis % rank
