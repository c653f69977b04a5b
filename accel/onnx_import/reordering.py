"""Tokens in any order, and windows of them as heads: tokens and channels change places, a Dense reorders, and back."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from accel.onnx_import import channels
from accel.onnx_import.builder import Builder
from accel.onnx_import.contraction import WINDOWS
from accel.onnx_import.layout import Layout, axis_of
from accel.onnx_import.turning import turned
from accel.onnx_import.values import Edge, Refused
from accel.ops.rescale.op import Rescale


def picked(build: Builder, hint: str, x: Edge, order: np.ndarray, layout: Layout, origin: str | None) -> Edge:
    """Token i of the result is token order[i] of x; `layout` and `origin` describe the result as in `Builder.add`."""
    columns = _turned(build, hint, x, 1)
    plain = Layout((axis_of("token", columns.layout.size("token")), axis_of("channel", len(order))))
    chosen = channels.chosen(build, hint, columns, order, plain, None)
    y = replace(_turned(build, hint, chosen, 1), layout=layout)
    if origin:
        build.note(y, origin)
    return y


def ordered(build: Builder, hint: str, x: Edge, like: Layout, role: str) -> Edge:
    """The edge with its tokens or channels in the order of `like`, where whole axes walk them; else as it is."""
    old, new = x.layout.index(role), like.index(role)
    if old.shape != new.shape or np.array_equal(old, new):
        return x
    axes = zip(x.layout.axes, like.axes, strict=True)
    layout = Layout(tuple(want if {f.role for f in (*have, *want)} == {role} else have for have, want in axes))
    if not np.array_equal(layout.index(role), new):
        return x
    if role == "channel":
        return channels.arranged(build, hint, x, layout)
    return picked(build, hint, x, channels.order_of(old, new), layout, None)


def plain(build: Builder, hint: str, x: Edge) -> Edge:
    """The edge in the order of memory that the file's tensor has. Raises Refused where it mixes tokens and channels."""
    if x.layout.is_plain:
        return x
    x = channels.arranged(build, hint, x, x.layout.in_memory_order("channel"))
    roles = [f.role for f in x.layout.factors if f.role != "batch"]
    if roles == sorted(roles) and len(set(roles)) > 1 and x.name not in build.hosts:  # channels, then tokens
        x = turned(build, hint, x)
    x = ordered(build, hint, x, x.layout.in_memory_order("token"), "token")
    if not x.layout.is_plain:
        why = f"the output {x.layout.shape} is not in the order (batch, tokens, channels)"
        raise Refused(why, "transpose it back in the model")
    return x


def windows(layout: Layout) -> list[int]:
    """Axes in front of the last two that walk tokens."""
    return [i for i, axis in enumerate(layout.axes[:-2]) if any(f.role == "token" for f in axis)]


def folded(build: Builder, hint: str, x: Edge, axes: list[int]) -> Edge:
    """(n · tokens, channels) → (tokens, n · channels): the n tokens that some axes walk lie side by side as heads."""
    if not axes:
        return x
    columns = _turned(build, hint, x, 1)
    order = (*axes, *(i for i in range(len(x.layout.axes)) if i not in axes))
    outside = columns.layout.transposed(order).in_memory_order("channel")
    columns = channels.arranged(build, hint, columns, outside.transposed(_inverse(order)))
    return _turned(build, hint, columns, Layout(outside.axes[: len(axes)]).size("channel"))


def unfolded(build: Builder, hint: str, y: Edge, like: Layout) -> Edge:
    """Inverse of `folded`: the tokens of y lie as those of `like` do, whose axes have the same sizes."""
    shape, split = y.layout.shape, tuple(f.size for f in like.factors)
    layout, wanted = y.layout.reshaped(split), like.reshaped(split)
    if layout is None or wanted is None or like.shape[:-2] != shape[:-2]:
        raise Refused(f"its result {shape} does not lie as its values {like.shape} do", WINDOWS)
    pairs = enumerate(zip(layout.axes, wanted.axes, strict=True))
    outer = [i for i, (have, want) in pairs if _roles(have, want) == ("channel", "token")]
    order = (*outer, *(i for i in range(len(split)) if i not in outer))
    outside = layout.transposed(order).in_memory_order("channel")
    y = replace(y, layout=layout)
    y = channels.arranged(build, hint, y, outside.transposed(_inverse(order)))
    columns = _turned(build, hint, y, prod(split[i] for i in outer))
    axes = (
        axis_of("channel", want[0].size, want[0].stride) if want[0].role == "token" else have
        for have, want in zip(columns.layout.axes, wanted.axes, strict=True)
    )
    tokens = _turned(build, hint, channels.arranged(build, hint, columns, Layout(tuple(axes))), 1)
    found = tokens.layout.reshaped(shape)
    assert found is not None  # the axes were split above
    return replace(tokens, layout=found)


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argsort(order))


def _roles(*axes: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(getattr(axis[0], "role", "") for axis in axes)


def _turned(build: Builder, hint: str, x: Edge, heads: int) -> Edge:
    """Tokens and channels exchanged, in the range of x: a product with the identity has one term that is not 0."""
    x = build.uniform(x)
    tensor, y = build.tensors[x.name], turned(build, hint, x, heads)
    if (build.tensors[y.name].lo, build.tensors[y.name].hi) == (tensor.lo, tensor.hi):
        return y
    op = Rescale(np.ones(1), 0, "floor", tensor.lo, tensor.hi)
    return build.alike(build.rescale(f"{hint}/turned", op, y, y.scale, y.layout, None), x)
