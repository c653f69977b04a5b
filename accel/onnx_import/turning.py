"""Tokens and channels that change places: a product of attention whose queries are the identity.

Scores of constant queries (queries, channels) and of keys (tokens, channels) are (queries, tokens). Where the queries
are the identity, one row per channel, these are the numbers of the keys with tokens and channels exchanged. So a
softmax over the tokens has them in a row, and what it gives goes back in the same way.
"""

from __future__ import annotations

import numpy as np

from accel.onnx_import import channels
from accel.onnx_import.builder import Builder
from accel.onnx_import.layout import Axis, Factor, Layout, merged
from accel.onnx_import.values import Edge
from accel.ops.matmul.op import MatMul
from accel.ops.window.op import Window


def turned(build: Builder, hint: str, x: Edge, heads: int = 1) -> Edge:
    """(tokens, heads · inner) → (inner, heads · tokens): within every head its channels become the tokens."""
    x = build.uniform(x)
    inner, tokens = x.layout.size("channel") // heads, x.layout.size("token")
    layout = Layout(tuple(_turned(axis, inner, tokens) for axis in x.layout.axes))
    rows, one = np.tile(np.eye(inner), heads), np.asarray(1.0)
    identity = build.add(f"{hint}/identity", Window(-inner, rows), (x,), one, layout, None)
    result = build.add(f"{hint}/turned", MatMul(heads, "scores"), (identity, x), x.scale, layout, None)
    build.turned.add(result.name)
    return build.alike(result, x)


def _turned(axis: Axis, inner: int, tokens: int) -> Axis:
    parts: list[Factor] = []
    for f in axis:
        if f.role == "token":
            parts.append(Factor("channel", f.size, f.stride))
        elif f.role == "channel":
            within = min(f.size, max(1, inner // f.stride))  # the part of the factor that walks a head's channels
            outer = [Factor("channel", f.size // within, max(f.stride, inner) // inner * tokens)]
            parts += [*outer, Factor("token", within, f.stride)]
        else:
            parts.append(f)
    return merged([f for f in parts if f.size > 1])


def tokens_last(build: Builder, hint: str, x: Edge) -> Edge:
    """An edge whose last axis is all tokens, with these in the channels; any other as it is.

    Axes in front of the last two are heads, and the last but one holds what become the tokens, the queries.
    """
    rank = len(x.layout.axes)
    if x.layout.size("token") == 1 or rank < 2 or not x.layout.is_whole(rank - 1, "token"):
        return x
    x = channels.arranged(build, hint, x, x.layout.in_memory_order("channel"))
    return turned(build, hint, x, Layout(x.layout.axes[:-2]).size("channel"))


def with_roles(build: Builder, hint: str, x: Edge, like: Layout) -> Edge:
    """The edge with its tokens and channels exchanged where the axes of `like` are the other; else as it is."""
    pairs = [(_roles(have), _roles(want)) for have, want in zip(x.layout.axes, like.axes, strict=True)]
    differ = any(have and want and have != want for have, want in pairs)
    if not differ or any("token" in have and want not in (set(), {"channel"}) for have, want in pairs):
        return x
    heads = [i for i, (have, want) in enumerate(pairs) if have == {"channel"} and want != {"token"}]
    order = (*heads, *(i for i in range(len(pairs)) if i not in heads))
    ordered = x.layout.transposed(order).in_memory_order("channel")
    arranged = channels.arranged(build, hint, x, ordered.transposed(tuple(int(i) for i in np.argsort(order))))
    return turned(build, hint, arranged, Layout(ordered.axes[: len(heads)]).size("channel"))


def _roles(axis: Axis) -> set[str]:
    return {f.role for f in axis}
