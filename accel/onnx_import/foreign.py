"""Operators that the integer graph has no form for: why, and what to do instead, by family."""

from __future__ import annotations

from onnx import NodeProto

from accel.onnx_import.standard import MICROSOFT, QONNX

QUANTIZE = "accel quantize MODEL.onnx --data calib.npz --out q.onnx"
REPLACE = "express it with MatMul, Gemm, sums, functions of one activation, softmax, norms and Quant"
RUN_TIME = (
    "its scales are computed at run time, from the data (dynamic quantization)",
    f"use static quantization, with calibrated scales: {QUANTIZE}",
)
_INTEGERS = (
    "computes with integers of its own (onnxruntime's QOperator format)",
    "quantize in the QDQ format: quant_format=QuantFormat.QDQ",
)
_WEIGHTS_ONLY = (
    "multiplies real numbers by packed weights: only the weights are quantized",
    f"quantize the activations too, from the model before its weights were packed: {QUANTIZE}",
)
_MERGED = (
    "is an operator of onnxruntime's optimizer",
    "quantize the model before it is optimized, and save it with optimization level basic at most",
)
_FLOAT = ("quantizes to floating-point numbers", "use an integer quantizer (Int8ActPerTensorFloat and others)")
_ROTARY = (
    "is a rotary embedding whose heads are not known, or with attributes that change it",
    "export with fixed sizes and num_heads, without a scale or a packed batch",
)
_RECURRENT = ("is recurrent", "accel is for transformers; export the part without it")
_STATISTICS = (
    "normalizes by statistics of many tokens",
    "cut the model behind it, and give accel what comes out of it",
)
_OVERLAP = ("looks at windows that overlap", "cut the model behind it, and give accel what comes out of it")


def _family(domain: str, names: str, why: tuple[str, str]) -> dict[tuple[str, str], tuple[str, str]]:
    """One reason for several operators."""
    return {(domain, name): why for name in names.split()}


_REASONS: dict[tuple[str, str], tuple[str, str]] = {
    **_family("", "DynamicQuantizeLinear MatMulInteger ConvInteger", RUN_TIME),
    **_family(MICROSOFT, "DynamicQuantizeMatMul MatMulIntegerToFloat", RUN_TIME),
    **_family("", "QLinearMatMul QLinearConv", _INTEGERS),
    **_family(MICROSOFT, "MatMulNBits MatMulBnb4 GatherBlockQuantized", _WEIGHTS_ONLY),
    **_family(QONNX, "FloatQuant", _FLOAT),
    **_family("", "InstanceNormalization GroupNormalization MeanVarianceNormalization", _STATISTICS),
    **_family("", "RotaryEmbedding", _ROTARY),
    **_family(MICROSOFT, "RotaryEmbedding", _ROTARY),
    **_family("", "LSTM GRU RNN", _RECURRENT),
    **_family("", "MaxPool AveragePool ConvTranspose Resize", _OVERLAP),
}


def reason(node: NodeProto) -> tuple[str, str]:
    """Why an operator is refused, and the remedy."""
    domain = "" if node.domain == "ai.onnx" else node.domain
    if domain == MICROSOFT and node.op_type.startswith("QLinear"):
        return _INTEGERS
    known = _REASONS.get((domain, node.op_type))
    if known is not None:
        return known
    return _MERGED if domain == MICROSOFT else ("unsupported operator", REPLACE)
