"""Float softmax over the keys of a head, plain or behind a mask, as the integer Softmax."""

from __future__ import annotations

import numpy as np

from accel.onnx_import import functions, masks
from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder
from accel.onnx_import.linear import RELAYOUT, is_unknown
from accel.onnx_import.quantizers import Quantizer
from accel.onnx_import.queries import keys_last
from accel.onnx_import.values import Call, Constant, Edge, Masked, Probabilities, Refused, Unknown, Value
from accel.ops.softmax.op import Softmax, exp_bits, exp_table

#: Table entries, and with them the distance to the largest score in steps: this many, or 2^(bits + INDEX_BITS) for
#: probabilities of more bits, up to MAX_ENTRIES. Scores that have more steps are brought together.
ENTRIES, INDEX_BITS, MAX_ENTRIES = 4096, 2, 65536
#: Bits that probabilities have more than the quantizer wants, where its scale is no power of two.
SPARE_BITS = 4
MAX_OUT_BITS = 16
NEAREST = ("half_even", "half_up", "half_away", "half_toward_zero")


@understands("axis")
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
    if not isinstance(x, Masked):
        return Probabilities(edge, row, False, layout, call.name)
    if x.hidden.reshape(len(x.hidden), -1, row).all(-1).any():
        raise Refused("has a mask that hides every key of a query", "let every query see a key, as itself")
    causal = masks.is_causal(x.hidden, row) and layout.is_whole(rank - 2, "token")
    return Probabilities(edge, row, causal, layout, call.name, None if causal else x.hidden)


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
    if x.hidden is not None:
        edge = masks.apart(build, x.hint, edge, x.hidden)
        rom = np.append(rom, np.zeros(int(rom[-1] > 0), dtype=rom.dtype))
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
    return build.requantize(f"{edge.name}/scores", edge, np.asarray(coarse))
