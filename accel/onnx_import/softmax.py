"""Float softmax over the keys of a head, plain or behind a causal mask, as the integer Softmax."""

from __future__ import annotations

import numpy as np

from accel.onnx_import import functions
from accel.onnx_import.builder import Builder
from accel.onnx_import.linear import RELAYOUT, is_unknown
from accel.onnx_import.quantizers import Quantizer
from accel.onnx_import.values import Call, Constant, Edge, Masked, Probabilities, Refused, Unknown, Value
from accel.ops.softmax.op import Softmax, exp_bits, exp_table

#: A score at or below this is hidden, whatever is added to it.
HIDDEN = -1e4
#: Table entries, and with them the distance to the largest score in steps. More are brought together.
MAX_ENTRIES = 4096
#: Bits that probabilities have more than the quantizer wants, where its scale is no power of two.
SPARE_BITS = 4
MAX_OUT_BITS = 16
NEAREST = ("half_even", "half_up", "half_away", "half_toward_zero")


def softmax(build: Builder, call: Call) -> Value:
    """Softmax over the last axis, which must be the keys of one head."""
    (x,) = call.take(1)
    if isinstance(x, Constant):
        return functions.elementwise(build, call)
    if not isinstance(x, Masked) and is_unknown(x):
        return Unknown()
    assert isinstance(x, Edge | Masked)
    edge, layout = (x, x.layout) if isinstance(x, Edge) else (x.edge, x.layout)
    rank = len(layout.axes)
    if call.integer("axis", -1 if call.opset >= 13 else 1) not in (-1, rank - 1):
        raise Refused("normalises over an axis that is not the last", "take the softmax over the last axis")
    row = layout.shape[-1]
    if any(f.role != "channel" or f.stride != 1 or f.size != row for f in layout.axes[-1]):
        raise Refused("its last axis is not the keys of one head", RELAYOUT)
    causal = isinstance(x, Masked)
    if causal and not layout.is_whole(rank - 2, "token"):
        raise Refused("is causal and its last but one axis is not the queries", RELAYOUT)
    return Probabilities(edge, row, causal, layout, call.name)


# ---- masks


def is_mask(values: np.ndarray) -> bool:
    """True for constants that hide scores when they are added: 0, and numbers of at most −10,000 or −infinity."""
    return values.size > 1 and bool((values <= HIDDEN).any() and ((values == 0) | (values <= HIDDEN)).all())


def masked(x: Edge, hidden: np.ndarray) -> Masked:
    """Scores of which `hidden` says which do not count; only a causal mask is one that the Softmax has."""
    try:
        found = x.layout.to_edge(hidden)
    except ValueError:
        raise Refused(f"masks {x.layout.shape} with shape {hidden.shape}", "use one mask (queries, keys)") from None
    keys = x.layout.shape[-1]
    queries = found.shape[1]
    wanted = np.arange(keys) > np.arange(queries)[:, None] + (keys - queries)
    if found.shape[2] % keys or (found != np.tile(wanted, found.shape[2] // keys)).any():
        raise Refused("hides scores by a mask that is not causal", "use a causal (triangular) mask, or none")
    return Masked(x, x.layout)


def where(build: Builder, call: Call) -> Value:
    """A selection by constants between scores and a number that hides them."""
    condition, chosen, other = call.take(3)
    if all(isinstance(value, Constant) for value in (condition, chosen, other)):
        return functions.elementwise(build, call)
    if is_unknown(condition, chosen, other):
        return Unknown()
    if not isinstance(condition, Constant):
        raise Refused("chooses by values that are known only at run time", "use a constant mask")
    hidden = condition.value.astype(bool)
    for scores, number, mask in ((chosen, other, ~hidden), (other, chosen, hidden)):
        if isinstance(scores, Edge) and isinstance(number, Constant) and (number.value <= HIDDEN).all():
            return masked(scores, mask)
    raise Refused("chooses between two activations", "use it only to hide scores in front of a softmax")


# ---- the operator


def quantised(
    build: Builder, call: Call, x: Probabilities, quantizer: Quantizer, scale: np.ndarray, rounding: str
) -> Edge:
    """Softmax with as many bits as the quantizer has, or with spare ones and a Rescale behind it."""
    if scale.ndim:
        raise Refused("gives probabilities one scale per channel", "quantise them per tensor")
    step = float(scale)
    bits = max(1, round(-np.log2(step)))
    direct = step == 2.0**-bits and bits <= MAX_OUT_BITS and rounding in NEAREST
    if not direct:
        bits = min(MAX_OUT_BITS, max(4, int(np.ceil(-np.log2(step))) + SPARE_BITS))
    edge = _scores(build, x.edge, bits)
    tensor = build.tensors[edge.name]
    rom = exp_table(float(edge.scale), bits, min(MAX_ENTRIES, tensor.hi - tensor.lo + 1))
    op = Softmax(x.row, bits, rom, int(x.causal))
    fits = direct and quantizer.lo <= 0 and (1 << bits) - 1 <= quantizer.hi
    unit = np.asarray(2.0**-bits)
    result = build.add(x.hint, op, (edge,), unit, x.layout, call.output if fits else None)
    build.approximate.add(result.name)
    if not fits:
        limits = (quantizer.lo, quantizer.hi)
        result = build.requantise(call.name, result, scale, limits, rounding, call.output)
    return build.quantised(result, call.output)


def _scores(build: Builder, x: Edge, bits: int) -> Edge:
    """The scores in steps that are coarse enough for the table: it ends where exp(−d · scale) rounds to 0."""
    edge = build.uniform(x)
    tensor = build.tensors[edge.name]
    coarse = np.log(2.0) * (exp_bits(bits) + 1) / (MAX_ENTRIES - 2)
    if tensor.hi - tensor.lo < MAX_ENTRIES or float(edge.scale) >= coarse:
        return edge
    ratio = float(edge.scale) / coarse
    limits = int(np.floor(tensor.lo * ratio)), int(np.ceil(tensor.hi * ratio))
    return build.requantise(f"{edge.name}/scores", edge, np.asarray(coarse), limits)
