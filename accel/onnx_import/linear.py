"""Products and sums: MatMul and Gemm (constant weights or attention), Add and Sub, Mul and Div by constants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accel.onnx_import.builder import Builder, common, exponents, whole
from accel.onnx_import.layout import Axis, Factor, Layout, axis_of
from accel.onnx_import.quantizers import per_channel
from accel.onnx_import.values import Call, Constant, Edge, Real, Refused, Unknown, Value
from accel.ops.add.op import Add
from accel.ops.dense.op import Dense
from accel.ops.matmul.op import MatMul
from accel.ops.position.op import Position

QUANTISE_INPUT = "put a QuantIdentity at the model's input"
QUANTISE_WEIGHT = "use a weight quantizer (QuantLinear)"
RELAYOUT = "keep (batch, tokens, channels), and (batch, heads, tokens, channels) within attention"


def is_unknown(*values: Value | None) -> bool:
    """True when an operand depends on a node that was refused; raises Refused on an unquantised operand."""
    for value in values:
        if isinstance(value, Real):
            raise Refused("its input is not quantised", QUANTISE_INPUT)
    return any(isinstance(value, Unknown) for value in values)


def matmul(build: Builder, call: Call) -> Value:
    a, b = call.take(2)
    if is_unknown(a, b):
        return Unknown()
    if isinstance(a, Edge) and isinstance(b, Edge):
        return _attention(build, call, a, b)
    if isinstance(a, Edge) and isinstance(b, Constant):
        return _dense(build, call, a, _transposed(_matrix(b)), len(a.layout.axes) - 1)
    if isinstance(a, Constant) and isinstance(b, Edge):
        return _dense(build, call, b, _matrix(a), len(b.layout.axes) - 2)
    raise Refused("multiplies two constants", "fold constants before exporting (qonnx cleanup)")


def gemm(build: Builder, call: Call) -> Value:
    x, weight, bias = call.take(2, 3)
    if is_unknown(x, weight, bias):
        return Unknown()
    if call.number("alpha", 1.0) != 1 or call.number("beta", 1.0) != 1 or call.flag("transA", 0):
        raise Refused("has alpha, beta or transA", "use a plain linear layer")
    if not isinstance(x, Edge) or not isinstance(weight, Constant) or not isinstance(bias, Constant | None):
        raise Refused("its weights are no constants", "use a plain linear layer")
    matrix = _matrix(weight)
    y = _dense(build, call, x, matrix if call.flag("transB", 0) else _transposed(matrix), len(x.layout.axes) - 1)
    return y if bias is None else _add_constant(build, call, y, bias, call.output)


def _matrix(weight: Constant) -> Constant:
    """The constant without leading axes of 1."""
    value, step = weight.value, weight.step
    if value.ndim < 2 or value.size != value.shape[-1] * value.shape[-2]:
        raise Refused(f"its weights have shape {value.shape}", "use one weight matrix")
    shape = value.shape[-2:]
    return Constant(value.reshape(shape), None if step is None else step.reshape(shape))


def _transposed(weight: Constant) -> Constant:
    return Constant(weight.value.T, None if weight.step is None else weight.step.T)


def _dense(build: Builder, call: Call, x: Edge, weight: Constant, axis: int) -> Edge:
    """Weight (out, in) over one axis of x. The accumulator's scale is input scale · weight scale per output channel."""
    if weight.step is None:
        raise Refused("its weights are not quantised", QUANTISE_WEIGHT)
    if axis < 0 or not x.layout.is_whole(axis, "channel"):
        raise Refused("it does not contract the channel axis", RELAYOUT)
    if x.layout.size("channel") != weight.value.shape[1]:
        raise Refused(f"weights {weight.value.shape} do not fit input {x.layout.shape}", "export the model again")
    x = build.uniform(x)
    step = weight.step.min(axis=1)
    integers = whole(weight.value.astype(np.float64) / step[:, None])
    layout = x.layout.replaced(axis, axis_of("channel", len(step)))
    op = Dense(integers, np.zeros(len(step)))
    return build.add(call.name, op, (x,), common(step * x.scale), layout, call.output)


def _attention(build: Builder, call: Call, a: Edge, b: Edge) -> Edge:
    """Both products of attention, recognised by which axes are contracted; the first operand gives the queries."""
    for form, left, right in (("scores", a, b), ("values", a, b), ("values", b, a)):
        flipped = left is not a
        layout = _product_layout(form, left.layout, right.layout, flipped)
        if layout is not None:
            left, right = build.uniform(left), build.uniform(right)
            op = MatMul(_heads(left.layout), form)
            return build.add(call.name, op, (left, right), left.scale * right.scale, layout, call.output)
    raise Refused(f"multiplies {a.layout.shape} by {b.layout.shape} in no form of attention", RELAYOUT)


def _heads(layout: Layout) -> int:
    leading = Layout(layout.axes[:-2])
    return leading.size("channel")


def _product_layout(form: str, left: Layout, right: Layout, flipped: bool) -> Layout | None:
    """Layout of left @ right (of its transpose when the file multiplies transposed operands); None if it is not `form`.

    scores: left (…, tokens, d), right (…, d, keys); values: left (…, tokens, keys), right (…, keys, d).
    """
    if len(left.axes) != len(right.axes) or len(left.axes) < 2:
        return None
    if flipped:  # right^T @ left^T: swap the last two axes of both, and of the product
        swapped = [*range(len(left.axes) - 2), len(left.axes) - 1, len(left.axes) - 2]
        left, right = left.transposed(tuple(swapped)), right.transposed(tuple(swapped))
    heads = _heads(left)
    if left.size("channel") % heads or right.size("channel") % heads or heads != _heads(right):
        return None
    inner, depth = left.size("channel") // heads, right.size("channel") // heads
    keys, queries = right.size("token"), left.size("token")
    if form == "scores":
        wanted = (
            (axis_of("token", queries), axis_of("channel", depth)),
            (axis_of("channel", depth), axis_of("token", keys)),
        )
        matches, out = inner == depth, keys
    else:
        wanted = (
            (axis_of("token", queries), axis_of("channel", keys)),
            (axis_of("token", keys), axis_of("channel", depth)),
        )
        matches, out = inner == keys, depth
    leading = [_restrided(axis, inner, out) for axis in left.axes[:-2]]
    same_heads = [_restrided(axis, depth, out) for axis in right.axes[:-2]] == leading
    if not matches or not same_heads or (left.axes[-2:], right.axes[-2:]) != wanted:
        return None
    last = [axis_of("token", queries), axis_of("channel", out)]
    return Layout((*leading, *(reversed(last) if flipped else last)))


def _restrided(axis: Axis, inner: int, out: int) -> Axis:
    """A leading axis after the channels within a head have become `out` instead of `inner`."""
    return tuple(Factor(f.role, f.size, f.stride // inner * out) if f.role == "channel" else f for f in axis)


def add(build: Builder, call: Call) -> Value:
    a, b = call.take(2)
    return _sum(build, call, a, b)


def subtract(build: Builder, call: Call) -> Value:
    a, b = call.take(2)
    if isinstance(b, Edge):
        raise Refused("subtracts an activation", "negate the weights that produce it and add")
    return _sum(build, call, a, Constant(-b.value, b.step) if isinstance(b, Constant) else b)


def _sum(build: Builder, call: Call, a: Value | None, b: Value | None) -> Value:
    if is_unknown(a, b):
        return Unknown()
    if isinstance(a, Edge) and isinstance(b, Edge):
        return _add_edges(build, call, a, b)
    if isinstance(a, Edge) and isinstance(b, Constant):
        return _add_constant(build, call, a, b, call.only_reader(0))
    if isinstance(a, Constant) and isinstance(b, Edge):
        return _add_constant(build, call, b, a, call.only_reader(1))
    raise Refused("adds two constants", "fold constants before exporting (qonnx cleanup)")


def _add_edges(build: Builder, call: Call, a: Edge, b: Edge) -> Edge:
    rank = max(len(a.layout.axes), len(b.layout.axes))
    layouts = [Layout(((),) * (rank - len(e.layout.axes)) + e.layout.axes) for e in (a, b)]
    if layouts[0] != layouts[1]:
        raise Refused(f"adds {a.layout.shape} and {b.layout.shape} of different layouts", RELAYOUT)
    a, b = build.settled(a), build.settled(b)
    scale = common(np.minimum(a.scale, b.scale))
    factors = [common(np.asarray(edge.scale / scale)) for edge in (a, b)]
    if any(factor.ndim for factor in factors):
        a, b = build.uniform(a), build.uniform(b)
        scale = np.minimum(a.scale, b.scale)
        factors = [np.asarray(edge.scale / scale) for edge in (a, b)]
    op = Add(whole(np.array(factors)))
    return build.add(call.name, op, (a, b), scale, layouts[0], call.output)


def _add_constant(build: Builder, call: Call, x: Edge, constant: Constant, private: str | None) -> Edge:
    """A bias joins the Dense that produced tensor `private`, which nothing else reads; anything else is a Position."""
    x = build.settled(x)
    table, step = _table(x.layout, constant.value), constant.step
    if not table.any():
        return x
    unit = x.scale if step is None else _table(x.layout, step).min(axis=0)
    producer = build.producer(x)
    scaled = table / x.scale
    is_bias = (table == table[:1]).all() and (scaled == np.rint(scaled)).all()
    direct = x.name in build.origins and build.origins[x.name].tensor == private
    if is_bias and direct and producer is not None and isinstance(producer.op, Dense):
        op = Dense(producer.op.weight, producer.op.bias + whole(scaled[0]))
        return build.replace_op(x, op, call.output)
    scale = common(np.minimum(x.scale, unit))
    multiplier = common(np.asarray(x.scale / scale))
    if multiplier.ndim:
        scale = np.asarray(scale.min())
        x = build.uniform(x)
        multiplier = np.asarray(x.scale / scale)
    integers = table / scale
    if (integers != np.rint(integers)).any():
        raise Refused(
            f"adds constants that are no multiples of the scale {float(np.min(scale)):.6g}",
            "quantise them (bias_quant=Int32Bias, or a QuantIdentity)",
        )
    position = Position(whole(integers), int(whole(multiplier)))
    return build.add(call.name, position, (x,), scale, x.layout, call.output)


def _table(layout: Layout, values: np.ndarray) -> np.ndarray:
    """Constants that broadcast to a layout, as float64 (tokens, channels)."""
    if not np.isfinite(values).all():
        raise Refused("its constant holds NaN or infinity", "train or export the model again")
    try:
        rows = layout.to_edge(values.astype(np.float64))
    except ValueError:
        raise Refused(
            f"adds shape {values.shape} to {layout.shape}", "add a constant of the activation's shape"
        ) from None
    if (rows != rows[:1]).any():
        raise Refused("its constant differs between samples", "export with a constant that is the same for all samples")
    return rows[0]


def multiply(build: Builder, call: Call) -> Value:
    a, b = call.take(2)
    return _scaled(b, a, False) if isinstance(a, Constant) else _scaled(a, b, False)


def divide(build: Builder, call: Call) -> Value:
    a, b = call.take(2)
    return _scaled(a, b, True)


def _scaled(x: Value | None, by: Value | None, inverse: bool) -> Value:
    """A factor that is a power of two changes only what the integers mean."""
    if is_unknown(x, by):
        return Unknown()
    if not isinstance(by, Constant):
        raise Refused("combines two activations", "only products with a constant power of two are supported")
    factor = by.value.astype(np.float64)
    if not factor.size or not np.isfinite(factor).all() or (factor <= 0).any() or (np.frexp(factor)[0] != 0.5).any():
        shown = f"{factor.reshape(-1)[0]:.6g}" if factor.size == 1 else "constants"
        raise Refused(f"scales by {shown}, no power of two", "choose a power of two, or fold it into the weights")
    factor = 1 / factor if inverse else factor
    if isinstance(x, Constant):
        shape = np.broadcast_shapes(x.value.shape, factor.shape)
        if shape != x.value.shape:
            raise Refused("broadcasts a constant", "fold constants before exporting (qonnx cleanup)")
        return Constant(x.value * factor.astype(x.value.dtype), None if x.step is None else x.step * factor)
    if not isinstance(x, Edge):
        raise Refused("scales nothing", "export the model again")
    exponents(factor)
    return replace(x, scale=common(x.scale * per_channel(x.layout, factor)))
