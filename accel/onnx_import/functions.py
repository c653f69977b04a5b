"""Functions of one number: chains of element-wise ONNX operators between two quantizers become one Lookup.

No operator has code of its own here: the file's nodes themselves are executed, in float32, on every value that the
edge can have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from onnx import ModelProto, helper

from accel.onnx_import import mask_inputs
from accel.onnx_import.attributes import ALL, understands
from accel.onnx_import.builder import Builder, whole
from accel.onnx_import.errors import Imprecise
from accel.onnx_import.quantizers import Quantizer
from accel.onnx_import.source import MAX_ELEMENTS
from accel.onnx_import.values import (
    IDENTIFIERS,
    ISLAND_REMEDY,
    QUANTIZE_INPUT,
    STATISTICS_REMEDY,
    Call,
    Constant,
    Edge,
    Function,
    Joined,
    Real,
    Refused,
    Shared,
    Uncertain,
    Unknown,
    Value,
    island,
)
from accel.ops.lookup.op import MAX_BITS, Lookup
from accel.tensor import Tensor

NOT_A_NUMBER = f"clip its input, or quantize that without a sign; {STATISTICS_REMEDY}"
#: ONNX operators that act on one number at a time.
_NAMES = """
Abs Add Ceil Celu Clip Cos Div Elu Erf Exp Floor Gelu HardSigmoid HardSwish LeakyRelu Log Max Min Mish Mul Neg PRelu Pow
Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus Softsign Sqrt Sub Swish Tanh ThresholdedRelu
"""
ELEMENTWISE = frozenset(_NAMES.split())
MAX_SIZE = 100
MAX_OFFSETS = 8
ENTRIES = 1 << 12
"""Of a table, as long as that is fine enough."""
ROUNDED = 2.0**-20
"""Relative error that float32 leaves in an integer at most."""
LARGEST = float(np.finfo(np.float32).max)
MAX_OFF = 1
"""Steps of the output by which the entry of a table may be off for the numbers that are rounded to it."""


@understands(ALL)
def elementwise(build: Builder, call: Call) -> Value:
    """One node of such a chain; on constants alone it is computed at once."""
    values = [value for value in call.inputs if value is not None]
    if any(isinstance(value, Unknown) for value in values):
        return Unknown()
    if any(isinstance(value, Real) and value.integer for value in values):
        raise IDENTIFIERS
    if any(isinstance(value, Real) for value in values):
        raise Refused("its input is not quantized", QUANTIZE_INPUT)
    constants = {i: value.value for i, value in enumerate(call.inputs) if isinstance(value, Constant)}
    if len(constants) == len(values):
        arrays = [constants.get(i) for i in range(len(call.inputs))]
        return computed(call, arrays, broadcast_size(list(constants.values())))
    if any(array.size != 1 for array in constants.values()):
        is_mask = any(mask_inputs.is_function(value, build) for value in values)
        remedy = mask_inputs.ONE_BY_ONE if is_mask else ISLAND_REMEDY
        raise Refused("is a float island: its constant differs between elements", remedy)
    operands = {i: as_function(value) for i, value in enumerate(call.inputs) if i not in constants and value}
    aligned = dict(zip(operands, _over_one_edge(build, list(operands.values())), strict=True))
    first, size = next(iter(aligned.values())), 1 + sum(operand.size for operand in aligned.values())
    if size > MAX_SIZE:
        raise Refused(f"ends a chain of more than {MAX_SIZE} float operators", ISLAND_REMEDY)

    def evaluate(x: np.ndarray) -> np.ndarray:
        given: list[np.ndarray | None] = [None] * len(call.inputs)
        for i, array in constants.items():
            given[i] = array.reshape(())
        for i, operand in aligned.items():
            given[i] = operand.evaluate(x)
        return execute(call, given)

    return Function(first.edge, evaluate, first.layout, call.name, size)


def as_function(value: Value) -> Function:
    """An edge or a function as a function. Raises Refused for what is neither."""
    if isinstance(value, Function):
        return value
    if not isinstance(value, Edge):
        assert not isinstance(value, Constant | Real | Shared | Joined | Unknown)
        raise island(value)
    if value.relu:
        return Function(replace(value, relu=False), lambda x: np.maximum(x, np.float32(0)), value.layout, value.name)
    return Function(value, lambda x: x, value.layout, value.name)


def of_one_edge(build: Builder, *operands: Edge | Function) -> bool:
    """True when all of these activations are functions of the same edge, so that one Lookup can combine them."""
    first, *others = (_behind_offsets(build, as_function(operand)) for operand in operands)
    return all((other.edge.name, other.layout) == (first.edge.name, first.layout) for other in others)


def _over_one_edge(build: Builder, operands: Sequence[Function]) -> list[Function]:
    """The operands as functions of the same real numbers: those of the edge that all depend on."""
    if not of_one_edge(build, *operands):
        raise Refused("is a float island: it combines two activations", ISLAND_REMEDY)
    if len(operands) == 1:
        return list(operands)
    origins = [_behind_offsets(build, operand) for operand in operands]
    return [_rescaled(other, origins[0].edge) for other in origins]


def _behind_offsets(build: Builder, function: Function) -> Function:
    """The function of the edge in front of sums with one number: x · relu6(x + 3) depends on x alone."""
    for _ in range(MAX_OFFSETS):
        if function.edge.name not in build.offsets:
            break
        inner, total, offset = build.offsets[function.edge.name]
        outer = _rescaled(function, total).evaluate
        moved = as_function(inner)
        function = replace(function, edge=moved.edge, evaluate=_after(outer, _plus(np.float32(offset)), moved.evaluate))
    return function


def _plus(offset: np.float32) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: x + offset


def _rescaled(function: Function, base: Edge) -> Function:
    """The function for real numbers of `base`, another scale of the same edge."""
    ratios = np.atleast_1d(function.edge.scale / base.scale)
    if np.ptp(ratios) > 1e-9 * ratios[0]:
        raise Refused("is a float island: its operands' scales differ per channel", ISLAND_REMEDY)
    factor = np.float32(ratios[0])
    evaluate = function.evaluate if factor == 1 else _after(function.evaluate, lambda x: x * factor)
    return replace(function, edge=base, evaluate=evaluate)


def _after(*steps: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """The last one first."""
    *outer, inner = steps
    return inner if not outer else lambda x: _after(*outer)(inner(x))


# ---- the file's operators, executed


def computed(call: Call, arrays: Sequence[np.ndarray | None], size: float) -> Constant:
    """The node's output for constants; `size` bounds its elements. Raises Refused when it is too large or malformed."""
    if size > MAX_ELEMENTS:
        raise Refused(f"makes a constant of more than {MAX_ELEMENTS} elements", "export the model again")
    return Constant(execute(call, arrays))


def broadcast_size(given: Sequence[np.ndarray]) -> float:
    """Number of elements of arrays that are broadcast to each other."""
    return float(np.prod(np.broadcast_shapes(*(array.shape for array in given)), dtype=float))


def execute(call: Call, arrays: Sequence[np.ndarray | None]) -> np.ndarray:
    """The node's output for these inputs, by onnxruntime as qonnx runs it, or by onnx' reference where it cannot.

    Raises Refused when neither can.
    """
    model, feeds = _model(call, arrays)
    for run in (_onnxruntime, _onnx_reference):
        try:
            with np.errstate(all="ignore"):
                return np.asarray(run(model, feeds))
        except Exception:  # both raise many kinds
            continue
    raise Refused("cannot be executed", "export the model again: its inputs or attributes are not valid")


def _model(call: Call, arrays: Sequence[np.ndarray | None]) -> tuple[ModelProto, dict[str, np.ndarray]]:
    feeds = {f"x{i}": array for i, array in enumerate(arrays) if array is not None}
    names = [f"x{i}" if array is not None else "" for i, array in enumerate(arrays)]
    node = helper.make_node(call.op_type, names, ["y"], **call.attributes)
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in feeds.items()
    ]
    graph = helper.make_graph([node], "node", inputs, [helper.make_empty_tensor_value_info("y")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", call.opset)], ir_version=10), feeds


def _onnxruntime(model: ModelProto, feeds: dict[str, np.ndarray]) -> object:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


def _onnx_reference(model: ModelProto, feeds: dict[str, np.ndarray]) -> object:
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(model).run(None, feeds)[0]


# ---- tables


def quantized(build: Builder, call: Call, function: Function, quantizer: Quantizer, scale: np.ndarray) -> Edge:
    """A Lookup that gives the quantizer's integers. A wider edge is first brought to 12 or 16 bits."""
    if scale.ndim:
        raise Refused("gives a float function one scale per channel", "quantize it per tensor")

    def codes(x: np.ndarray) -> np.ndarray:
        values = function.evaluate(x.astype(np.float32))
        if np.isnan(values).any():
            raise Uncertain("quantizes a function that is not a number on its input's range", NOT_A_NUMBER)
        return quantizer.integers(np.clip(values, -LARGEST, LARGEST))  # infinity is clipped as any large number

    edge = _narrow(build, function.edge, codes, build.error(function.edge, np.asarray(1.0)))
    tensor = build.tensors[edge.name]
    integers = np.arange(tensor.lo, tensor.hi + 1, dtype=np.float32)
    table = codes(integers * np.float32(edge.scale))
    op = Lookup(table, tensor.lo)
    result = build.add(function.hint, op, (edge,), scale, function.layout, call.output)
    build.off(result, 0.0)
    return build.quantized(result, call.output)


def as_edge(build: Builder, x: Edge | Function) -> Edge | None:
    """An edge for readers that need integers; None for a function of real numbers, which only a quantizer can read."""
    if isinstance(x, Edge):
        return x
    edge = x.made() if x.made is not None else exact(build, x)
    return None if edge is None else replace(edge, layout=x.layout)


def exact(build: Builder, function: Function) -> Edge | None:
    """The function as a table where its values are integers, or integers in steps of x: a sign, an absolute value.

    None where they are not, or where x has more than 2^12 values.
    """
    edge, tensor = function.edge, build.tensors[function.edge.name]
    if edge.scale.ndim or tensor.hi - tensor.lo >= ENTRIES:
        return None
    x = np.arange(tensor.lo, tensor.hi + 1) * float(edge.scale)
    values = function.evaluate(x.astype(np.float32)).astype(np.float64)
    for step in sorted([1.0, float(edge.scale)], reverse=True):
        integers = values / step
        table = np.rint(integers)
        if np.abs(integers).max() <= ENTRIES and (np.abs(integers - table) <= ROUNDED * np.abs(integers)).all():
            op = Lookup(whole(table), tensor.lo)
            return build.add(function.hint, op, (edge,), np.asarray(step), function.layout, None)
    return None


def _narrow(build: Builder, edge: Edge, codes: Callable[[np.ndarray], np.ndarray], error: float) -> Edge:
    """The edge with at most 2^12 values, spread over the part of its range in which the output changes.

    With at most 2^16 where the output would be off by more than MAX_OFF otherwise, or all of its own values where these
    are so few. The edge's real numbers are off by `error`. Raises Refused when even that is too coarse.
    """
    tensor = build.tensors[edge.name]
    whole = tensor.hi - tensor.lo if edge.scale.ndim == 0 else 1 << MAX_BITS
    if whole < ENTRIES and _own_entries_do(codes, edge, tensor, error):
        return edge
    ends = [end * float(scale) for end in (tensor.lo, tensor.hi) for scale in (edge.scale.min(), edge.scale.max())]
    lo, hi = _changing(codes, min(ends), max(ends))
    least = max(max(abs(lo), abs(hi)) * 2.0**-24, float(edge.scale.min()) / ENTRIES)
    for entries in (ENTRIES, 1 << MAX_BITS):
        step = max((hi - lo) / (entries - 4), least)
        if _off(codes, lo, hi, step, error) <= MAX_OFF:
            return build.requantize(edge.name + "/narrow", edge, np.asarray(step), _steps(lo, hi, step))
        if whole < 1 << MAX_BITS and _own_entries_do(codes, edge, tensor, error):
            return edge
    if error and not build.last:
        raise Imprecise
    raise Refused(
        f"changes by more than a step of its output between the {1 << MAX_BITS} entries of a table",
        f"quantize its input to at most {MAX_BITS} bits",
    )


def _steps(lo: float, hi: float, step: float) -> tuple[int, int]:
    return int(np.floor(lo / step)), int(np.ceil(hi / step))


def _own_entries_do(codes: Callable[[np.ndarray], np.ndarray], edge: Edge, tensor: Tensor, error: float) -> bool:
    """True for a table with an entry for every value of the edge, whose real numbers are off by `error`."""
    if not error:
        return True
    x = np.arange(tensor.lo, tensor.hi + 1) * float(edge.scale)
    return _change(codes, x, error) <= MAX_OFF


def _off(codes: Callable[[np.ndarray], np.ndarray], lo: float, hi: float, step: float, error: float) -> int:
    """How far the output is from that of the nearest entry, at most, in its own steps: half-way between two entries."""
    first, last = _steps(lo, hi, step)
    if error:
        return _change(codes, np.arange(first, last + 1) * step, step / 2 + error)
    values = codes(np.arange(2 * first, 2 * last + 1) * (step / 2))
    return int(np.abs(np.diff(values)).max(initial=0))


def _change(codes: Callable[[np.ndarray], np.ndarray], x: np.ndarray, distance: float) -> int:
    """How far the output for a number is from that for one at this distance, at most."""
    middle = codes(x)
    return int(max(np.abs(codes(x + way) - middle).max() for way in (-distance, distance)))


def _changing(codes: Callable[[np.ndarray], np.ndarray], lo: float, hi: float) -> tuple[float, float]:
    """The smallest part of lo..hi outside of which the codes are constant, found on ever finer grids."""
    for _ in range(12):
        near = np.geomspace(1e-4, 1, ENTRIES)
        grid = np.unique(np.concatenate([np.linspace(lo, hi, 2 * ENTRIES), lo * near, hi * near]))
        values = codes(grid)
        changes = np.flatnonzero(np.diff(values))
        if not changes.size:
            return lo, lo  # one value everywhere
        found = float(grid[changes[0]]), float(grid[changes[-1] + 1])
        if found == (lo, hi) or (found[1] - found[0]) > 0.99 * (hi - lo):
            return found
        lo, hi = found
    return lo, hi
