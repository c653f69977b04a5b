"""Products of an activation with constant weights along any axes: always one Dense, whose matrix is built here."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from accel.building import common
from accel.onnx_import.builder import Builder, are_whole, whole
from accel.onnx_import.layout import Layout, axis_of
from accel.onnx_import.source import MAX_ELEMENTS
from accel.onnx_import.values import Call, Constant, Edge, Refused
from accel.ops.add.op import Add
from accel.ops.dense.op import Dense
from accel.ops.window.op import Window

QUANTIZE_WEIGHT = "use a weight quantizer (QuantLinear)"
RELAYOUT = "keep (batch, tokens, channels), and (batch, heads, tokens, channels) within attention"

WINDOWS = "make one window of all tokens and mask what lies in others, or cut the model in front of its windows"

#: By which weights of unrelated scales get finer steps than the finest of them, and how wide they may become.
FINER_BITS, MAX_WEIGHT_BITS = 6, 20
TOO_UNLIKE = "the scales of its weights are too far apart for one row of a matrix"

Labels = tuple[int, ...]
"""A number for every axis, as subscripts of an einsum."""


def contracted(build: Builder, call: Call, x: Edge, on_x: Labels, weight: Constant, on_w: Labels, out: Labels) -> Edge:
    """einsum(x, weight): every label of the result is one of x's, or one of the weights' alone.

    Axes of channels that the result keeps make the matrix block-diagonal: one block for all, or one per place where the
    weights have that axis too. Where all tokens are contracted, each gets a Dense of its own. The accumulator's scale
    is input scale · weight scale per output channel.
    """
    if weight.step is None:
        raise Refused("its weights are not quantized, a float island", QUANTIZE_WEIGHT)
    sizes = dict(zip(on_w, weight.value.shape, strict=True)) | dict(zip(on_x, x.layout.shape, strict=True))
    layout = x.layout.flat if _contracts_tokens(x.layout, on_x, on_w, out) else x.layout
    inner = _channel_labels(layout, on_x, on_w, out)
    outer = tuple(label for label in out if label in inner or label not in on_x)
    if any(sizes[label] != size for label, size in zip(on_w, weight.value.shape, strict=True)):
        raise Refused(f"weights {weight.value.shape} do not fit input {x.layout.shape}", "export the model again")
    if prod(sizes[label] for label in (*inner, *outer)) > MAX_ELEMENTS:
        raise Refused(f"its matrix has more than {MAX_ELEMENTS} weights", "contract fewer axes at once")
    places = layout.index("channel").reshape(-1)
    spread = _Spread(on_w, out, inner, outer, sizes, places)
    integers, step, exact = _on_grid(spread.matrix(weight.value), spread.matrix(weight.step), build.precision)
    x = build.uniform(x)
    scale, result = common(step * x.scale), _layout(layout, on_x, out, outer, sizes)
    if layout != x.layout:
        y = _token_by_token(build, call, x, integers, scale, result)
    else:
        y = build.add(call.name, Dense(integers, np.zeros(len(step))), (x,), scale, result, call.output)
    return y if exact else build.off(y, build.tensors[x.name].magnitude * integers.shape[1] / 2)


def _on_grid(value: np.ndarray, steps: np.ndarray, more: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """Real weights (outputs, inputs) as integers, a step per output, and whether they are what the integers say.

    The smallest of a row's own steps, where it divides the others: scales per block or per input may be unrelated. Then
    it is divided by 2^(FINER_BITS + more), and a weight is off by at most half of that.
    """
    step = np.where(steps > 0, steps, np.inf).min(axis=1)
    split = np.array([not are_whole(row) for row in value / step[:, None]])
    step = np.where(split, step * 2.0 ** -(FINER_BITS + more), step)
    integers = value / step[:, None]
    if not split.any():
        return whole(integers), step, True
    if np.abs(integers).max() >= 1 << MAX_WEIGHT_BITS + more:
        raise Refused(TOO_UNLIKE, "quantize weights per tensor, per output channel, or in blocks of similar size")
    return np.rint(integers).astype(np.int64), step, False


def _contracts_tokens(layout: Layout, on_x: Labels, on_w: Labels, out: Labels) -> bool:
    """True when nothing of a sample but its place in the batch is left."""
    labels = [label for label, axis in zip(on_x, layout.axes, strict=True) if any(f.role != "batch" for f in axis)]
    return all(label in on_w and label not in out for label in labels)


def _token_by_token(build: Builder, call: Call, x: Edge, weight: np.ndarray, scale: np.ndarray, layout: Layout) -> Edge:
    """weight, (outputs, tokens · channels), times all tokens of x: the sum of a Dense on a Window of each token."""
    total, fill = None, np.zeros((1, x.layout.size("channel")))
    for token, part in enumerate(np.split(weight, x.layout.size("token"), axis=1)):
        one = build.add(f"{call.name}/token", Window(token, fill), (x,), x.scale, layout, None)
        one = build.add(call.name, Dense(part, np.zeros(len(part))), (one,), scale, layout, None)
        total = one if total is None else build.add(call.name, Add(np.ones(2)), (total, one), scale, layout, None)
    assert total is not None
    build.note(total, call.output)
    return total


def _channel_labels(layout: Layout, on_x: Labels, on_w: Labels, out: Labels) -> Labels:
    """Labels of x that walk its channels. Raises Refused when others are contracted, or channels mixed with others."""
    inner = []
    for label, axis in zip(on_x, layout.axes, strict=True):
        roles = {f.role for f in axis}
        if roles == {"channel"} or (not roles and label in on_w):
            inner.append(label)
        elif "channel" in roles or label in on_w or label not in out:
            raise Refused("it does not contract the channel axis", RELAYOUT)
    if any(label not in out and label not in on_w for label in inner) or any(
        label not in out and label not in inner for label in on_w
    ):
        raise Refused("sums over an axis of one operand alone", "sum in a linear layer")
    return tuple(inner)


@dataclass(frozen=True)
class _Spread:
    """Where the weights go in a matrix: `outer` labels count its rows, `inner` ones its columns."""

    on_w: Labels
    out: Labels
    inner: Labels
    outer: Labels
    sizes: dict[int, int]
    places: np.ndarray

    def matrix(self, array: np.ndarray) -> np.ndarray:
        """(outputs, inputs) with `array` in its blocks and 0 elsewhere; columns in the order of x's channels."""
        row = {label: number for number, label in enumerate(dict.fromkeys((*self.outer, *self.inner)))}
        column = {label: number + len(row) for label, number in row.items()}
        operands: list[Any] = [array.astype(np.float64)]
        operands.append([row[label] if label in self.out else column[label] for label in self.on_w])
        for label in self.inner:
            if label in self.out:
                operands += [np.eye(self.sizes[label]), [row[label], column[label]]]
        full = np.einsum(*operands, [row[label] for label in self.outer] + [column[label] for label in self.inner])
        blocks = full.reshape(-1, len(self.places))
        matrix = np.empty_like(blocks)
        matrix[:, self.places] = blocks
        return matrix


def _layout(layout: Layout, on_x: Labels, out: Labels, outer: Labels, sizes: dict[int, int]) -> Layout:
    """Channels of the result in the order of its axes."""
    stride, axes = prod(sizes[label] for label in outer), []
    for label in out:
        if label in outer:
            stride //= sizes[label]
            axes.append(axis_of("channel", sizes[label], stride))
        else:
            axes.append(layout.axes[on_x.index(label)])
    return Layout(tuple(axes))
