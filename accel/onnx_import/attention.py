"""ONNX's Attention: scores, softmax and values of one node, with probabilities of a step that the import chooses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accel.building import common
from accel.onnx_import import joined_masks, linear, mask_inputs, masks, softmax
from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder
from accel.onnx_import.layout import Layout
from accel.onnx_import.linear import RELAYOUT, is_unknown
from accel.onnx_import.norms import FLOAT
from accel.onnx_import.quantizers import Quantizer
from accel.onnx_import.sharing import shared
from accel.onnx_import.slicing import taken
from accel.onnx_import.values import (
    Call,
    Constant,
    Edge,
    Function,
    Joined,
    Masked,
    Probabilities,
    Refused,
    Shared,
    Unknown,
    Value,
)

PROBABILITY_BITS = 12
"""Of the softmax inside the node, which the file gives no quantizer."""
PROBABILITIES_OFF = 2.5
"""Steps of such bits by which one may be off before it is rounded."""
MASKS = "give it a constant mask instead"
WRITTEN_OUT = "write it out as MatMul, Softmax and MatMul with quantizers between them"


@understands(
    "is_causal",
    "kv_num_heads",
    "left_window_size",
    "q_num_heads",
    "qk_matmul_output_mode",
    "right_window_size",
    "scale",
    "softcap",
    "softmax_precision",
)
def attention(build: Builder, call: Call) -> Value:
    """softmax(scale · Q Kᵀ + mask) V, heads on axis 1 or, of three axes, in the channels."""
    q, k, v, mask, past_keys, past_values, lengths = call.take(3, 7)
    comes_in = isinstance(mask, Joined) or mask_inputs.is_function(mask, build)
    if is_unknown(q, k, v, None if comes_in else mask):
        return Unknown()
    if not isinstance(q, Edge) or not isinstance(k, Edge) or not isinstance(v, Edge):
        raise Refused("its queries, keys or values are constants", WRITTEN_OUT)
    if not isinstance(mask, Constant | Function | Joined | None):
        raise Refused("its mask is computed at run time", "use a constant mask, or an input of 0 and 1")
    _check(call, past_keys or past_values, lengths)
    known = set(build.origins)
    flat = len(q.layout.axes) == 3
    q, k, v = _heads(call, q, "q_num_heads"), _heads(call, k, "kv_num_heads"), _heads(call, v, "kv_num_heads")
    causal, tokens = call.flag("is_causal", 0), q.layout.shape[2]
    if causal and k.layout.shape[2] > tokens:  # query i sees the keys up to i: no query sees the others
        if comes_in:
            raise Refused("masks keys that no query sees", "give it as many keys as queries")
        k, v = (_first(build, call, edge, tokens) for edge in (k, v))
        mask = Constant(mask.value[..., :tokens]) if isinstance(mask, Constant) else None
    probabilities = _probabilities(build, call, _scores(build, call, q, k, mask), causal)
    result = linear.attention(build, call, probabilities, _shared(call, v, q))
    if flat:
        layout = result.layout.transposed((0, 2, 1, 3))
        result = replace(result, layout=_reshaped(layout, (*layout.shape[:2], -1)))
    build.origins = {name: origin for name, origin in build.origins.items() if name in known}
    build.note(result, call.output)
    return build.off(result, 0.0)


def _check(call: Call, cache: Value | None, lengths: Value | None) -> None:
    if cache is not None:
        raise Refused("has a cache of keys and values", "export it for whole sequences")
    if lengths is not None:
        raise Refused("hides keys behind a length of each sample", MASKS)
    if call.number("softcap", 0.0) != 0:
        raise Refused("caps its scores (softcap)", WRITTEN_OUT)
    if any(call.integer(f"{side}_window_size", -1) != -1 for side in ("left", "right")):
        raise Refused("looks at a window of keys", MASKS)
    if call.integer("softmax_precision", FLOAT) != FLOAT:
        raise Refused("computes its softmax in another type than float32", "export in float32")


def _heads(call: Call, x: Edge, attribute: str) -> Edge:
    """(batch, heads, tokens, channels of a head), from three axes too."""
    if len(x.layout.axes) == 4:
        return x
    if len(x.layout.axes) != 3:
        raise Refused(f"takes an input of shape {x.layout.shape}", "give it (batch, heads, tokens, channels)")
    split = _reshaped(x.layout, (*x.layout.shape[:2], max(1, call.integer(attribute)), -1))
    return replace(x, layout=split.transposed((0, 2, 1, 3)))


def _reshaped(layout: Layout, shape: tuple[int, ...]) -> Layout:
    """To a shape whose last size, −1, follows."""
    known = int(np.prod(shape[:-1]))
    result = layout.reshaped((*shape[:-1], int(np.prod(layout.shape)) // known))
    if result is None:
        raise Refused(f"cuts {layout.shape} across tokens, heads or channels", RELAYOUT)
    return result


def _first(build: Builder, call: Call, x: Edge, tokens: int) -> Edge:
    """The first places of an axis that, where the file is read right, is the tokens."""
    result = taken(build, call, x, 2, np.arange(tokens), None)
    if not isinstance(result, Edge):
        raise Refused(f"takes {x.layout.shape}, whose axis 2 is not the tokens", RELAYOUT)
    return result


def _shared(call: Call, x: Edge, queries: Edge) -> Edge | Shared:
    """Keys or values of as many heads as there are of queries: neighbours share them."""
    heads, own = queries.layout.shape[1], x.layout.shape[1]
    if heads % own:
        raise Refused(f"has {heads} heads of queries for {own} of keys", "use a multiple")
    return x if heads == own else shared(x, 1, np.repeat(np.arange(own), heads // own), call.name)


def _scores(build: Builder, call: Call, q: Edge, k: Edge, mask: Constant | Function | Joined | None) -> Edge | Masked:
    keys = _shared(call, k, q)
    keys = replace(keys, layout=keys.layout.transposed((0, 1, 3, 2)))
    scores = linear.attention(build, call, q, keys)
    scale = call.number("scale", 0.0) or q.layout.shape[-1] ** -0.5
    if not scale > 0:
        raise Refused(f"its scale is {scale:.6g}", "use a positive one")
    scores = replace(scores, scale=common(scores.scale * scale))
    if mask is None:
        return scores
    if isinstance(mask, Joined):
        return joined_masks.attended(build, call, scores, mask)
    if isinstance(mask, Function):
        return mask_inputs.attended(build, call, scores, mask)
    if mask.value.dtype == bool:
        return masks.masked(scores, ~mask.value)
    if masks.is_mask(mask.value):
        return masks.masked(scores, mask.value != 0)
    return linear.add_constant(build, call, scores, mask, None)


def _probabilities(build: Builder, call: Call, scores: Edge | Masked, causal: bool) -> Edge:
    if causal:
        scores = masks.masked(scores, np.triu(np.ones(scores.layout.shape[-2:]), 1) != 0)
    inner = replace(call, inputs=(scores,), tensors=("",), uses=(0,), attributes={})
    found = softmax.softmax(build, inner)
    assert isinstance(found, Probabilities)
    unit = np.asarray(2.0**-PROBABILITY_BITS)
    quantizer = Quantizer(unit, 0, 0, (1 << PROBABILITY_BITS) - 1, "half_even", signed=False, bipolar=False)
    return softmax.quantized(build, inner, found, quantizer, unit, "half_even", PROBABILITIES_OFF)
