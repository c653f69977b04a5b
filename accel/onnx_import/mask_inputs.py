"""Masks that come in with the samples: inputs of 0 and 1, and what a file makes of them, hide scores at run time.

An input that holds nothing but 0 and 1 stays a function of itself: whatever a file computes with it element by element
(a cast, 1 − x, a comparison, a product with −10000) has two values. Where scores get one of them added that is 0 and
one that hides, or are chosen by two values that are true and false, the graph adds a number to the scores that are
shown: one that is larger than any difference between scores. A softmax sees nothing but differences, so these are the
integers of the same scores without the hidden ones. Where a mask hides every key of a query, no score is shown, and the
softmax is that of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeGuard

import numpy as np

from accel.onnx_import import broadcast, turning
from accel.onnx_import.builder import Builder
from accel.onnx_import.layout import Layout
from accel.onnx_import.values import Call, Constant, Edge, Function, Masked, Refused, Value
from accel.ops.add.op import Add
from accel.ops.lookup.op import Lookup

#: A score at or below this is hidden, whatever is added to it.
HIDDEN = -1e4
SHAPED = "use a mask (batch, queries, keys)"
#: Masks that are joined in another way than `joined_masks` understands.
ONE_BY_ONE = "add each mask to the scores by itself, constant ones too"


def entered(edge: Edge, name: str, dtype: np.dtype) -> Function:
    """Input `name` of the file, of 0 and 1, as a function of itself with numbers of the file's type."""
    return Function(edge, lambda x: x.astype(dtype), edge.layout, name, made=lambda: edge)


def is_function(value: Value | None, build: Builder) -> TypeGuard[Function]:
    """True for a function of an edge of 0 and 1."""
    if not isinstance(value, Function) or value.edge.scale.ndim:
        return False
    tensor = build.tensors[value.edge.name]
    return (tensor.lo, tensor.hi) == (0, 1)


def values_of(function: Function) -> tuple[np.generic, np.generic]:
    """The results of such a function for 0 and for 1."""
    both = np.asarray(function.evaluate(np.array([0, 1], np.float32) * np.float32(function.edge.scale)))
    return both[0], both[1]


def scalars(call: Call) -> Call:
    """The node with one number in place of every constant whose elements are the same: a mask has it everywhere."""
    inputs = tuple(
        Constant(value.value.reshape(-1)[:1].reshape(()))
        if isinstance(value, Constant) and value.value.size > 1 and (value.value == value.value.flat[0]).all()
        else value
        for value in call.inputs
    )
    return replace(call, inputs=inputs)


def added(build: Builder, call: Call, scores: Value | None, mask: Value | None, sign: int = 1) -> Masked | None:
    """Scores plus (or minus) a function of a mask of which one value is 0 and one hides; None for anything else."""
    if not isinstance(scores, Edge | Masked) or not is_function(mask, build):
        return None
    low, high = (sign * float(value) for value in values_of(mask))
    for number, other, hides in ((low, high, 0), (high, low, 1)):
        if number <= HIDDEN and other == 0:
            return hidden(build, call, scores, mask, hides)
    return None


def attended(build: Builder, call: Call, scores: Edge, mask: Function) -> Masked:
    """Scores behind the mask of an Attention: booleans show where they are true, numbers are added."""
    low, high = values_of(mask)
    if isinstance(low, np.bool_) and low != high:
        return hidden(build, call, scores, mask, int(low))
    found = added(build, call, scores, mask)
    if found is None:
        raise Refused("its mask neither shows nor hides scores", "use a mask of booleans, or of 0 and −infinity")
    return found


def hidden(build: Builder, call: Call, scores: Edge | Masked, mask: Function, hides: int) -> Masked:
    """Scores that do not count where the edge of a function is `hides`, 0 or 1."""
    return hidden_by(build, call, scores, replace(mask.edge, layout=mask.layout), hides)


def hidden_by(build: Builder, call: Call, scores: Edge | Masked, mask: Edge, hides: int) -> Masked:
    """Scores that do not count where an edge of 0 and 1 is `hides`."""
    counts = shown(build, call, mask, hides, scores.layout)
    if isinstance(scores, Edge):
        scores = build.settled(scores)
        nothing = np.zeros(build.tensors[scores.name].shape, dtype=bool)
        return Masked(scores, nothing, scores.layout, (counts,))
    return replace(scores, shown=(*scores.shown, counts))


def shown(build: Builder, call: Call, mask: Edge, hides: int, scores: Layout) -> Edge:
    """The mask in the layout of scores, 1 where one counts; every reader of a mask has the same edge."""
    key = ("shown", mask.name, mask.layout, hides, scores)
    if key not in build.made:
        edge = mask
        if hides:
            table = Lookup(np.array([1, 0]), 0)
            edge = build.add(f"{call.name}/shown", table, (edge,), edge.scale, mask.layout, None)
        if len(mask.layout.axes) > len(scores.axes):
            raise Refused(f"masks {scores.shape} with shape {mask.layout.shape}", SHAPED)
        edge = replace(edge, layout=padded(mask.layout, len(scores.axes)))
        edge = turning.with_roles(build, f"{call.name}/mask", edge, scores)
        found = broadcast.repeated(build, call, edge, scores)
        if found is None:
            raise Refused(f"masks {scores.shape} with shape {mask.layout.shape}", SHAPED)
        build.made[key] = found
    return build.made[key]


def padded(layout: Layout, rank: int) -> Layout:
    """A layout with axes of size 1 in front, `rank` in all."""
    return Layout(((),) * (rank - len(layout.axes)) + layout.axes)


def raised(build: Builder, name: str, scores: Edge, masks: Sequence[Edge], steps: int) -> Edge:
    """Scores with `steps` added for each of the masks that shows them."""
    for mask in masks:
        scores = build.add(f"{name}/mask", Add([1, steps]), (scores, mask), scores.scale, scores.layout, None)
    return scores
