"""Quantizers with which Brevitas' own layers export to files that accel imports.

    attention = qnn.QuantMultiheadAttention(32, 4, **accel.brevitas.attention())
    linear = qnn.QuantLinear(32, 64, bias=True, **accel.brevitas.linear(weight_bits=4))
    x = qnn.QuantIdentity(**accel.brevitas.activation())

`examples/brevitas_block.py` is a whole network made of them.
"""

from __future__ import annotations

from brevitas.inject import ExtendedInjector
from brevitas.quant import Int8ActPerTensorFloat, Int8WeightPerChannelFloat, Uint8ActPerTensorFloat


def activation(bits: int = 8, signed: bool = True) -> dict[str, object]:
    """Keyword arguments of a QuantIdentity: one scale per tensor, from statistics of the first batches."""
    return {"act_quant": _of(Int8ActPerTensorFloat if signed else Uint8ActPerTensorFloat, bits)}


def linear(weight_bits: int = 8) -> dict[str, object]:
    """Keyword arguments of a QuantLinear or QuantConv2d: one scale per output channel, bias in real numbers."""
    return {"weight_quant": _of(Int8WeightPerChannelFloat, weight_bits)}


def attention(bits: int = 8, weight_bits: int = 8) -> dict[str, object]:
    """Keyword arguments of a QuantMultiheadAttention behind a quantizer, for inputs (batch, tokens, channels).

    Queries, keys, values, the softmax's result and the result of all heads are quantized. The input of the softmax is
    not, because accel's softmax takes the scores as they are. One projection each, because packed ones lose their
    quantizers in torch's exporter.
    """
    act, weight = activation(bits)["act_quant"], linear(weight_bits)["weight_quant"]
    return {
        "packed_in_proj": False,
        "batch_first": True,
        "in_proj_input_quant": None,
        "in_proj_weight_quant": weight,
        "in_proj_bias_quant": None,
        "q_scaled_quant": act,
        "k_transposed_quant": act,
        "v_quant": act,
        "softmax_input_quant": None,
        "attn_output_weights_quant": activation(bits, signed=False)["act_quant"],
        "out_proj_input_quant": act,
        "out_proj_weight_quant": weight,
        "out_proj_bias_quant": None,
    }


def _of(base: type[ExtendedInjector], bits: int) -> type[ExtendedInjector]:
    return type(f"{base.__name__}{bits}", (base,), {"bit_width": bits})
