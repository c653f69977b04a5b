"""Two activations of different shapes, element by element: what one of them has once is repeated for the other.

Channels are rows of the Dense before, or a Dense of ones. A token is repeated by a product of attention: ones, one
row for every token, times the one token as the value of the one key.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from accel.onnx_import import channels, reordering, turning
from accel.onnx_import.builder import Builder
from accel.onnx_import.layout import Axis, Layout
from accel.onnx_import.values import Call, Edge, Refused
from accel.ops.dense.op import Dense
from accel.ops.matmul.op import MatMul
from accel.ops.window.op import Window


def paired(build: Builder, call: Call, a: Edge, b: Edge, does: str) -> tuple[Edge, Edge]:
    """Both operands with one layout; axes of size 1 in front may be missing in one. Raises Refused when none fits.

    Where the tokens of one operand are the channels of the other, they change places in the smaller one.
    """
    rank = max(len(a.layout.axes), len(b.layout.axes))
    a, b = (replace(e, layout=Layout(((),) * (rank - len(e.layout.axes)) + e.layout.axes)) for e in (a, b))
    if _elements(a) < _elements(b) or (b.layout.is_plain and not a.layout.is_plain):
        a = turning.with_roles(build, call.name, a, b.layout)
    b = turning.with_roles(build, call.name, b, a.layout)
    if b.layout.is_plain and not a.layout.is_plain:
        a = reordering.ordered(build, call.name, a, b.layout, "token")
    b = reordering.ordered(build, call.name, b, a.layout, "token")
    wanted = Layout(tuple(one or other for one, other in zip(a.layout.axes, b.layout.axes, strict=True)))
    if wanted not in (a.layout, b.layout):
        wanted = wanted.in_memory_order("channel")
    first, second = (repeated(build, call, edge, wanted) for edge in (a, b))
    if first is None or second is None:
        shapes = f"{a.layout.shape} and {b.layout.shape}"
        remedy = "keep (batch, tokens, channels), and (batch, heads, tokens, channels) within attention"
        raise Refused(f"{does} {shapes} of different layouts", remedy)
    return first, second


def _elements(x: Edge) -> int:
    return prod(x.layout.shape)


def repeated(build: Builder, call: Call, x: Edge, wanted: Layout) -> Edge | None:
    """x with another layout, in which axes are longer that have size 1 now; None for anything else."""
    pairs = list(zip(x.layout.axes, wanted.axes, strict=True))
    if any(have and _sizes(have) != _sizes(want) for have, want in pairs):
        return None
    roles = {f.role for have, want in pairs if not have for f in want}
    if "batch" in roles or ("token" in roles and x.layout.size("token") > 1):
        return None
    old, new = np.broadcast_arrays(x.layout.index("channel"), wanted.index("channel"))
    if not np.array_equal(old, new):
        x = channels.chosen(build, f"{call.name}/channels", x, channels.order_of(old, new), wanted, None)
    if "token" in roles:
        x = _for_tokens(build, call, x, wanted)
    return replace(x, layout=wanted)


def _sizes(axis: Axis) -> tuple[int, Axis]:
    """Parts of an axis that have to agree: its size, and the factors that do not walk channels."""
    return Layout((axis,)).shape[0], tuple(f for f in axis if f.role != "channel")


def _for_tokens(build: Builder, call: Call, x: Edge, wanted: Layout) -> Edge:
    """The one token of x for every token."""
    x = build.settled(x)
    tokens, width, name = wanted.size("token"), build.tensors[x.name].channels, f"{call.name}/tokens"
    one = build.add(name, Dense(np.zeros((1, width)), np.ones(1)), (x,), np.asarray(1.0), wanted, None)
    ones = build.add(name, Window(-tokens, np.ones((tokens, 1))), (one,), np.asarray(1.0), wanted, None)
    return build.add(name, MatMul(1, "values"), (ones, x), x.scale, wanted, None)
