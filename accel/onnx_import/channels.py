"""Channels of an edge in another order, or some of them: rows of the Dense behind it, or a Dense that selects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accel.building import common
from accel.onnx_import.builder import Builder
from accel.onnx_import.layout import Factor, Layout, merged
from accel.onnx_import.values import Edge
from accel.op import Op
from accel.ops.dense.op import Dense
from accel.ops.embedding.op import Embedding
from accel.ops.lookup.op import Lookup
from accel.ops.norm.op import Norm
from accel.ops.position.op import Position
from accel.ops.rescale.op import Rescale
from accel.ops.rotary.op import Rotary

_ELEMENTWISE = (Rescale, Lookup, Position)


def order_of(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """`old` and `new` hold places of the same elements before and after: which old place each new one comes from."""
    old, new = np.broadcast_arrays(old, new)
    order = np.empty(int(new.max()) + 1, dtype=np.int64)
    order[new.reshape(-1)] = old.reshape(-1)
    return order


def chosen(build: Builder, name: str, x: Edge, order: np.ndarray, layout: Layout, origin: str | None) -> Edge:
    """Channel i of the result is channel order[i] of x; `layout` describes the result in ONNX tensor `origin`.

    Behind a Dense or an Embedding constants are chosen, which costs nothing; anything else is multiplied by 0 and 1.
    """
    scale = common(x.scale[order]) if x.scale.ndim else x.scale
    origin = None if x.relu else origin  # the file's tensor holds what a pending ReLU will leave
    key = (x.name, order.tobytes())
    if key in build.choices:
        edge = replace(build.edge(build.choices[key], layout), scale=scale)
        if origin is not None and edge.name not in build.origins:
            build.note(edge, origin)
        return replace(edge, relu=x.relu)
    if _has_rows(build, x, order):
        edge = _part(build, name, x, order, layout, origin)
    else:
        op = selection(order, len(order), build.tensors[x.name].channels)
        edge = build.add(name, op, (x,), scale, layout, origin)
    build.choices[key] = edge.name
    _note_permuted(build, x, edge, order)
    return replace(edge, scale=scale, layout=layout, relu=x.relu)


def _note_permuted(build: Builder, x: Edge, edge: Edge, order: np.ndarray) -> None:
    """All channels of x in another order are found where x is."""
    known = build.origins.get(x.name)
    everything = np.array_equal(np.sort(order), np.arange(build.tensors[x.name].channels))
    if known is None or edge.name in build.origins or not everything:
        return
    layout = relabelled(known.layout, order)
    if layout is not None:
        scale = known.scale[order] if known.scale.ndim else known.scale
        build.origins[edge.name] = replace(known, layout=layout, scale=scale)


def relabelled(layout: Layout, order: np.ndarray) -> Layout | None:
    """The layout of an edge whose channel i was channel order[i] before; None where no layout says that."""
    place = np.argsort(order)
    axes = []
    for axis in layout.axes:
        single = [one for f in axis for one in (_prime_factors(f) if f.role == "channel" else [f])]
        axes.append([Factor(f.role, f.size, int(place[f.stride])) if f.role == "channel" else f for f in single])
    found = Layout(tuple(merged(axis) for axis in axes))
    return found if np.array_equal(found.index("channel"), place[layout.index("channel")]) else None


def _prime_factors(factor: Factor) -> list[Factor]:
    """The same walk in steps of prime numbers."""
    size, found = factor.size, []
    while size > 1:
        prime = next(n for n in range(2, size + 1) if size % n == 0)
        size //= prime
        found.append(Factor(factor.role, prime, factor.stride * size))
    return found


def arranged(build: Builder, name: str, x: Edge, layout: Layout) -> Edge:
    """The edge with its channels in the order that `layout`, of the same axes, gives them."""
    if layout == x.layout:
        return x
    return chosen(build, name, x, order_of(x.layout.index("channel"), layout.index("channel")), layout, None)


def selection(order: np.ndarray, outputs: int, channels: int, places: np.ndarray | None = None) -> Dense:
    """The Dense that puts channel order[i] at places[i] (default: i) of `outputs` channels, zeros elsewhere."""
    weight = np.zeros((outputs, channels), dtype=np.int64)
    weight[np.arange(len(order)) if places is None else places, order] = 1
    return Dense(weight, np.zeros(outputs))


def _has_rows(build: Builder, x: Edge, order: np.ndarray) -> bool:
    """True when only operators that treat every channel alone lie between x and constants with a row per channel."""
    node = build.producer(x)
    if node is not None and _is_product(node.op):
        return True
    while node is not None and (isinstance(node.op, _ELEMENTWISE) or _within_rows(node.op, order)):
        node = build.producer(build.edge(node.inputs[0], x.layout))
    return node is not None and isinstance(node.op, Dense | Embedding)


def _within_rows(op: Op, order: np.ndarray) -> bool:
    """True for a norm of rows whose channels change places alike in all of them."""
    if not isinstance(op, Norm) or not op.row or len(order) % op.row:
        return False
    rows = order.reshape(-1, op.row)
    inner = rows - op.row * np.arange(len(rows))[:, None]
    return bool((inner == inner[0]).all() and np.array_equal(np.sort(inner[0]), np.arange(op.row)))


def _is_product(op: Op) -> bool:
    """True for a product with a table, in front of which channels are chosen whatever makes them."""
    return isinstance(op, Rotary) and not op.turns


def _part(build: Builder, name: str, x: Edge, order: np.ndarray, layout: Layout, origin: str | None) -> Edge:
    node = build.producer(x)
    assert node is not None  # _has_rows has seen it
    source = build.edge(node.inputs[0], layout)
    scale = common(x.scale[order]) if x.scale.ndim else x.scale
    if isinstance(node.op, _ELEMENTWISE) or _is_product(node.op) or _within_rows(node.op, order):
        source = chosen(build, f"{source.name}/part", source, order, layout, None)
    op = _with_channels(node.op, order)
    if isinstance(op, Rescale):
        part = build.rescale(name, op, source, scale, layout, origin)
    else:
        part = build.add(name, op, (source,), scale, layout, origin)
    return build.alike(part, x)


def _with_channels(op: Op, order: np.ndarray) -> Op:
    """The operator for some of its output's channels."""
    if isinstance(op, Dense):
        return Dense(op.weight[order], op.bias[order])
    if isinstance(op, Embedding):
        return Embedding(op.table[:, order], op.base)
    if isinstance(op, Position):
        return Position(op.table[:, order], op.multiplier)
    if isinstance(op, Norm):
        gamma, beta = (one[order[: op.row]] if len(one) > 1 else one for one in (op.gamma, op.beta))
        return replace(op, gamma=gamma, beta=beta)
    if isinstance(op, Rotary):
        cos = np.tile(op.cos, (1, (int(order.max()) + op.period) // op.period))[:, order]
        return Rotary(cos, np.zeros_like(cos))
    if isinstance(op, Rescale) and op.multiplier.size > 1:
        return replace(op, multiplier=op.multiplier[order])
    return op
