"""Heads of keys and values that several query heads share: a file repeats them, a product of attention reads them once.

So what repeats them leaves them as they are, until it is known what reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from accel.onnx_import.builder import Builder
from accel.onnx_import.channels import arranged, chosen, order_of
from accel.onnx_import.layout import Layout, axis_of
from accel.onnx_import.values import Call, Constant, Edge, Shared, Value


def shared(x: Edge, axis: int, places: np.ndarray, hint: str) -> Shared:
    """The `places` of x along an axis of channels, or of size 1, some of them repeatedly."""
    layout = x.layout.replaced(axis, axis_of("channel", len(places))).in_memory_order("channel")
    old = x.layout.index("channel")
    old = old.take(places, axis) if old.shape[axis] > 1 else old
    return Shared(x, order_of(old, layout.index("channel")), layout, hint)


def repeated(build: Builder, x: Edge | Shared) -> Edge:
    """For a reader that knows no sharing: as many channels as the file has."""
    return chosen(build, x.hint, x.edge, x.order, x.layout, None) if isinstance(x, Shared) else x


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


def through(build: Builder, handler: Callable[[Builder, Call], Value], call: Call) -> Shared | None:
    """A node that treats all channels alike, done to heads before they are shared; None where it is something else.

    The file's tensor then holds the result repeatedly, so the edge is no longer found in it.
    """
    given = [value for value in call.inputs if isinstance(value, Shared)]
    others = [value for value in call.inputs if not isinstance(value, Shared) and value is not None]
    if len(given) != 1 or any(not isinstance(value, Constant) or value.value.size != 1 for value in others):
        return None
    (heads,) = given
    origins = dict(build.origins)
    inputs = tuple(heads.edge if value is heads else value for value in call.inputs)
    result = handler(build, replace(call, inputs=inputs))
    build.origins = {k: v for k, v in build.origins.items() if v.tensor not in call.outputs} | origins
    return replace(heads, edge=result) if isinstance(result, Edge) else None
