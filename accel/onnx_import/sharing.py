"""Heads of keys and values that several query heads share: a file repeats them, a product of attention reads them once.

So what repeats them leaves them as they are, until it is known what reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from accel.onnx_import import rotary
from accel.onnx_import.builder import Builder
from accel.onnx_import.channels import arranged, chosen, order_of
from accel.onnx_import.layout import Layout, alike, axis_of
from accel.onnx_import.values import Call, Constant, Edge, Function, Shared, Value


def shared(x: Edge, axis: int, places: np.ndarray, hint: str) -> Shared:
    """The `places` of x along an axis of channels, or of size 1, some of them repeatedly."""
    layout = x.layout.replaced(axis, axis_of("channel", len(places))).in_memory_order("channel")
    old = x.layout.index("channel")
    old = old.take(places, axis) if old.shape[axis] > 1 else old
    return Shared(x, order_of(old, layout.index("channel")), layout, hint)


def repeated(build: Builder, x: Edge | Shared) -> Edge:
    """For a reader that knows no sharing: as many channels as the file has."""
    if isinstance(x, Edge):
        return x
    y = chosen(build, x.hint, x.edge, x.order, x.layout, None)
    if x.origin is not None and not y.relu and y.name not in build.origins:
        tensor, layout = x.origin
        build.note(replace(y, layout=layout), tensor)
    return y


def read(build: Builder, x: Shared) -> Edge | Function:
    """The same where some of them are negated; all of them: a function."""
    if x.signs is None:
        return repeated(build, x)
    turned = rotary.exchanged(build, x)
    if turned is not None:
        return turned
    y = repeated(build, replace(x, signs=None, origin=None))
    if (x.signs < 0).all():
        return rotary.negated(build, y, x.hint)
    return rotary.signed(build, x.hint, build.settled(y), x.signs, None)


def heads_once(build: Builder, hint: str, x: Edge | Shared, layout: Layout, heads: int) -> tuple[Edge, int]:
    """The edge with its `heads` in the order of `layout`, of the same axes, and how many there are.

    Neighbours that are the same head are there once.
    """
    if isinstance(x, Edge):
        return arranged(build, hint, x, layout), heads
    order = x.order[order_of(x.layout.index("channel"), layout.index("channel"))].reshape(heads, -1)
    group = max(n for n in range(1, heads + 1) if heads % n == 0 and (order == np.repeat(order[::n], n, 0)).all())
    once = order[::group].reshape(-1)
    if np.array_equal(once, np.arange(build.tensors[x.edge.name].channels)):
        return x.edge, heads // group
    return chosen(build, x.hint, x.edge, once, layout, None), heads // group


def rejoined(call: Call) -> Shared | None:
    """Channels of one edge, some of which are not all of them, joined in another order; None for anything else."""
    given = [_whole(value) if isinstance(value, Edge) else value for value in call.inputs]
    parts = [part for part in given if isinstance(part, Shared)]
    if len(parts) != len(given) or all(isinstance(value, Edge) for value in call.inputs):
        return None
    first, rank = parts[0], len(parts[0].layout.axes)
    axis = call.integer("axis") % rank
    if not all(part.edge.same_numbers(first.edge) for part in parts):
        return None
    if any(len(part.layout.axes) != rank or not alike(part.layout, first.layout, axis) for part in parts):
        return None
    if any({f.role for f in part.layout.axes[axis]} - {"channel"} for part in parts):
        return None
    total = sum(part.layout.shape[axis] for part in parts)
    layout = first.layout.replaced(axis, axis_of("channel", total)).in_memory_order("channel")
    new = layout.index("channel")
    shape = [1 if size == 1 else -1 for size in new.shape]
    old, signs = (np.concatenate([_placed(part, found, axis, shape) for part in parts], axis) for found in (0, 1))
    ordered = np.empty(old.size, dtype=int)
    ordered[new.reshape(-1)] = signs.reshape(-1)
    mixed = None if (ordered > 0).all() else ordered
    return Shared(first.edge, order_of(old, new), layout, call.name, (call.output, layout), mixed)


def _whole(x: Edge) -> Shared:
    """All channels of an edge in their order."""
    return Shared(x, np.arange(x.layout.size("channel")), x.layout, x.name)


def _placed(part: Shared, found: int, axis: int, shape: list[int]) -> np.ndarray:
    """The order (0) or the signs (1) of channels, where the axes of the layout have them."""
    sizes = [
        n if wanted == -1 or i == axis else 1
        for i, (n, wanted) in enumerate(zip(part.layout.shape, shape, strict=True))
    ]
    values = part.order if found == 0 else np.ones_like(part.order) if part.signs is None else part.signs
    return np.broadcast_to(values[part.layout.index("channel")], sizes)


def through(build: Builder, handler: Callable[[Builder, Call], Value], call: Call) -> Shared | None:
    """A node that treats all channels alike, done to heads before they are shared; None where it is something else.

    The file's tensor then holds the result repeatedly, so the edge is no longer found in it.
    """
    given = [value for value in call.inputs if isinstance(value, Shared) and value.repeats]
    others = [value for value in call.inputs if not isinstance(value, Shared) and value is not None]
    if len(given) != 1 or any(not isinstance(value, Constant) or value.value.size != 1 for value in others):
        return None
    (heads,) = given
    origins = dict(build.origins)
    inputs = tuple(heads.edge if value is heads else value for value in call.inputs)
    result = handler(build, replace(call, inputs=inputs))
    build.origins = {k: v for k, v in build.origins.items() if v.tensor not in call.outputs} | origins
    return replace(heads, edge=result) if isinstance(result, Edge) else None
