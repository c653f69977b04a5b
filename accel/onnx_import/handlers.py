"""The table of ONNX operators and their handlers, and groups of handlers that the walk treats alike."""

from __future__ import annotations

from collections.abc import Callable

import onnx

from accel.onnx_import import (
    arithmetic,
    attention,
    convolution,
    einsum,
    foreign,
    functions,
    joining,
    linear,
    masks,
    nonlinear,
    norms,
    qcdq,
    quant,
    shaping,
    slicing,
    softmax,
)
from accel.onnx_import.builder import Builder
from accel.onnx_import.constants import FOLDED, on_activations
from accel.onnx_import.standard import QONNX
from accel.onnx_import.values import Call, Refused, Value

Handler = Callable[[Builder, Call], Value | tuple[Value, ...]]

#: ONNX domain → the part of the table below. No other domain is ever looked up: qonnx imports modules by domain.
DOMAINS = {"": "", "ai.onnx": "", QONNX: "qonnx", "accel.qonnx_ops": "accel"}

HANDLERS: dict[tuple[str, str], Handler] = {
    **{("", op): functions.elementwise for op in sorted(functions.ELEMENTWISE)},
    ("qonnx", "Quant"): quant.quant,
    ("qonnx", "IntQuant"): quant.quant,
    ("qonnx", "BipolarQuant"): quant.bipolar,
    ("accel", "IntSoftmax"): nonlinear.softmax,
    ("accel", "IntExponential"): nonlinear.exponential,
    ("accel", "IntDivide"): nonlinear.divide,
    ("accel", "IntNorm"): nonlinear.norm,
    ("accel", "IntLookup"): nonlinear.lookup,
    ("", "Relu"): nonlinear.relu,
    ("", "MatMul"): linear.matmul,
    ("", "Gemm"): linear.gemm,
    ("", "Add"): arithmetic.add,
    ("", "Sum"): arithmetic.total,
    ("", "Sub"): arithmetic.subtract,
    ("", "Neg"): arithmetic.negate,
    ("", "Mul"): arithmetic.multiply,
    ("", "Div"): arithmetic.divide,
    ("", "Pow"): arithmetic.power,
    ("", "BatchNormalization"): arithmetic.batch_normalization,
    ("", "Softmax"): softmax.softmax,
    ("", "Where"): masks.where,
    ("", "IsNaN"): masks.never,
    ("", "IsInf"): masks.never,
    ("", "LayerNormalization"): norms.layer,
    ("", "RMSNormalization"): norms.rms,
    ("", "SimplifiedLayerNormalization"): norms.rms,
    ("", "ReduceSum"): shaping.reduce_sum,
    ("", "ReduceMean"): shaping.reduce_mean,
    ("", "GlobalAveragePool"): shaping.global_average_pool,
    ("", "Reshape"): shaping.reshape,
    ("", "Transpose"): shaping.transpose,
    ("", "Flatten"): shaping.flatten,
    ("", "Squeeze"): shaping.squeeze,
    ("", "Unsqueeze"): shaping.unsqueeze,
    ("", "Identity"): shaping.identity,
    ("", "Dropout"): shaping.dropout,
    ("", "Cast"): shaping.cast,
    ("", "CastLike"): shaping.cast_like,
    ("", "Constant"): shaping.constant,
    ("", "Shape"): shaping.shape,
    ("", "Gather"): slicing.gather,
    ("", "Slice"): slicing.slice_,
    ("", "Split"): slicing.split,
    ("", "Concat"): joining.concat,
    ("", "Pad"): joining.pad,
    ("", "Expand"): slicing.expand,
    ("", "Tile"): slicing.tile,
    ("", "QuantizeLinear"): qcdq.quantize,
    ("", "Clip"): qcdq.clip,
    ("", "DequantizeLinear"): qcdq.dequantize,
    ("", "Einsum"): einsum.einsum,
    ("", "Conv"): convolution.conv,
    ("", "Attention"): attention.attention,
}

#: Handlers that accept shared heads: these move them, PRODUCTS multiply them, ALIKE treats all of their channels alike.
#: All others get the heads repeated.
MOVES = {
    shaping.reshape, shaping.transpose, shaping.flatten, shaping.squeeze, shaping.unsqueeze, shaping.identity,
    shaping.dropout, shaping.shape,
}  # fmt: skip
#: What may stand between QuantizeLinear and DequantizeLinear.
MOVES_INTEGERS = MOVES - {shaping.shape} | {
    slicing.slice_, slicing.split, slicing.gather, slicing.expand, slicing.tile, joining.concat,
}  # fmt: skip
#: What a file may do to its input, with constants, before it is quantized.
SCALES = {arithmetic.add, arithmetic.subtract, arithmetic.multiply, arithmetic.divide}
#: What takes channels that nothing has read yet, or joins them again.
PICKS = {arithmetic.negate, joining.concat}
QUANTIZERS = {quant.quant, quant.bipolar, qcdq.quantize, qcdq.clip, qcdq.dequantize}
PRODUCTS = {linear.matmul, einsum.einsum}
ALIKE = {quant.quant, arithmetic.multiply, arithmetic.divide}

#: Refused operators behind which the import goes on: new activations come out of them, whatever came in.
MAKERS = {
    *PRODUCTS, linear.gemm, convolution.conv, attention.attention, softmax.softmax, norms.layer, norms.rms,
    arithmetic.batch_normalization,
}  # fmt: skip
#: Handlers that need integers: a function becomes an edge for them where it can.
READERS = MAKERS | {
    shaping.reduce_sum, shaping.reduce_mean, shaping.global_average_pool, joining.concat, joining.pad, slicing.expand,
    slicing.tile,
}  # fmt: skip
#: Of these, those that take a mask that comes in as the function that it is.
MASKED = {slicing.expand, slicing.tile, attention.attention}
QUANTIZING = {("qonnx", "Quant"), ("qonnx", "IntQuant"), ("qonnx", "BipolarQuant"), ("", "QuantizeLinear")}


def known_handler(node: onnx.NodeProto) -> Handler | None:
    """The handler of a node; None where there is none."""
    domain = DOMAINS.get(node.domain, "?")
    default = on_activations if domain == "" and node.op_type in FOLDED else None
    return HANDLERS.get((domain, node.op_type), default)


def handler_of(node: onnx.NodeProto) -> Handler:
    """The handler of a node. Raises Refused where there is none."""
    handler = known_handler(node)
    if handler is None:
        why, remedy = foreign.reason(node)
        raise Refused(why, remedy)
    return handler
