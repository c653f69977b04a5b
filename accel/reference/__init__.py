"""The graph as software: in torch on any device, compiled for this processor, and token by token."""

from accel.reference.decoding import Decoder, decode
from accel.reference.evaluation import (
    NATIVE,
    as_integers,
    checked,
    checked_for,
    dequantize,
    evaluate,
    inputs_by,
    quantize,
    quantize_to,
    run,
    trace,
)

__all__ = [
    "NATIVE", "Decoder", "as_integers", "checked", "checked_for", "decode", "dequantize", "evaluate", "inputs_by",
    "quantize", "quantize_to", "run", "trace",
]  # fmt: skip
