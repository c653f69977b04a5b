"""Products and sums: MatMul and Gemm (constant weights or attention), sums of edges, constants added to an edge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from accel.building import common
from accel.onnx_import import broadcast, channels, reordering, rotary, sharing
from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder, are_whole, whole
from accel.onnx_import.contraction import RELAYOUT as RELAYOUT
from accel.onnx_import.contraction import contracted
from accel.onnx_import.layout import Axis, Factor, Layout, axis_of
from accel.onnx_import.values import (
    QUANTIZE_INPUT,
    Call,
    Constant,
    Deferred,
    Edge,
    Real,
    Refused,
    Shared,
    Steps,
    Unknown,
    Value,
    island,
    rows_of,
)
from accel.ops.add.op import Add
from accel.ops.dense.op import Dense
from accel.ops.lookup.op import Lookup
from accel.ops.matmul.op import MatMul
from accel.ops.mul.op import Mul
from accel.ops.position.op import Position
from accel.scales import EXACT_BITS

#: Entries of a table of squares at most: more take a multiplier.
SQUARES = 1 << 12
#: An edge that reaches this many steps is fine enough for constants between them: an error of 2^-15 of its range.
FINE = 1 << 14
#: A Position makes it so fine: 2^-19 of its range.
FINER = 1 << 18


def is_unknown(*values: Value | None) -> bool:
    """True when an operand depends on a node that was refused; raises Refused on one that is no integers yet."""
    for value in values:
        if isinstance(value, Real):
            raise Refused("its input is not quantized", QUANTIZE_INPUT)
        if isinstance(value, Deferred | Steps):
            raise island(value)
    return any(isinstance(value, Unknown) for value in values)


def matmul(build: Builder, call: Call) -> Value:
    a, b = call.take(2)
    if is_unknown(a, b):
        return Unknown()
    if isinstance(a, Edge | Shared) and isinstance(b, Edge | Shared):
        return attention(build, call, a, b)
    if isinstance(a, Edge) and isinstance(b, Constant):
        return _linear(build, call, a, b, False)
    if isinstance(a, Constant) and isinstance(b, Edge):
        return _linear(build, call, b, a, True)
    raise Refused("multiplies two constants", "fold constants before exporting (qonnx cleanup)")


@understands("alpha", "beta", "transA", "transB")
def gemm(build: Builder, call: Call) -> Value:
    x, weight, bias = call.take(2, 3)
    if is_unknown(x, weight, bias):
        return Unknown()
    if call.number("alpha", 1.0) != 1 or call.number("beta", 1.0) != 1 or call.flag("transA", 0):
        raise Refused("has alpha, beta or transA", "use a plain linear layer")
    if not isinstance(x, Edge) or not isinstance(weight, Constant) or not isinstance(bias, Constant | None):
        raise Refused("its weights are no constants", "use a plain linear layer")
    if weight.value.ndim != 2 or len(x.layout.axes) != 2:
        raise Refused(f"multiplies {x.layout.shape} by {weight.value.shape}", "export the model again")
    rows = (2, 1) if call.flag("transB", 0) else (1, 2)
    y = contracted(build, call, x, (0, 1), weight, rows, (0, 2))
    return y if bias is None else add_constant(build, call, y, bias, call.output)


def _linear(build: Builder, call: Call, x: Edge, weight: Constant, left: bool) -> Edge:
    """x @ weight, or weight @ x (`left`): axes align from the last one on, those of size 1 in front are left out."""
    rank = len(x.layout.axes)
    shape = weight.value.shape
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) < 2 or len(shape) > rank:
        raise Refused(f"its weights have shape {weight.value.shape}", "use one weight matrix")
    fitted = weight.moved(lambda a: a.reshape(shape))
    leading = tuple(range(rank - len(shape), rank - 2))
    labels = tuple(range(rank - 2))
    if left:
        return contracted(build, call, x, (*labels, -1, -2), fitted, (*leading, -3, -1), (*labels, -3, -2))
    return contracted(build, call, x, (*labels, -2, -1), fitted, (*leading, -1, -3), (*labels, -2, -3))


def attention(
    build: Builder,
    call: Call,
    a: Edge | Shared,
    b: Edge | Shared,
    finish: Callable[[Layout], Layout] = lambda layout: layout,
) -> Edge:
    """Both products of attention, recognized by which axes are contracted; the first operand gives the queries.

    Channels that are not in the order of heads are put into it. `finish` brings the product's axes to their order.
    Windows of tokens are heads from the scores to the values, whose product has its tokens as the values had them.
    """
    if reordering.windows(a.layout) or reordering.windows(b.layout):
        return _within_windows(build, call, a, b, finish)
    a, b = _contracted(_broadcast(call, a, b), _broadcast(call, b, a))
    for layouts in ((a.layout, b.layout), tuple(e.layout.in_memory_order("channel") for e in (a, b))):
        for form, flipped in (("scores", False), ("values", False), ("values", True)):
            left, right = reversed(layouts) if flipped else layouts
            layout = _product_layout(form, left, right, flipped)
            if layout is not None:
                queries, keys = (b, a) if flipped else (a, b)
                first = build.uniform(channels.arranged(build, call.name, sharing.repeated(build, queries), left))
                second, kv_heads = sharing.heads_once(build, call.name, keys, right, _heads(right))
                second = build.uniform(second)
                op, scale = MatMul(_heads(left), form, kv_heads), first.scale * second.scale
                return build.add(call.name, op, (first, second), scale, finish(layout), call.output)
    raise Refused(f"multiplies {a.layout.shape} by {b.layout.shape} in no form of attention", RELAYOUT)


def _within_windows(
    build: Builder, call: Call, a: Edge | Shared, b: Edge | Shared, finish: Callable[[Layout], Layout]
) -> Edge:
    """The product of operands whose windows are heads. Only the values still have theirs when they are read."""
    hint = f"{call.name}/windows"
    left, right = (sharing.repeated(build, one) for one in (a, b))
    first, second = (reordering.folded(build, hint, one, reordering.windows(one.layout)) for one in (left, right))
    y = attention(build, call, first, second, finish)
    if reordering.windows(left.layout) and reordering.windows(right.layout):
        return y
    values = right if reordering.windows(right.layout) else left
    y = reordering.unfolded(build, hint, y, finish(values.layout))
    build.note(y, call.output)
    return y


def _broadcast(call: Call, x: Edge | Shared, other: Edge | Shared) -> Edge | Shared:
    """x, whose one head all of the other operand's heads along a leading axis share, as an operand of as many heads."""
    if isinstance(x, Edge) and len(x.layout.axes) == len(other.layout.axes):
        for axis, heads in enumerate(other.layout.axes[:-2]):
            if not x.layout.axes[axis] and {f.role for f in heads} == {"channel"}:
                return sharing.shared(x, axis, np.zeros(other.layout.shape[axis], dtype=int), call.name)
    return x


def _contracted(a: Edge | Shared, b: Edge | Shared) -> tuple[Edge | Shared, Edge | Shared]:
    """Scores do not depend on the order of the channels of a head, as long as both operands have the same."""
    inner = a.layout.axes[-1]
    places = Layout((inner,)).index("channel")
    if len(b.layout.axes) < 2 or b.layout.axes[-2] != inner or {f.role for f in inner} != {"channel"}:
        return a, b
    if not np.array_equal(np.sort(places), np.arange(len(places))):
        return a, b
    plain = axis_of("channel", len(places))
    rows, columns = (e.layout.replaced(len(e.layout.axes) - i, plain) for i, e in ((1, a), (2, b)))
    return replace(a, layout=rows), replace(b, layout=columns)


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


def add_edges(build: Builder, call: Call, a: Edge, b: Edge) -> Edge:
    """The sum in the finer scale, or in a step fine enough for both."""
    product = rotary.summed(build, call, a, b)
    if product is not None:
        return product
    a, b = broadcast.paired(build, call, a, b, "adds")
    edges, multipliers, scale, exact = build.aligned(a, b)
    result = build.add(call.name, Add(np.array(multipliers)), edges, scale, a.layout, call.output)
    return result if exact else build.off(result, build.core.misfit(edges, multipliers, scale))


def multiply_edges(build: Builder, call: Call, a: Edge, b: Edge) -> Edge:
    """The product of two activations: its scale is the product of the scales. A square is a table where it is short.

    It is exact up to EXACT_BITS; beyond, the operands are narrowed to half of these.
    """
    a, b = (build.settled(edge) for edge in broadcast.paired(build, call, a, b, "multiplies"))
    tensor, scale = build.tensors[a.name], common(a.scale * b.scale)
    if a.name == b.name and tensor.hi - tensor.lo < SQUARES:
        table = np.arange(tensor.lo, tensor.hi + 1) ** 2
        return build.add(call.name, Lookup(table, tensor.lo), (a,), scale, a.layout, call.output)
    wide = build.tensors[a.name].magnitude * build.tensors[b.name].magnitude >= 1 << EXACT_BITS
    if wide:
        a, b = build.narrowed(a, EXACT_BITS // 2), build.narrowed(b, EXACT_BITS // 2)
        scale = common(a.scale * b.scale)
    result = build.add(call.name, Mul(), (a, b), scale, a.layout, call.output)
    return build.off(result, 0.0) if wide else result


def add_constant(build: Builder, call: Call, x: Edge, constant: Constant, private: str | None) -> Edge:
    """A bias joins the Dense that produced tensor `private`, which nothing else reads; anything else is a Position."""
    x = build.settled(x)
    table, step = rows_of(x.layout, constant.value), constant.step
    if not table.any():
        return x
    producer = build.producer(x)
    direct = x.name in build.origins and build.origins[x.name].tensor == private
    scaled = table / x.scale
    if direct and producer is not None and isinstance(producer.op, Dense) and (table == table[:1]).all():
        on_grid = are_whole(scaled)
        if on_grid or build.tensors[x.name].magnitude >= FINE << build.precision:
            op = Dense(producer.op.weight, producer.op.bias + whole(np.rint(scaled[0])))
            x = replace(x, rest=_rest(x, scaled[0], on_grid))
            x = build.replace_op(x, op, call.output)
            return x if on_grid else build.off(x, 0.5)
    if direct and private == call.output:
        del build.origins[x.name]  # of this node before its constant: no tensor holds it
    unit = x.scale if step is None else rows_of(x.layout, step).min(axis=0)
    return add_table(build, call.name, x, table, unit, call.output)


def add_table(build: Builder, hint: str, x: Edge, table: np.ndarray, unit: np.ndarray, origin: str | None) -> Edge:
    """Real constants (tokens, channels) with steps `unit`, added in the finer of both scales.

    When that does not hold them, in a fraction of x's scale. `origin` as in `Builder.add`.
    """
    scale = common(np.minimum(x.scale, unit))
    multiplier = common(np.asarray(x.scale / scale))
    if multiplier.ndim:
        scale = np.asarray(scale.min())
        x = build.uniform(x)
        multiplier = np.asarray(x.scale / scale)
    integers = table / scale
    exact = bool(are_whole(integers) and multiplier == np.rint(multiplier))
    if not exact:
        multiplier = np.asarray(2.0 ** max(0, FINER.bit_length() + build.precision - build.tensors[x.name].width))
        scale = x.scale / multiplier
        integers = table / scale
    op = Position(whole(np.rint(integers)), int(whole(multiplier)))
    result = build.add(hint, op, (x,), scale, x.layout, origin)
    result = result if exact else build.off(result, 0.5)
    return replace(result, rest=_rest(x, integers, exact, op.multiplier))


def _rest(x: Edge, added: np.ndarray, on_grid: bool, multiplier: int = 1) -> np.ndarray | None:
    """Remainder when real constants are added to an edge as integers."""
    had = None if x.rest is None else x.rest * multiplier
    if on_grid:
        return had
    left = added - np.rint(added)
    return left if had is None else had + left


def with_signs(build: Builder, call: Call, x: Edge, signs: np.ndarray) -> Edge:
    """The edge times −1, 0 or 1 per channel: in the rows of its private Dense, or in a Dense of its own."""
    if (signs == 1).all():
        return x
    x, producer = build.settled(x), build.producer(x)
    private = x.name in build.origins and build.origins[x.name].tensor == call.only_reader(0)
    if private and producer is not None and isinstance(producer.op, Dense) and not x.relu:
        op = Dense(producer.op.weight * signs[:, None], producer.op.bias * signs)
        x = replace(x, rest=None if x.rest is None else x.rest * signs)
        return build.replace_op(x, op, call.output)
    return rotary.signed(build, f"{call.name}/signs", x, signs, call.output)
