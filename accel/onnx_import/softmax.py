"""Float softmax over the keys of a head, plain or behind a causal mask, as the integer Softmax."""

from __future__ import annotations

import numpy as np

from accel.onnx_import import functions, linear
from accel.onnx_import.builder import Builder
from accel.onnx_import.linear import RELAYOUT, is_unknown
from accel.onnx_import.quantizers import Quantizer
from accel.onnx_import.queries import keys_last
from accel.onnx_import.values import Call, Constant, Edge, Masked, Probabilities, Refused, Unknown, Value
from accel.ops.softmax.op import Softmax, exp_bits, exp_table

#: A score at or below this is hidden, whatever is added to it.
HIDDEN = -1e4
#: Table entries, and with them the distance to the largest score in steps: this many, or 2^(bits + INDEX_BITS) for
#: probabilities of more bits, up to MAX_ENTRIES. Scores that have more steps are brought together.
ENTRIES, INDEX_BITS, MAX_ENTRIES = 4096, 2, 65536
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
    edge = keys_last(build, call, x) if isinstance(x, Edge) else x.edge
    layout = edge.layout if isinstance(x, Edge) else x.layout
    rank = len(layout.axes)
    if call.integer("axis", -1 if call.opset >= 13 else 1) not in (-1, rank - 1):
        raise Refused("normalizes over an axis that is not the last", "take the softmax over the last axis")
    row = layout.shape[-1]
    if any(f.role != "channel" or f.stride != 1 or f.size != row for f in layout.axes[-1]):
        raise Refused("its last axis is not the keys of one head", RELAYOUT)
    causal = isinstance(x, Masked)
    if isinstance(x, Masked) and not _is_causal(x.hidden, row):
        raise Refused("hides scores by a mask that is not causal", "use a causal (triangular) mask, or none")
    if causal and not layout.is_whole(rank - 2, "token"):
        raise Refused("is causal and its last but one axis is not the queries", RELAYOUT)
    return Probabilities(edge, row, causal, layout, call.name)


# ---- masks


def is_mask(values: np.ndarray) -> bool:
    """True for constants that hide scores when they are added: 0, and numbers of at most −10,000 or −infinity."""
    return values.size > 1 and bool((values <= HIDDEN).any() and ((values == 0) | (values <= HIDDEN)).all())


def masked(x: Edge, hidden: np.ndarray) -> Masked:
    """Scores of which `hidden` says which do not count."""
    try:
        found = x.layout.to_edge(hidden)
    except ValueError:
        raise Refused(f"masks {x.layout.shape} with shape {hidden.shape}", "use one mask (queries, keys)") from None
    if (found != found[:1]).any():
        raise Refused("its mask differs between samples", "export with a mask that is the same for all samples")
    return Masked(x, found[0], x.layout)


def _is_causal(hidden: np.ndarray, keys: int) -> bool:
    """True for the one mask that the Softmax has; `hidden` is (queries, heads · keys)."""
    queries, heads = len(hidden), hidden.shape[1] // keys
    return bool((hidden == np.tile(np.arange(keys) > np.arange(queries)[:, None] + keys - queries, heads)).all())


def below(build: Builder, name: str, x: Masked, bottom: float) -> Edge:
    """The scores with the hidden ones at or below `bottom`, in front of a quantizer that clips there."""
    edge = build.uniform(x.edge)
    reach = build.tensors[edge.name].hi * float(edge.scale) - bottom
    steps = np.ceil(max(reach, 0) / float(edge.scale)) * float(edge.scale)
    return linear.add_table(build, f"{name}/mask", edge, np.where(x.hidden, -steps, 0), edge.scale, None)


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


def quantized(
    build: Builder, call: Call, x: Probabilities, quantizer: Quantizer, scale: np.ndarray, rounding: str
) -> Edge:
    """Softmax with as many bits as the quantizer has, or with spare ones and a Rescale behind it."""
    if scale.ndim:
        raise Refused("gives probabilities one scale per channel", "quantize them per tensor")
    step = float(scale)
    bits = max(1, round(-np.log2(step)))
    entries = min(MAX_ENTRIES, max(ENTRIES, 1 << bits + INDEX_BITS))
    direct = step == 2.0**-bits and bits <= MAX_OUT_BITS and rounding in NEAREST
    if not direct:
        bits = min(MAX_OUT_BITS, max(4, int(np.ceil(-np.log2(step))) + SPARE_BITS))
    edge = _scores(build, x.edge, bits, entries)
    tensor = build.tensors[edge.name]
    rom = exp_table(float(edge.scale), bits, min(entries, tensor.hi - tensor.lo + 1))
    op = Softmax(x.row, bits, rom, int(x.causal))
    fits = direct and quantizer.lo <= 0 and (1 << bits) - 1 <= quantizer.hi
    unit = np.asarray(2.0**-bits)
    result = build.add(x.hint, op, (edge,), unit, x.layout, call.output if fits else None)
    build.approximate.add(result.name)
    if not fits:
        limits = (quantizer.lo, quantizer.hi)
        result = build.requantize(call.name, result, scale, limits, rounding, call.output)
    return build.quantized(result, call.output)


def _scores(build: Builder, x: Edge, bits: int, entries: int) -> Edge:
    """The scores in steps that are coarse enough for the table: it ends where exp(−d · scale) rounds to 0."""
    edge = build.uniform(x)
    tensor = build.tensors[edge.name]
    coarse = np.log(2.0) * (exp_bits(bits) + 1) / (entries - 2)
    if tensor.hi - tensor.lo < entries or float(edge.scale) >= coarse:
        return edge
    ratio = float(edge.scale) / coarse
    limits = int(np.floor(tensor.lo * ratio)), int(np.ceil(tensor.hi * ratio))
    return build.requantize(f"{edge.name}/scores", edge, np.asarray(coarse), limits)
