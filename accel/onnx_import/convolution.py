"""Conv: a linear layer on windows of tokens.

A token is a patch of the input: along every axis some neighbouring columns, which are among its channels. An output
column j of a token is Σ_k weight[k] · column j · stride + k · dilation − pad, and these columns lie in the token itself
or in those beside it. So a convolution is the sum of one Dense for every neighbour that its windows reach, on a Window
that shifts the tokens; where the kernel is the stride there is one Dense alone. What a shift brings in from another row
of an image is multiplied by 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import gcd, prod

import numpy as np

from accel.onnx_import import linear, reordering
from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder
from accel.onnx_import.contraction import QUANTIZE_WEIGHT, contracted
from accel.onnx_import.layout import Layout, axis_of
from accel.onnx_import.linear import add_constant, is_unknown
from accel.onnx_import.rotary import kept
from accel.onnx_import.values import Call, Constant, Edge, Refused, Unknown, Value
from accel.ops.window.op import Window

#: Neighbours that a convolution may reach, itself included: each costs a Dense.
MOST = 64
CUT = "pad it so that the output has 1 / stride of the input's size, or cut the model behind its convolutions"


@understands("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
def conv(build: Builder, call: Call) -> Value:
    x, weight, bias = call.take(2, 3)
    if is_unknown(x, weight, bias):
        return Unknown()
    if not isinstance(x, Edge) or not isinstance(weight, Constant) or not isinstance(bias, Constant | None):
        raise Refused("its weights are no constants", "use a plain convolution")
    x = _grouped(build, call, x)
    axes = _axes(call, x.layout, weight.value.shape)
    kernel = _per_output(weight, call.integer("group", 1), x.layout.shape[1])
    offsets = list(product(*(axis.offsets for axis in axes)))
    if len(offsets) > MOST:
        raise Refused(f"its windows reach {len(offsets)} patches, more than {MOST}", "use a smaller kernel")
    split = _split(x.layout, axes)
    x = replace(build.uniform(x), layout=split)
    total = None
    for offset in offsets:
        part = contracted(build, call, _shifted(build, call, x, axes, offset), *_labels(kernel, axes, offset))
        if bias is not None and total is None:
            wide = bias.moved(lambda a: a.reshape(-1, *(1,) * (2 * len(axes))))
            part = add_constant(build, call, part, wide, call.output)
        del build.origins[part.name]  # one of several terms
        total = part if total is None else linear.add_edges(build, replace(call, outputs=()), total, part)
    assert total is not None
    merged = total.layout.reshaped((*total.layout.shape[:2], *(axis.tokens * axis.made for axis in axes)))
    assert merged is not None
    result = replace(total, layout=merged)
    build.note(result, call.output)
    return result


def _grouped(build: Builder, call: Call, x: Edge) -> Edge:
    """Tokens that a stride passes over become one patch, so that the stride lies within it."""
    shape, sizes = x.layout.shape, x.layout.shape[2:]
    strides = call.integers("strides") or (1,) * len(sizes)
    split, inner = list(shape[:2]), []
    for axis, size, stride in zip(x.layout.axes[2:], sizes, strides, strict=False):
        tokens = prod(f.size for f in axis if f.role == "token")
        group = stride // gcd(size // tokens, stride)
        if group > 1 and axis == axis_of("token", tokens, axis[0].stride if axis else 1) and tokens % group == 0:
            split += [tokens // group, group]
            inner.append(len(split) - 1)
        else:
            split.append(size)
    layout = x.layout.reshaped(tuple(split))
    if not inner or layout is None:
        return x
    folded = reordering.folded(build, f"{call.name}/patches", replace(x, layout=layout), inner)
    merged = folded.layout.reshaped(shape)
    assert merged is not None  # its axes were split above
    return replace(folded, layout=merged)


@dataclass(frozen=True)
class _Axis:
    """One spatial axis: `tokens` patches of `columns`, `distance` tokens apart, and how windows move along it."""

    tokens: int
    columns: int
    distance: int
    kernel: int
    stride: int
    dilation: int
    pad: int

    @property
    def made(self) -> int:
        """Columns of a token's output."""
        return self.columns // self.stride

    def reached(self, column: int, tap: int) -> tuple[int, int]:
        """The neighbour, and the column in it, that a tap of an output column reads."""
        return divmod(column * self.stride + tap * self.dilation - self.pad, self.columns)

    @property
    def offsets(self) -> list[int]:
        """Neighbours that are reached and exist."""
        found = {self.reached(column, tap)[0] for column in range(self.made) for tap in range(self.kernel)}
        return sorted(offset for offset in found if abs(offset) < self.tokens) or [0]


def _axes(call: Call, layout: Layout, weights: tuple[int, ...]) -> list[_Axis]:
    """Every spatial axis. Raises Refused where patches do not fit the convolution."""
    outputs, channels, *kernel = weights
    group = call.integer("group", 1)
    _, have, *sizes = layout.shape
    count = len(kernel)
    if count != len(sizes) or channels * group != have or outputs % group:
        raise Refused(f"weights {weights} do not fit input {layout.shape}", "export the model again")
    if tuple(call.integers("kernel_shape") or kernel) != tuple(kernel):
        raise Refused(f"has weights of {tuple(kernel)} and another kernel_shape", "export the model again")
    ones = (1,) * count
    strides, dilations = call.integers("strides") or ones, call.integers("dilations") or ones
    pads = call.integers("pads") or (0,) * (2 * count)
    if call.text("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise Refused("pads as many columns as it needs (auto_pad)", "export it with pads")
    found = []
    for i, (axis, size) in enumerate(zip(layout.axes[2:], sizes, strict=True)):
        tokens = prod(f.size for f in axis if f.role == "token")
        distance = min((f.stride for f in axis if f.role == "token"), default=1)
        out = (size + pads[i] + pads[i + count] - dilations[i] * (kernel[i] - 1) - 1) // strides[i] + 1
        columns = size // tokens
        roles = [f.role for f in axis]
        if "batch" in roles or roles != sorted(roles, reverse=True):
            raise Refused("its windows do not move along tokens", CUT)
        if columns % strides[i] or out * strides[i] != size:
            raise Refused(f"makes {out} columns of {size} with stride {strides[i]}", CUT)
        found.append(_Axis(tokens, columns, distance, kernel[i], strides[i], dilations[i], pads[i]))
    return found


def _per_output(weight: Constant, group: int, channels: int) -> Constant:
    """Weights for all input channels, zeros in those of other groups, with one step per output channel."""
    if weight.step is None:
        raise Refused("its weights are not quantized, a float island", QUANTIZE_WEIGHT)
    steps = weight.step.reshape(len(weight.step), -1)
    if (steps != steps[:, :1]).any():
        raise Refused("its weights have several scales for one output", "quantize per tensor or per output channel")
    full = np.zeros((len(steps), channels, *weight.value.shape[2:]))
    size, own = len(steps) // group, channels // group
    for number in range(group):
        rows, columns = (slice(number * n, (number + 1) * n) for n in (size, own))
        full[rows, columns] = weight.value[rows]
    return Constant(full, steps[:, :1])


def _split(layout: Layout, axes: list[_Axis]) -> Layout:
    """Every spatial axis as patches and columns."""
    found = layout.reshaped((*layout.shape[:2], *(n for axis in axes for n in (axis.tokens, axis.columns))))
    if found is None:
        raise Refused("its patches are not what the channels of a token are", CUT)
    return found


def _labels(
    kernel: Constant, axes: list[_Axis], offset: tuple[int, ...]
) -> tuple[tuple[int, ...], Constant, tuple[int, ...], tuple[int, ...]]:
    """Arguments of `contracted` for one neighbour: labels of x, the weights and theirs, labels of the result."""
    outputs, channels = kernel.value.shape[:2]
    made, columns = [axis.made for axis in axes], [axis.columns for axis in axes]
    value = np.zeros((outputs, *made, channels, *columns))
    places = product(*([(j, k) for j in range(axis.made) for k in range(axis.kernel)] for axis in axes))
    for place in places:
        reached = [axis.reached(j, k) for axis, (j, k) in zip(axes, place, strict=True)]
        if tuple(neighbour for neighbour, _ in reached) == offset:
            columns_of = (column for _, column in reached)
            target: tuple[slice | int, ...] = (slice(None), *(j for j, _ in place), slice(None), *columns_of)
            taps: tuple[slice | int, ...] = (slice(None), slice(None), *(k for _, k in place))
            value[target] += kernel.value[taps]
    assert kernel.step is not None
    step = np.broadcast_to(kernel.step.reshape(-1, *(1,) * (value.ndim - 1)), value.shape)
    count = len(axes)
    tokens, inner = tuple(range(2, 2 + 2 * count, 2)), tuple(range(3, 3 + 2 * count, 2))
    made_by = tuple(range(-2, -2 - count, -1))
    on_x = (0, 1, *(label for pair in zip(tokens, inner, strict=True) for label in pair))
    out = (0, -1, *(label for pair in zip(tokens, made_by, strict=True) for label in pair))
    return on_x, Constant(value, step), (-1, *made_by, 1, *inner), out


def _shifted(build: Builder, call: Call, x: Edge, axes: list[_Axis], offset: tuple[int, ...]) -> Edge:
    """Every token's neighbour, zeros where there is none."""
    if not any(offset):
        return x
    first = sum(o * axis.distance for o, axis in zip(offset, axes, strict=True))
    tensor = build.tensors[x.name]
    place, exists = np.arange(tensor.tokens), np.ones(tensor.tokens, dtype=bool)
    for o, axis in zip(offset, axes, strict=True):
        at = place // axis.distance % axis.tokens + o
        exists &= (at >= 0) & (at < axis.tokens)
    fill = np.zeros(tensor.shape)
    y = build.add(f"{call.name}/neighbour", Window(first, fill), (x,), x.scale, x.layout, None)
    inside = (place + first >= 0) & (place + first < tensor.tokens)
    return y if exists[inside].all() else kept(build, f"{call.name}/row", y, exists[:, None])
