"""Masks: constants that hide scores in front of a softmax, and selections by constants in general."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from accel.onnx_import import functions, linear, mask_inputs, rotary
from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder
from accel.onnx_import.layout import Layout
from accel.onnx_import.mask_inputs import HIDDEN
from accel.onnx_import.shaping import shape_of
from accel.onnx_import.values import (
    ISLAND_REMEDY,
    Call,
    Constant,
    Deferred,
    Edge,
    Masked,
    Refused,
    Unknown,
    Value,
    rows_of,
)

Operand = TypeVar("Operand", bound=Edge | Deferred)

#: No scale of activations: that of the lowest float in 16 bits.
LOWEST = 1e33


def is_mask(values: np.ndarray) -> bool:
    """True for constants that hide scores when they are added: 0, and numbers of at most −10,000 or −infinity."""
    return values.size > 1 and bool((values <= HIDDEN).any() and ((values == 0) | (values <= HIDDEN)).all())


def masked(x: Edge | Masked, hidden: np.ndarray) -> Edge | Masked:
    """Scores of which `hidden` says which do not count; a mask that hides nothing is none."""
    try:
        found = x.layout.to_edge(hidden)
    except ValueError:
        raise Refused(f"masks {x.layout.shape} with shape {hidden.shape}", "use one mask (queries, keys)") from None
    if (found != found[:1]).any():
        raise Refused("its mask differs between samples", "export with a mask that is the same for all samples")
    if not found.any():
        return x
    return Masked(x, found[0], x.layout) if isinstance(x, Edge) else replace(x, hidden=x.hidden | found[0])


def is_causal(hidden: np.ndarray, keys: int) -> bool:
    """True for the one mask that the Softmax has; `hidden` is (queries, heads · keys)."""
    queries, heads = len(hidden), hidden.shape[1] // keys
    return bool((hidden == np.tile(np.arange(keys) > np.arange(queries)[:, None] + keys - queries, heads)).all())


def require_apart(x: Value, scale: np.ndarray, lo: int) -> None:
    """Refuse a quantizer of activations, of this scale and lowest integer, that was calibrated with a mask among them.

    Its range holds what hides scores, or, where the mask itself was not understood, no activations have such a scale.
    """
    largest = float(scale.max())
    if largest > LOWEST or (isinstance(x, Masked) and lo * largest <= HIDDEN):
        why = f"its scale is {largest:.2g}: a mask has reached the quantizer"
        raise Refused(why, "leave the Add or Where of the mask and the Softmax out of the quantization")


def below(build: Builder, name: str, x: Masked, bottom: float) -> Edge:
    """The scores with the hidden ones at or below `bottom`, in front of a quantizer that clips there."""
    edge = build.uniform(x.edge)
    reach = max(build.tensors[edge.name].hi * float(edge.scale) - bottom, 0)
    steps = int(np.ceil(reach / float(edge.scale)))
    raised = mask_inputs.raised(build, name, edge, x.shown, max(1, steps))
    table = np.where(x.hidden, -steps, 0) - len(x.shown) * max(1, steps)
    return linear.add_table(build, f"{name}/mask", raised, table * edge.scale, edge.scale, None)


def apart(build: Builder, name: str, edge: Edge, hidden: np.ndarray | None, shown: Sequence[Edge]) -> Edge:
    """The scores with the hidden ones farther from every other score than these are from each other."""
    tensor = build.tensors[edge.name]
    steps = 2 * (tensor.hi - tensor.lo) + 1
    edge = mask_inputs.raised(build, name, edge, shown, steps)
    if hidden is None:
        return edge
    return linear.add_table(build, f"{name}/mask", edge, np.where(hidden, -steps, 0) * edge.scale, edge.scale, None)


@understands("detect_negative", "detect_positive")
def never(build: Builder, call: Call) -> Value:
    """IsNaN and IsInf of numbers that are made from integers: False everywhere."""
    (x,) = call.take(1)
    return Unknown() if isinstance(x, Unknown) else Constant(np.zeros(shape_of(x), dtype=bool))


def where(build: Builder, call: Call) -> Value:
    """A selection by constants: of one operand alone, of scores that are not hidden, or element by element.

    Any two activations, or an activation and constants, are the sum of what is kept of each.
    """
    condition, chosen, other = call.take(3)
    if any(isinstance(value, Unknown) for value in (condition, chosen, other)):
        return Unknown()
    if not isinstance(condition, Constant):
        return _where_at_run_time(build, call)
    mask = condition.value.astype(bool)
    shape = np.broadcast_shapes(*(shape_of(value) for value in (condition, chosen, other)))
    if mask.all() or not mask.any():
        return _whole(chosen if mask.all() else other, shape)
    if isinstance(chosen, Constant) and isinstance(other, Constant):
        return functions.elementwise(build, call)
    for scores, number, hidden in ((chosen, other, ~mask), (other, chosen, mask)):
        if isinstance(scores, Edge | Masked) and isinstance(number, Constant):
            if _hides(number.value, hidden, shape):
                return masked(scores, hidden)
            return _replaced(build, call, _of_shape(scores, shape), hidden, number)
    if isinstance(chosen, Edge) and isinstance(other, Edge):
        parts = (_kept(build, call, _of_shape(x, shape), one) for x, one in ((chosen, mask), (other, ~mask)))
        return linear.add_edges(build, call, *parts)
    raise Refused("chooses between numbers that no quantizer stands behind", ISLAND_REMEDY)


def _where_at_run_time(build: Builder, call: Call) -> Value:
    """A selection by a mask that comes in with the samples: of scores, or of numbers that are functions of it."""
    condition, chosen, other = mask_inputs.scalars(call).inputs
    if not mask_inputs.is_function(condition, build):
        raise Refused(
            "chooses by values that are known only at run time", "use a constant mask, or an input of 0 and 1"
        )
    low, high = map(bool, mask_inputs.values_of(condition))
    if low == high:
        return _whole(chosen if low else other, shape_of(condition))
    for scores, number, hides in ((chosen, other, int(not high)), (other, chosen, int(high))):
        if isinstance(scores, Edge | Masked) and isinstance(number, Constant) and (number.value <= HIDDEN).all():
            return mask_inputs.hidden(build, call, scores, condition, hides)
    return functions.elementwise(build, mask_inputs.scalars(call))


def _hides(numbers: np.ndarray, hidden: np.ndarray, shape: tuple[int, ...]) -> bool:
    """True when the numbers hide a score wherever they are chosen."""
    return bool((np.broadcast_to(numbers, shape)[np.broadcast_to(hidden, shape)] <= HIDDEN).all())


def _replaced(build: Builder, call: Call, x: Edge | Masked, elsewhere: np.ndarray, number: Constant) -> Edge | Masked:
    """Numbers that hide nothing in place of some: 0 there, and the constants added. They are what they are."""
    if isinstance(x, Masked):
        edge = _replaced(build, call, replace(x.edge, layout=x.layout), elsewhere, number)
        still = x.hidden & ~(rows_of(x.layout, elsewhere) != 0)
        assert isinstance(edge, Edge)
        return replace(x, edge=edge, hidden=still) if still.any() else edge
    edge = _kept(build, call, x, ~elsewhere)
    fill = rows_of(x.layout, np.where(elsewhere, number.value, 0))
    return linear.add_table(build, call.name, edge, fill, edge.scale, call.output)


def _kept(build: Builder, call: Call, x: Edge, kept: np.ndarray) -> Edge:
    """The edge with zeros elsewhere."""
    return rotary.kept(build, f"{call.name}/kept", build.settled(x), rows_of(x.layout, kept) != 0)


def _whole(value: Value | None, shape: tuple[int, ...]) -> Value:
    """An operand that is chosen everywhere."""
    if isinstance(value, Constant):
        return value.moved(lambda array: np.broadcast_to(array, shape))
    if not isinstance(value, Edge | Deferred):
        raise Refused("chooses what is not quantized", "put a quantizer in front of it")
    return _of_shape(value, shape)


def _of_shape(value: Operand, shape: tuple[int, ...]) -> Operand:
    """The operand with axes of size 1 in front."""
    layout = Layout(((),) * (len(shape) - len(value.layout.axes)) + value.layout.axes)
    if layout.shape != shape:
        raise Refused(f"repeats {value.layout.shape} to {shape}", "choose between operands of one shape")
    return replace(value, layout=layout)
