"""Masks that a file joins before they reach the scores: padding that comes in and a causal mask, or several of both.

Whatever a file computes element by element from masks of 0 and 1 and from constants has few values: one for each
combination of the masks. The file's own nodes are executed for each. Where the result meets scores, it says for every
score which combinations hide it. If that is the same for all scores but those that are always hidden, and asks no more
than that some masks are 1 and some 0, each of them hides scores by itself. Anything else is looked up: the masks are
bits of an index, and scores that are hidden by other combinations read other parts of the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np

from accel.onnx_import import linear, mask_inputs, shaping, slicing
from accel.onnx_import.builder import Builder
from accel.onnx_import.constants import LOGICAL
from accel.onnx_import.functions import ELEMENTWISE, broadcast_size, computed
from accel.onnx_import.layout import Layout
from accel.onnx_import.mask_inputs import HIDDEN, hidden_by, padded
from accel.onnx_import.shaping import shape_of
from accel.onnx_import.values import Call, Constant, Edge, Function, Joined, Masked, Refused, Value
from accel.ops.add.op import Add
from accel.ops.lookup.op import Lookup

ReadPlainly = Callable[[], Value | tuple[Value, ...]]
NodeHandler = Callable[[Builder, Call], Value | tuple[Value, ...]]
#: Masks that are joined at most: each doubles the combinations.
MOST = 4
JOINING = ELEMENTWISE | LOGICAL | {"Where", "Cast"}
"""Operators that act on one element at a time."""
AXES = {shaping.unsqueeze, shaping.squeeze, shaping.transpose, shaping.identity, slicing.expand}
"""Handlers for which a mask may have size 1 where what is made of it is longer."""
MOVING = AXES | {shaping.reshape, shaping.flatten, shaping.dropout, slicing.slice_, slicing.tile}
"""Handlers that move elements; those that are not in AXES are taken where they change nothing."""


def result(build: Builder, handler: NodeHandler, call: Call) -> Value | None:
    """The node of masks that are joined, by it or before; None where it is no such node."""

    @cache
    def made() -> Value | tuple[Value, ...]:
        return handler(build, plain(call))

    if call.op_type == "GatherND" and len(call.inputs) == 2 and mask_inputs.is_function(call.inputs[0], build):
        return gathered(call)
    if joins(build, call):
        return joined(call, made)
    if not any(isinstance(value, Joined) for value in call.inputs):
        return None
    return moved(build, handler, call, made) or hides(build, call)


def plain(call: Call) -> Call:
    """The node without joined masks, for a handler that takes none."""
    known = plain_values(call)
    pairs = zip(call.tensors, call.inputs, strict=True)
    return replace(call, inputs=tuple(known.get(name, value) for name, value in pairs))


def plain_values(call: Call) -> dict[str, Value]:
    """Joined masks by the name of their tensor, as any other reader takes them."""
    found: dict[str, Value] = {}
    for name, value in zip(call.tensors, call.inputs, strict=True):
        if isinstance(value, Joined):
            made = value.made()
            found[name] = made[0] if isinstance(made, tuple) else made
    return found


def joins(build: Builder, call: Call) -> bool:
    """True for a node of masks and constants alone that no function of a single mask expresses."""
    values = [value for value in call.inputs if value is not None]
    if call.op_type not in JOINING or not all(
        isinstance(value, Constant | Joined) or mask_inputs.is_function(value, build) for value in values
    ):
        return False
    functions = {(value.edge.name, value.layout) for value in values if isinstance(value, Function)}
    several = [value for value in values if isinstance(value, Constant) and (value.value != value.value.flat[:1]).any()]
    return any(isinstance(value, Joined) for value in values) or len(functions) > 1 or bool(functions and several)


def joined(call: Call, made: ReadPlainly) -> Joined:
    """The node's results, one for each combination of the masks. `made` is what the node is for any other reader."""
    rank = max(len(_shape(value)) for value in call.inputs if value is not None)
    masks: list[Edge] = []
    for value in call.inputs:
        masks += [mask for mask in _masks(value, rank) if mask not in masks]
    if len(masks) > MOST:
        raise Refused(f"joins more than {MOST} masks", mask_inputs.ONE_BY_ONE)
    results = []
    for bits in range(1 << len(masks)):
        arrays = [
            _array(value, [bits >> masks.index(mask) & 1 for mask in _masks(value, rank)]) for value in call.inputs
        ]
        size = broadcast_size([array for array in arrays if array is not None]) * (1 << len(masks))
        results.append(computed(call, arrays, size).value)
    return Joined(tuple(masks), tuple(results), made)


def _shape(value: Value) -> tuple[int, ...]:
    return value.results[0].shape if isinstance(value, Joined) else shape_of(value)


def _masks(value: Value | None, rank: int) -> list[Edge]:
    """The masks that decide an operand, with axes of size 1 in front."""
    edges = value.masks if isinstance(value, Joined) else ()
    if isinstance(value, Function):
        edges = (replace(value.edge, layout=value.layout),)
    return [replace(edge, layout=padded(edge.layout, rank)) for edge in edges]


def _array(value: Value | None, bits: list[int]) -> np.ndarray | None:
    """An operand where its masks are `bits`."""
    if isinstance(value, Function):
        return np.full(value.layout.shape, mask_inputs.values_of(value)[bits[0]])
    if isinstance(value, Joined):
        return value.results[sum(bit << place for place, bit in enumerate(bits))]
    return value.value if isinstance(value, Constant) else None


def moved(build: Builder, handler: NodeHandler, call: Call, made: ReadPlainly) -> Value | None:
    """Joined masks with other axes of size 1, or without some; None where a node does more than that."""
    x, *rest = call.inputs
    if not isinstance(x, Joined) or handler not in MOVING:
        return None
    results = [handler(build, replace(call, inputs=(Constant(array), *rest))) for array in x.results]
    arrays = tuple(result.value for result in results if isinstance(result, Constant))
    if all(map(np.array_equal, arrays, x.results)):
        return x
    if handler not in AXES:
        raise Refused("moves masks that are joined", mask_inputs.ONE_BY_ONE)
    masks = [handler(build, replace(call, inputs=(mask, *rest))) for mask in x.masks]
    return Joined(tuple(mask for mask in masks if isinstance(mask, Edge)), arrays, made)


def gathered(call: Call) -> Function | None:
    """A mask whose places are repeated along new axes by an index of each; None for any other choice."""
    x, indices = call.inputs
    if not isinstance(x, Function) or not isinstance(indices, Constant):
        return None
    shape = x.layout.shape
    places = computed(call, [np.arange(np.prod(shape)).reshape(shape), indices.value], indices.value.size).value
    long = [axis for axis in x.layout.axes if axis]
    for place, size in enumerate(places.shape if len(long) == 1 else ()):
        along = np.arange(size).reshape([-1 if axis == place else 1 for axis in range(places.ndim)])
        if size == np.prod(shape) and (places == along).all():
            return replace(x, layout=Layout(((),) * places.ndim).replaced(place, long[0]))
    return None


def hides(build: Builder, call: Call) -> Masked | None:
    """Scores plus or minus joined masks, or chosen by them; None for anything else."""
    if call.op_type == "Where":
        return _chosen(build, call)
    if call.op_type not in ("Add", "Sub") or len(call.inputs) != 2:
        return None
    scores, mask = call.inputs
    if call.op_type == "Add" and isinstance(scores, Joined):
        scores, mask = mask, scores
    if not isinstance(scores, Edge | Masked) or not isinstance(mask, Joined):
        return None
    return added(build, call, scores, mask, -1 if call.op_type == "Sub" else 1)


def _chosen(build: Builder, call: Call) -> Masked | None:
    condition, *operands = call.inputs
    if not isinstance(condition, Joined) or len(operands) != 2:
        return None
    for hiding, (scores, number) in zip((0, 1), (operands, operands[::-1]), strict=True):
        if isinstance(scores, Edge | Masked) and isinstance(number, Constant) and (number.value <= HIDDEN).all():
            return _hidden(build, call, scores, condition, np.stack(condition.results).astype(bool) == bool(hiding))
    return None


def added(build: Builder, call: Call, scores: Edge | Masked, mask: Joined, sign: int = 1) -> Masked | None:
    """Scores plus numbers that are 0 or hide; None for other numbers."""
    numbers = sign * np.stack(mask.results).astype(np.float64)
    if not ((numbers == 0) | (numbers <= HIDDEN)).all():
        return None
    return _hidden(build, call, scores, mask, numbers != 0)


def attended(build: Builder, call: Call, scores: Edge, mask: Joined) -> Masked:
    """Scores behind the mask of an Attention: booleans show where they are true, numbers are added."""
    if mask.results[0].dtype == bool:
        return _hidden(build, call, scores, mask, ~np.stack(mask.results))
    found = added(build, call, scores, mask)
    if found is None:
        raise Refused("its mask neither shows nor hides scores", "use a mask of booleans, or of 0 and −infinity")
    return found


def _hidden(build: Builder, call: Call, scores: Edge | Masked, mask: Joined, gone: np.ndarray) -> Masked:
    """Scores of which those that are `gone`, (combinations, …), do not count."""
    try:
        rows = [scores.layout.to_edge(one) for one in gone]
    except ValueError:
        raise Refused(f"masks {scores.layout.shape} with shape {gone.shape[1:]}", mask_inputs.SHAPED) from None
    if any((row != row[:1]).any() for row in rows):
        raise Refused("its mask differs between samples", "export with a mask that is the same for all samples")
    table = np.stack([row[0] for row in rows])
    if isinstance(scores, Edge):
        scores = build.settled(scores)
        scores = Masked(scores, np.zeros(table.shape[1:], dtype=bool), scores.layout)
    always = table.all(0)
    classes = np.unique(table[:, ~always], axis=1)
    scores = replace(scores, hidden=scores.hidden | always)
    literals = _literals(~classes[:, 0], len(mask.masks)) if classes.shape[1] == 1 else None
    if literals is None and classes.size:
        return replace(scores, shown=(*scores.shown, _looked_up(build, call, scores, mask, table)))
    for place, shows in literals or ():
        scores = hidden_by(build, call, scores, mask.masks[place], 1 - shows)
    return scores


def _literals(shown: np.ndarray, masks: int) -> list[tuple[int, int]] | None:
    """Masks, and the value that each of them has to have for a score to be shown; None where that is not all."""
    combinations = np.arange(1 << masks)
    bits = [combinations >> place & 1 for place in range(masks)]
    found = [(place, value) for place in range(masks) for value in (0, 1) if (bits[place][shown] == value).all()]
    fits = np.all([bits[place] == value for place, value in found], axis=0) if found else np.ones_like(shown)
    return found if np.array_equal(fits, shown) else None


def _looked_up(build: Builder, call: Call, scores: Masked, mask: Joined, table: np.ndarray) -> Edge:
    """An edge of the scores' layout that is 1 where one counts: `table` says for each combination which are hidden."""
    key = ("joined", tuple((edge.name, edge.layout) for edge in mask.masks), scores.layout, table.tobytes())
    if key in build.made:
        return build.made[key]
    name, layout, one = f"{call.name}/joined", scores.layout, np.ones(())
    index, *others = (mask_inputs.shown(build, call, edge, 0, layout) for edge in mask.masks)
    for place, edge in enumerate(others, 1):
        index = build.add(name, Add([1, 1 << place]), (index, edge), one, layout, None)
    kinds, which = np.unique(table.reshape(len(table), -1), axis=1, return_inverse=True)
    if kinds.shape[1] > 1:
        index = linear.add_table(build, name, index, which.reshape(table.shape[1:]) * len(table) * 1.0, one, None)
    shown = build.add(
        name, Lookup((~kinds.T.reshape(-1)).astype(np.int64), build.tensors[index.name].lo), (index,), one, layout, None
    )
    build.made[key] = shown
    return shown
