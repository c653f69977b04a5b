"""Concat: tokens are put behind each other by Windows, channels beside each other by Dense with 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from accel.onnx_import import channels, functions, reordering, sharing, slicing
from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder, are_whole, whole
from accel.onnx_import.layout import Layout, alike, axis_of
from accel.onnx_import.linear import RELAYOUT, is_unknown
from accel.onnx_import.shaping import AGAIN, numbers, shape_of
from accel.onnx_import.values import Call, Constant, Edge, Function, Refused, Shared, Unknown, Value, rows_of
from accel.ops.add.op import Add
from accel.ops.dense.op import Dense
from accel.ops.rescale.op import Rescale
from accel.ops.window.op import Window
from accel.scales import meeting


@dataclass(frozen=True)
class Piece:
    """An operand of Concat: `size` places from `start` on; an edge, or rows of integers (tokens, channels)."""

    start: int
    size: int
    edge: Edge | None = None
    rows: np.ndarray | None = None


@understands("axis")
def concat(build: Builder, call: Call) -> Value:
    joined = sharing.rejoined(call)
    if joined is not None:
        return joined
    call = replace(call, inputs=tuple(_read(build, value) for value in call.inputs))
    if is_unknown(*call.inputs):
        return Unknown()
    ranks = {len(shape_of(value)) for value in call.inputs}
    axis = call.integer("axis")
    if len(ranks) != 1 or not -min(ranks) <= axis < min(ranks):
        raise Refused("joins tensors of different rank", AGAIN)
    axis %= ranks.pop()
    edges = [value for value in call.inputs if isinstance(value, Edge)]
    if not edges:
        return _constants([value for value in call.inputs if isinstance(value, Constant)], axis)
    if len(call.inputs) == 1:
        return edges[0]
    role = _role(edges, axis)
    template = edges[0].layout
    call = replace(call, inputs=tuple(_in_order(build, call, value, template, axis, role) for value in call.inputs))
    edges = [value for value in call.inputs if isinstance(value, Edge)]
    pieces, scale, exact = _pieces(build, call, edges, axis, role)
    total = pieces[-1].start + pieces[-1].size
    join = _tokens if role == "token" else _channels
    result = join(build, call, pieces, scale, template, axis, total)
    return result if exact else build.off(result, 0.5)


def _in_order(build: Builder, call: Call, value: Value | None, template: Layout, axis: int, role: str) -> Value | None:
    """An operand whose other axes walk tokens and channels as those of the first edge do. Raises Refused."""
    if not isinstance(value, Edge):
        return value
    other = "channel" if role == "token" else "token"
    value = reordering.ordered(build, call.name, value, template, other)
    same = all(np.array_equal(value.layout.index(each), template.index(each)) for each in ("batch", other))
    if not same or not alike(value.layout, template, axis):
        raise Refused(f"joins {value.layout.shape} to {template.shape} of another layout", RELAYOUT)
    return value


@understands("mode")
def pad(build: Builder, call: Call) -> Value:
    """Constants before and behind: as Concat with them."""
    x, given, value, axes = call.take(2, 4)
    if is_unknown(x, given, value, axes):
        return Unknown()
    if call.text("mode", "constant") != "constant":
        raise Refused(f"pads with what is there (mode {call.text('mode')})", "pad with a constant")
    number = 0.0
    if value is not None:
        if not isinstance(value, Constant) or value.value.size != 1:
            raise Refused("pads with values that are computed at run time", "pad with a constant")
        number = float(value.value.reshape(()))
    have = shape_of(x)
    chosen = numbers(axes, "axes") if axes is not None else tuple(range(len(have)))
    amounts = numbers(given, "pads")
    if len(amounts) != 2 * len(chosen):
        raise Refused("its pads and axes do not fit together", AGAIN)
    for axis, before, behind in zip(chosen, amounts, amounts[len(chosen) :], strict=False):
        x = _padded(build, call, x, axis % len(have), (before, behind), number)
    return x or Unknown()


def _padded(
    build: Builder, call: Call, x: Value | None, axis: int, amounts: tuple[int, int], number: float
) -> Value | None:
    """One axis; a negative amount cuts."""
    size = shape_of(x)[axis]
    start, end = (max(0, -amount) for amount in amounts)
    if start or end:
        x = slicing.taken(build, call, x, axis, np.arange(start, size - end), call.output)
    if max(amounts) <= 0:
        return x
    shape = list(shape_of(x))
    blocks = []
    for amount in amounts:
        shape[axis] = amount
        blocks.append([Constant(np.full(shape, number))] if amount > 0 else [])
    inputs = (*blocks[0], x, *blocks[1])
    return concat(build, replace(call, inputs=inputs, attributes={"axis": axis}))


def _read(build: Builder, value: Value | None) -> Value | None:
    """Channels that were chosen, or negated, as an edge."""
    value = sharing.read(build, value) if isinstance(value, Shared) else value
    return functions.as_edge(build, value) or value if isinstance(value, Function) else value


def _constants(parts: list[Constant], axis: int) -> Constant:
    """Steps survive when every part has them."""
    steps = [part.step for part in parts if part.step is not None]
    value = np.concatenate([part.value for part in parts], axis)
    return Constant(value, np.concatenate(steps, axis) if len(steps) == len(parts) else None)


def _role(edges: list[Edge], axis: int) -> str:
    """Role of a joined axis. An axis of 1 in every edge joins tokens where there is one token and channels follow."""
    roles = {f.role for edge in edges for f in edge.layout.axes[axis]}
    if not roles:
        follows = any(f.role == "channel" for inner in edges[0].layout.axes[axis + 1 :] for f in inner)
        roles = {"token" if follows and edges[0].layout.size("token") == 1 else "channel"}
    if len(roles) > 1 or "batch" in roles:
        raise Refused("joins samples, or tokens with channels", RELAYOUT)
    return roles.pop()


def _pieces(
    build: Builder, call: Call, edges: list[Edge], axis: int, role: str
) -> tuple[list[Piece], np.ndarray, bool]:
    """All operands at one scale: the finest of the edges and of the constants' quantizers, if it holds all (True).

    Otherwise the step of `scales.meeting`.
    """
    aligned = [replace(build.uniform(v), layout=v.layout) if isinstance(v, Edge) else None for v in call.inputs]
    steps = [float(edge.scale) for edge in aligned if edge is not None]
    steps += [float(v.step.min()) for v in call.inputs if isinstance(v, Constant) and v.step is not None]
    sizes = [shape_of(value)[axis] for value in call.inputs]
    reals = [
        _rows(edges[0].layout, value, axis, size, role) if isinstance(value, Constant) else None
        for value, size in zip(call.inputs, sizes, strict=True)
    ]
    scale = np.asarray(min(steps))
    exact = all(are_whole(real / scale) for real in (*reals, np.array(steps)) if real is not None)
    if not exact:
        known = [(edge.scale, build.tensors[edge.name].magnitude) for edge in aligned if edge is not None]
        known += [(scale, int(np.abs(real / scale).max())) for real in reals if real is not None]
        scale = np.asarray(meeting(known, build.precision))
    pieces, start = [], 0
    for edge, size, real in zip(aligned, sizes, reals, strict=True):
        if edge is not None:
            pieces.append(Piece(start, size, _at(build, edge, scale)))
        elif real is not None:
            pieces.append(Piece(start, size, None, whole(np.rint(real / scale))))
        start += size
    return pieces, scale, exact


def _rows(template: Layout, value: Constant, axis: int, size: int, role: str) -> np.ndarray:
    """Real constants as (tokens, channels)."""
    if role == "token":
        return rows_of(_with_tokens(template, axis, size), value.value)
    layout = template.replaced(axis, axis_of(role, size, _stride(template, axis)))
    return rows_of(layout.packed(role), value.value)


def _with_tokens(template: Layout, axis: int, size: int) -> Layout:
    """The layout with that many tokens along an axis, all of them in memory order."""
    return template.replaced(axis, axis_of("token", size)).in_memory_order("token")


def _at(build: Builder, edge: Edge, scale: np.ndarray) -> Edge:
    """The edge, all of whose range is kept, at another scale."""
    return edge if edge.scale == scale else build.requantize(f"{edge.name}/align", edge, scale)


def _stride(layout: Layout, axis: int) -> int:
    """Stride of the joined axis among the channels: its own, or outside all others where it has size 1."""
    own = [f.stride for f in layout.axes[axis]]
    inner = [f for later in layout.axes[axis + 1 :] for f in later if f.role == "channel"]
    return max(own) if own else layout.size("channel") if inner else 0


def _tokens(
    build: Builder, call: Call, pieces: list[Piece], scale: np.ndarray, template: Layout, axis: int, total: int
) -> Edge:
    """One Window for every edge; the first one carries all constants."""
    if any(piece.edge is not None and not piece.edge.layout.is_whole(axis, "token") for piece in pieces):
        return _interleaved(build, call, pieces, scale, template, axis, total)
    layout = template.replaced(axis, axis_of("token", total))
    fill = np.zeros((total, template.size("channel")), dtype=np.int64)
    for piece in pieces:
        if piece.rows is not None:
            fill[piece.start : piece.start + piece.size] = piece.rows
    placed = []
    for piece in pieces:
        if piece.edge is not None:
            placed.append(build.add(call.name, Window(-piece.start, fill), (piece.edge,), scale, layout, None))
            fill = np.zeros_like(fill)
    return _summed(build, call, placed, pieces, scale, layout)


def _interleaved(
    build: Builder, call: Call, pieces: list[Piece], scale: np.ndarray, template: Layout, axis: int, total: int
) -> Edge:
    """Along an axis that is some of the tokens: all tokens of the pieces behind each other, and then reordered."""
    layout = _with_tokens(template, axis, total)
    places, behind, start = [], [], 0
    for piece in pieces:
        own = _with_tokens(template, axis, piece.size) if piece.edge is None else piece.edge.layout
        places.append(own.index("token") + start)
        edge = piece.edge and replace(piece.edge, layout=Layout((axis_of("token", own.size("token")),)))
        behind.append(Piece(start, own.size("token"), edge, piece.rows))
        start += own.size("token")
    order = channels.order_of(np.concatenate(places, axis), layout.index("token"))
    plain = Layout((axis_of("token", start), axis_of("channel", template.size("channel"))))
    joined = _tokens(build, replace(call, outputs=()), behind, scale, plain, 0, start)
    return reordering.picked(build, call.name, joined, order, layout, call.output)


def _channels(
    build: Builder, call: Call, pieces: list[Piece], scale: np.ndarray, template: Layout, axis: int, total: int
) -> Edge:
    """One Dense of 0 and 1 for every edge; the first one carries all constants as its bias."""
    layout = template.replaced(axis, axis_of("channel", total, _stride(template, axis))).packed("channel")
    places = layout.index("channel")
    width = layout.size("channel")
    bias, terms = np.zeros(width, dtype=np.int64), []
    for piece in pieces:
        new = places.take(np.arange(piece.start, piece.start + piece.size), axis)
        if piece.edge is not None:
            old, new = np.broadcast_arrays(piece.edge.layout.index("channel"), new)
            terms.append((piece.edge, channels.selection(old.reshape(-1), width, old.size, new.reshape(-1))))
        elif piece.rows is not None:
            if (piece.rows != piece.rows[:1]).any():
                raise Refused("joins constants that differ between tokens with channels", "join them as tokens")
            bias[np.sort(new.reshape(-1))] = piece.rows[0]
    placed = []
    for edge, op in terms:
        placed.append(build.add(call.name, Dense(op.weight, bias), (edge,), scale, layout, None))
        bias = np.zeros_like(bias)
    return _summed(build, call, placed, pieces, scale, layout)


def _summed(
    build: Builder, call: Call, placed: list[Edge], pieces: list[Piece], scale: np.ndarray, layout: Layout
) -> Edge:
    """Where one term is not 0 all others are: the sum has the hull of the operands' ranges, and a Rescale says so."""
    total = placed[0]
    for other in placed[1:]:
        total = build.add(call.name, Add(np.ones(2)), (total, other), scale, layout, None)
    edges = [build.tensors[piece.edge.name] for piece in pieces if piece.edge is not None]
    rows = [piece.rows for piece in pieces if piece.rows is not None]
    lo = min([*(tensor.lo for tensor in edges), *(int(array.min()) for array in rows)])
    hi = max([*(tensor.hi for tensor in edges), *(int(array.max()) for array in rows)])
    found = build.tensors[total.name]
    if (found.lo, found.hi) != (lo, hi):
        total = build.rescale(call.name, Rescale(np.ones(1), 0, "floor", lo, hi), total, scale, layout, None)
    if call.output:
        build.note(total, call.output)
    return total
