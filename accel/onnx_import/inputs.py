"""Meaning of the axes of a file's inputs: by rule, and where the first rule leads nowhere, by trying the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from operator import mul

from onnx import NodeProto

from accel.errors import UnsupportedModel
from accel.onnx_import.functions import ELEMENTWISE
from accel.onnx_import.layout import Axis, Factor, Layout, axis_of, edge_order
from accel.onnx_import.source import FileInput, Source
from accel.view import Form

ROLES: dict[int, list[tuple[str, ...]]] = {
    1: [("token",), ("channel",)],
    2: [("batch", "channel"), ("token", "channel")],
    3: [("batch", "token", "channel"), ("token", "batch", "channel"), ("batch", "channel", "token")],
}
"""Of floating-point inputs by rank, the likeliest first."""
IDENTIFIERS: dict[int, list[tuple[str, ...]]] = {1: [("token",)], 2: [("batch", "token")]}
"""Of identifiers, which have no channels."""
MOST = 32
PASSED = (
    "Quant",
    "IntQuant",
    "BipolarQuant",
    "QuantizeLinear",
    "Clip",
    "DequantizeLinear",
    "Identity",
    "Cast",
    "Dropout",
)
"""Operators that may stand between the input and the convolution that cuts it into patches."""
SCALING = ("Mul", "Div", "Add", "Sub")


@dataclass(frozen=True)
class Reading:
    """One way to read an input: its axes, and which of them counts samples (None: the file takes one sample)."""

    layout: Layout
    batch: int | None

    @property
    def form(self) -> Form:
        """The file's input as a graph's."""
        factors = [f for f in self.layout.factors if f.role != "batch"]
        order = sorted(range(len(factors)), key=lambda i: edge_order(factors[i]))
        edge = (self.layout.size("token"), self.layout.size("channel"))
        return Form(self.layout.shape, self.batch, tuple(f.size for f in factors), tuple(order), edge)


Readings = Mapping[str, Reading]
"""The reading of every input of a file, by its name. All take as many samples at once."""


def batch_of(readings: Readings) -> int:
    """Samples that one run of the file takes."""
    return next(iter(readings.values())).layout.size("batch")


def result_shape(readings: Readings, output: Layout) -> tuple[int, ...]:
    """The shape of one sample's result: without the axis of the samples, or with their share of one taken out."""
    sizes = [prod(f.size for f in axis if f.role != "batch") for axis in output.axes]
    counted = samples_axis(readings, output)
    return tuple(size for axis, size in enumerate(sizes) if axis != counted)


def samples_axis(readings: Readings, output: Layout) -> int | None:
    """The axis of a result that counts samples; None where there is none.

    A single sample leaves no trace in a layout: then it is an input's axis, or the first one, if it has size 1.
    """
    batch = next((reading.batch for reading in readings.values() if reading.batch is not None), None)
    if batch is None:
        return None
    rank = len(output.axes)
    if output.size("batch") > 1:
        return next((axis for axis in range(rank) if output.is_whole(axis, "batch")), None)
    return next((axis for axis in (batch, 0) if axis < rank and not output.axes[axis]), None)


def readings(source: Source, cuts: Mapping[str, Reading | None]) -> list[Readings]:
    """Every way to read the inputs, the likeliest first: of images as in `cuts`. Raises UnsupportedModel without any.

    Of many inputs, these are the MOST likeliest ways.
    """
    found = [_readings_of(source, given, cuts.get(given.name)) for given in source.inputs]
    places: list[tuple[int, ...]] = sorted(product(*[range(len(one)) for one in found]), key=lambda way: sum(way))
    ways = [[one[place] for one, place in zip(found, way, strict=True)] for way in places]
    fitting = [way for way in ways if len({reading.layout.size("batch") for reading in way}) == 1]
    if not fitting:
        shapes = " and ".join(str(given.shape) for given in source.inputs)
        raise UnsupportedModel(f"{source.path}: inputs {shapes} have different batches; export with batch 1")
    names = [given.name for given in source.inputs]
    return [dict(zip(names, way, strict=True)) for way in fitting[:MOST]]


def _readings_of(source: Source, given: FileInput, cut: Reading | None) -> list[Reading]:
    """Every way to read one input."""
    shape = given.shape
    found = [_patches(source, given), cut if len(shape) > 3 else None]
    if given.is_identifiers:
        found += [_reading(roles, shape) for roles in IDENTIFIERS.get(len(shape), [])]
    else:
        found += _default(shape) + [_reading(roles, shape) for roles in ROLES.get(len(shape), [])]
        found += [_reading(("batch", "token"), shape)] if given.is_mask and len(shape) == 2 else []
    distinct = dict.fromkeys(reading for reading in (*found, cut) if reading is not None)
    if not distinct:
        raise UnsupportedModel(
            f"{source.path}: input shape {shape} is not (batch, tokens, channels), nor cut into patches by Reshape and "
            "Transpose or a convolution whose kernel is its stride; cut images into patches before the model"
        )
    return list(distinct)


def _reading(roles: tuple[str, ...], shape: tuple[int, ...]) -> Reading:
    axes = tuple(axis_of(role, size) for role, size in zip(roles, shape, strict=True))
    return Reading(Layout(axes), roles.index("batch") if "batch" in roles else None)


def _default(shape: tuple[int, ...]) -> list[Reading]:
    """Batch first; then tokens and channels, or channels alone. Other axes must be 1."""
    _, *rest = shape
    wide = [i for i, size in enumerate(rest) if size > 1]
    keep = wide if len(wide) == 2 or len(rest) < 2 else sorted({*wide, len(rest) - 2, len(rest) - 1})
    if len(keep) > 2:
        return []
    roles = dict(zip(keep, ("token", "channel")[2 - len(keep) :], strict=True))
    return [_reading(("batch", *(roles.get(i, "token") for i in range(len(rest)))), shape)]


def uncut(shape: tuple[int, ...]) -> Layout:
    """Samples first; every other number a place of its own, as tokens: what Reshape and Transpose do stays visible."""
    axes = (axis_of("token", size, prod(shape[i + 2 :])) for i, size in enumerate(shape[1:]))
    return Layout((axis_of("batch", shape[0]), *axes))


def cut(shape: tuple[int, ...], moved: Layout) -> Reading | None:
    """The reading in which the last axis of `moved`, made from `uncut(shape)`, is the channels, all others tokens."""
    *outer, last = moved.axes
    parts = {"token": [f for axis in outer for f in axis if f.role != "batch"], "channel": list(last)}
    places = prod(f.size for part in parts.values() for f in part)
    if any(f.role == "batch" for f in last) or places != prod(shape[1:]):
        return None
    found: dict[int, Factor] = {}
    for role, part in parts.items():
        stride = prod(f.size for f in part)
        for f in part:
            stride //= f.size
            found[f.stride] = Factor(role, f.size, stride)
    factors = tuple(found[place] for place in sorted(found, reverse=True))
    layout = Layout((axis_of("batch", shape[0]), factors)).reshaped(shape)
    return None if layout is None else Reading(layout, 0)


def _patches(source: Source, given: FileInput) -> Reading | None:
    """(batch, channels, …) cut by the convolution that reads it first: tokens are patches, channels what is in one."""
    kernel = _kernel(source, given.name)
    batch, channels, *sizes = given.shape if len(given.shape) > 2 else (1, 1)
    if kernel is None or len(kernel) != len(sizes) or any(size % k for size, k in zip(sizes, kernel, strict=True)):
        return None
    grid = [size // k for size, k in zip(sizes, kernel, strict=True)]
    spatial: list[Axis] = []
    for i, (count, k) in enumerate(zip(grid, kernel, strict=True)):
        axis = (Factor("token", count, prod(grid[i + 1 :])), Factor("channel", k, prod(kernel[i + 1 :])))
        spatial.append(tuple(f for f in axis if f.size > 1))
    return Reading(Layout((axis_of("batch", batch), axis_of("channel", channels, prod(kernel)), *spatial)), 0)


def _kernel(source: Source, name: str) -> tuple[int, ...] | None:
    """Columns of a patch: the kernel of a first convolution that cuts patches, else what all strides in a row make."""
    reached, found = {name}, None
    for node in source.nodes:
        if reached.isdisjoint(node.input):
            continue
        if node.op_type == "Conv":
            kernel, strides, is_cut = _geometry(source, node)
            if kernel is None or (found is not None and len(found) != len(kernel)):
                return found
            if found is None and is_cut:
                return kernel
            found = strides if found is None else tuple(map(mul, found, strides))
            reached.update(node.output[:1])
        elif node.op_type in PASSED + SCALING or (found is not None and node.op_type in ELEMENTWISE):
            reached.update(node.output[:1])
    return found


def _geometry(source: Source, node: NodeProto) -> tuple[tuple[int, ...] | None, tuple[int, ...], bool]:
    """Kernel and strides of a convolution, and whether it cuts patches: its kernel is its stride, without padding."""
    given = {attribute.name: tuple(attribute.ints) for attribute in node.attribute}
    kernel = given.get("kernel_shape") or _weights_shape(source, node)[2:]
    if min(kernel, default=0) < 1:
        return None, (), False
    strides = given.get("strides") or (1,) * len(kernel)
    if len(strides) != len(kernel) or min(strides) < 1:
        return None, (), False
    return kernel, strides, kernel == strides and not any(given.get("pads", ()))


def _weights_shape(source: Source, node: NodeProto) -> tuple[int, ...]:
    """The shape of a node's weights, behind whatever quantizes them; empty where they are no constants."""
    makers = {name: maker for maker in source.nodes for name in maker.output[:1]}
    name = node.input[1] if len(node.input) > 1 else ""
    while name not in source.constants:
        if name not in makers or makers[name].op_type not in PASSED:
            return ()
        name = makers[name].input[0]
    return source.constants[name].shape
