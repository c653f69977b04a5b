"""Products with constants that differ between tokens, and what rotary embeddings make of them: one Rotary.

    x · cos + rotated(x) · sin,   rotated(x) = Concat(−x[half:], x[:half]) of every head, or of neighbouring channels

Channels that meet become neighbours: rows of the Dense behind x are put in that order, which both products of attention
share. Products of one edge, and their sum, then are one operator, as long as no quantizer stands between them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from accel.onnx_import import channels, functions
from accel.onnx_import.builder import Builder, are_whole, whole
from accel.onnx_import.values import Call, Constant, Edge, Function, Shared, rows_of
from accel.ops.rotary.op import Rotary

#: Constants without a step of their own are rounded to 2^-FRACTION of the power of two above the largest.
FRACTION = 15


def by_table(build: Builder, call: Call, x: Edge, constant: Constant) -> Edge:
    """x times a constant of every token and channel."""
    x = build.uniform(x)
    rows = rows_of(x.layout, constant.value)
    table, step = _integers(rows, constant.step, FRACTION + build.precision)
    source, cos, sin = x, table, np.zeros_like(table)
    found = _product(build, x)
    if found is not None and all(np.abs(one).max() <= 1 for one in (found[1].cos, found[1].sin)):
        source = build.edge(found[0], x.layout)  # of what is exchanged or negated before it is multiplied
        cos, sin = (table * _whole_table(one.wide(), table) for one in (found[1].cos, found[1].sin))
    result = build.add(call.name, Rotary(*_periodic(cos, sin)), (source,), x.scale * step, x.layout, call.output)
    if (table * step == rows).all():
        return result
    return build.off(result, float(np.abs(table - rows / step).max()) * build.tensors[x.name].magnitude)


def _integers(rows: np.ndarray, step: np.ndarray | None, fraction: int) -> tuple[np.ndarray, np.ndarray]:
    """Constants as integers and what one of them means."""
    unit = 1.0 if step is None else float(step.min())
    if step is None or not are_whole(rows / unit):
        unit = 2.0 ** (np.frexp(np.abs(rows).max() or 1.0)[1] - fraction)
    table = whole(np.rint(rows / unit))
    spare = int(np.bitwise_or.reduce(table, axis=None)) or 1
    common = (spare & -spare).bit_length() - 1
    return table >> common, np.asarray(unit * 2.0**common)


def _whole_table(table: np.ndarray, like: np.ndarray) -> np.ndarray:
    return np.tile(table, (1, like.shape[1] // table.shape[1]))


def _periodic(cos: np.ndarray, sin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first head's part of the tables, where all heads have the same."""
    width = cos.shape[1]
    least = 2 if sin.any() else 1
    for period in range(least, width, least):
        if width % period == 0 and all((one == _whole_table(one[:, :period], one)).all() for one in (cos, sin)):
            return cos[:, :period], sin[:, :period]
    return cos, sin


def signed(build: Builder, hint: str, x: Edge, signs: np.ndarray, origin: str | None) -> Edge:
    """x times −1, 0 or 1 per channel."""
    table = signs[None].repeat(build.tensors[x.name].tokens, 0)
    return build.add(hint, Rotary(*_periodic(table, np.zeros_like(table))), (x,), x.scale, x.layout, origin)


def kept(build: Builder, hint: str, x: Edge, places: np.ndarray) -> Edge:
    """x with zeros at all other places (tokens, channels), or (tokens, 1)."""
    table = places.astype(int)
    return build.add(hint, Rotary(*_periodic(table, np.zeros_like(table))), (x,), x.scale, x.layout, None)


def negative(build: Builder, hint: str, x: Edge) -> Edge:
    """−x as an edge of its own."""
    x = build.settled(x)
    return signed(build, hint, x, np.full(build.tensors[x.name].channels, -1), None)


def negated(build: Builder, x: Edge, hint: str) -> Function:
    """−x as a function of it, so that a quantizer behind it needs no operator."""
    plain = functions.as_function(x)
    made = partial(negative, build, hint, x)
    return replace(plain, evaluate=lambda values: -plain.evaluate(values), hint=hint, size=1, made=made)


def summed(build: Builder, call: Call, a: Edge, b: Edge) -> Edge | None:
    """The sum of two products of one edge as one product; None where they are something else."""
    if _product(build, a) is None or _product(build, b) is None or a.layout.shape != b.layout.shape:
        return None
    if a.scale.ndim or b.scale.ndim:
        return None
    if a.layout != b.layout:
        a, b = (b, a) if _turns(build, a) else (a, b)
        if _turns(build, a):
            return None
        a = channels.arranged(build, call.name, a, b.layout)
    first, second = _product(build, a), _product(build, b)
    if first is None or second is None or first[0] != second[0]:
        return None
    scale = min(float(a.scale), float(b.scale))
    factors = np.array([float(a.scale), float(b.scale)]) / scale
    if not are_whole(factors):
        return None
    wide = np.zeros((1, build.tensors[a.name].channels))
    p, q = (int(np.rint(factor)) for factor in factors)
    cos, sin = (
        p * _whole_table(getattr(first[1], name), wide) + q * _whole_table(getattr(second[1], name), wide)
        for name in ("cos", "sin")
    )
    approximate = bool({a.name, b.name} & build.approximate)
    source = build.edge(first[0], b.layout)
    result = build.add(call.name, Rotary(*_periodic(cos, sin)), (source,), np.asarray(scale), b.layout, call.output)
    return build.off(result, p * build.own(a) + q * build.own(b)) if approximate else result


def _product(build: Builder, x: Edge) -> tuple[str, Rotary] | None:
    """The edge and the Rotary that x is made of."""
    node = build.producer(x)
    return (node.inputs[0], node.op) if node is not None and isinstance(node.op, Rotary) and not x.relu else None


def _turns(build: Builder, x: Edge) -> bool:
    found = _product(build, x)
    return found is not None and bool(found[1].turns)


def exchanged(build: Builder, x: Shared) -> Edge | None:
    """Channels that change places in pairs, some of them negated: None for any other selection."""
    order, signs = x.order, x.signs
    assert signs is not None
    count = build.tensors[x.edge.name].channels
    places = np.arange(count)
    if len(order) != count or (order == places).any() or (order[order] != places).any():
        return None
    first = places[places < order]
    neighbours = np.stack([first, order[first]], axis=1).reshape(-1)
    layout = channels.relabelled(x.layout, neighbours)
    if layout is None or x.edge.relu:
        return None
    source = build.uniform(x.edge)
    if (neighbours != places).any():
        source = channels.chosen(build, x.hint, source, neighbours, layout, None)
    sin = signs[neighbours][None].repeat(build.tensors[source.name].tokens, 0)
    op = Rotary(*_periodic(np.zeros_like(sin), sin))
    return build.add(x.hint, op, (replace(source, layout=layout),), source.scale, layout, None)
