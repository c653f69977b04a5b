"""Float softmax over the keys of a head, plain or behind a mask, as the integer Softmax."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from accel.onnx_import import channels, functions, masks
from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder
from accel.onnx_import.errors import LIMIT, Imprecise
from accel.onnx_import.layout import axis_of
from accel.onnx_import.linear import RELAYOUT, is_unknown
from accel.onnx_import.quantizers import Quantizer
from accel.onnx_import.turning import tokens_last
from accel.onnx_import.values import Call, Constant, Edge, Masked, Probabilities, Refused, Uncertain, Unknown, Value
from accel.ops.softmax.op import MAX_OUT_BITS, Softmax, exp_bits, exp_table

#: Table entries, and with them the distance to the largest score in steps: this many, or 2^(bits + INDEX_BITS) for
#: probabilities of more bits, up to MAX_ENTRIES. Scores that have more steps are brought together.
ENTRIES, INDEX_BITS, MAX_ENTRIES = 4096, 2, 65536
#: Bits that probabilities have more than the quantizer wants, where its scale is no power of two.
SPARE_BITS = 4
#: Bits that entries of the table may have more than they need at least: enough for rows of 65536 keys.
MORE_BITS = 12
NEAREST = ("half_even", "half_up", "half_away", "half_toward_zero")


@understands("axis")
def softmax(build: Builder, call: Call) -> Value:
    """Softmax over one axis: the keys of a head, or the tokens, which change places with the channels then."""
    (x,) = call.take(1)
    if isinstance(x, Constant):
        return functions.elementwise(build, call)
    if not isinstance(x, Masked) and is_unknown(x):
        return Unknown()
    assert isinstance(x, Edge | Masked)
    rank = len(x.layout.axes)
    axis = call.integer("axis", -1 if call.opset >= 13 else 1)
    if not -rank <= axis < rank or (call.opset < 13 and axis not in (-1, rank - 1)):
        raise Refused(f"normalizes over the axes from {axis} on", "take the softmax over one axis")
    last = (*(i for i in range(rank) if i != axis % rank), axis % rank)
    found = _over_last(build, call, replace(x, layout=x.layout.transposed(last)))
    back = tuple(int(i) for i in np.argsort(last))
    return replace(found, layout=found.layout.transposed(back))


def _over_last(build: Builder, call: Call, x: Edge | Masked) -> Probabilities:
    """Softmax over the last axis."""
    before = x.layout
    edge = _keys_last(build, call, x if isinstance(x, Edge) else replace(x.edge, layout=before))
    rank, row, layout = len(before.axes), before.shape[-1], edge.layout
    if not isinstance(x, Masked):
        return Probabilities(edge, row, False, layout, call.name)
    hidden = layout.to_edge(before.from_edge(np.broadcast_to(x.hidden, (before.size("batch"), *x.hidden.shape))))[0]
    if hidden.reshape(len(hidden), -1, row).all(-1).any():
        raise Refused("has a mask that hides every key of a query", "let every query see a key, as itself")
    causal = masks.is_causal(hidden, row) and layout.is_whole(rank - 2, "token")
    shown = tuple(_keys_last(build, call, replace(mask, layout=before)) for mask in x.shown)
    return Probabilities(edge, row, causal, layout, call.name, None if causal or not hidden.any() else hidden, shown)


def _keys_last(build: Builder, call: Call, edge: Edge) -> Edge:
    """The edge with the keys of one head, its last axis, side by side in the channels."""
    edge = tokens_last(build, call.name, edge)
    if any(f.role != "channel" for f in edge.layout.axes[-1]):
        raise Refused("its axis is neither the keys of one head nor all tokens", RELAYOUT)
    if edge.layout.axes[-1] == axis_of("channel", edge.layout.shape[-1]):
        return edge
    return channels.arranged(build, call.name, edge, edge.layout.in_memory_order("channel"))


# ---- the operator


def quantized(
    build: Builder,
    call: Call,
    x: Probabilities,
    quantizer: Quantizer,
    scale: np.ndarray,
    rounding: str,
    limit: float = LIMIT,
) -> Edge:
    """Softmax with as many bits as the quantizer has, or with spare ones and a Rescale behind it.

    Before the result is rounded it is at most `limit` steps off.
    """
    if scale.ndim:
        raise Refused("gives probabilities one scale per channel", "quantize them per tensor")
    step = float(scale)
    bits = max(1, round(-np.log2(step)))
    entries = min(MAX_ENTRIES, max(ENTRIES, 1 << bits + INDEX_BITS))
    direct = step == 2.0**-bits and bits <= MAX_OUT_BITS and rounding in NEAREST
    if not direct:
        bits = min(MAX_OUT_BITS, max(4, int(np.ceil(-np.log2(step))) + SPARE_BITS))
    scores = build.uniform(x.edge)
    entries, more = _table(build, scores, x.row, _Output(bits, step, direct, limit), entries)
    edge = _narrow(build, scores, exp_bits(bits) + more, entries)
    tensor = build.tensors[edge.name]
    rom = exp_table(float(edge.scale), bits, min(entries, tensor.hi - tensor.lo + 1), more)
    if x.hidden is not None or x.shown:
        edge = masks.apart(build, x.hint, edge, x.hidden, x.shown)
        rom = np.append(rom, np.zeros(int(rom[-1] > 0), dtype=rom.dtype))
    op = Softmax(x.row, bits, rom, int(x.causal))
    fits = direct and quantizer.lo <= 0 and (1 << bits) - 1 <= quantizer.hi
    unit = np.asarray(2.0**-bits)
    result = build.add(x.hint, op, (edge,), unit, x.layout, call.output if fits else None)
    build.off(result, 0.0)
    if not fits:
        limits = (quantizer.lo, quantizer.hi)
        result = build.requantize(call.name, result, scale, limits, rounding, call.output)
    return build.quantized(result, call.output)


@dataclass(frozen=True)
class _Output:
    """Probabilities of `bits` bits, which become steps of `step`: `direct` ones need no Rescale for that."""

    bits: int
    step: float
    direct: bool
    limit: float

    def off(self, row: int, more: int, score: float) -> float:
        """Steps by which they are off at most, where `row` scores are off by `score`.

        An entry of the table is rounded, and so is each of the sum; the quotient is cut; spare bits are rounded away or
        clipped at 1. Of scores, p · (1 − p) is at most 1/4, and a score and the largest one are off.
        """
        table = (row + 1) / 2 * 2.0 ** (self.bits - exp_bits(self.bits) - more)
        units = table + 2.0**-4 + (not self.direct)
        return (units * 2.0**-self.bits + score / 2) / self.step


def _table(build: Builder, scores: Edge, row: int, output: _Output, entries: int) -> tuple[int, int]:
    """Entries of the table, and how many bits they have more than they need at least."""
    error = build.error(scores, np.asarray(1.0))
    best = np.inf
    while entries <= MAX_ENTRIES:
        for more in range(MORE_BITS + 1):
            rounded = _coarse(build, scores, exp_bits(output.bits) + more, entries) / 2
            off = output.off(row, more, error + rounded)
            if off <= output.limit:
                return entries, more
            best = min(best, off)
        entries *= 2
    if error and not build.last:
        raise Imprecise
    width = build.tensors[scores.name].width
    raise Uncertain(
        f"its probabilities of {output.bits} bits, from {row} scores of {width} bits, are up to {best:.2g} steps off",
        "quantize the scores in front of the softmax, or its output to fewer bits",
    )


def _coarse(build: Builder, scores: Edge, width: int, entries: int) -> float:
    """The step that scores are brought to so that the table ends where exp(−d · step) rounds to 0; 0: their own.

    `width` is that of the table.
    """
    tensor = build.tensors[scores.name]
    coarse = float(np.log(2.0)) * (width + 1) / (entries - 2)
    return 0.0 if tensor.hi - tensor.lo < entries or float(scores.scale) >= coarse else coarse


def _narrow(build: Builder, scores: Edge, width: int, entries: int) -> Edge:
    coarse = _coarse(build, scores, width, entries)
    return build.requantize(f"{scores.name}/scores", scores, np.asarray(coarse)) if coarse else scores
