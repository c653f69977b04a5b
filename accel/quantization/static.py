"""ONNX Runtime's static quantization of a cleaned graph: QDQ, 8 bits, symmetric, scales per channel."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path

import numpy as np
import onnx

from accel.errors import UserError
from accel.progress import Progress
from accel.quantization.choice import QuantizedNodes, choose
from accel.quantization.cleaning import FloatNetwork, bypassed
from accel.quantization.exporting import silence


def quantized(
    network: FloatNetwork, count: int, *, per_channel: bool = True, progress: Progress = lambda text: None
) -> onnx.ModelProto:
    """The network with quantizers, calibrated on its first `count` samples.

    Raises UserError when there are fewer samples than its batch takes.
    """
    choice = choose(network.model)
    return without_pairs(_static(network, count, choice, per_channel, progress), choice.real)


class _Reader:
    """Batches of samples, as ONNX Runtime asks for them."""

    def __init__(self, network: FloatNetwork, count: int, progress: Progress) -> None:
        self.network, self.progress, self.next = network, progress, 0
        self.count = min(count, network.count) // network.batch * network.batch
        if not self.count:
            raise UserError(f"{network.name} takes {network.batch} samples at once; give at least as many")

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch by input name; None after the last."""
        start, self.next = self.next, self.next + self.network.batch
        if self.next > self.count:
            return None
        self.progress(f"calibrate: {self.next} of {self.count} samples")
        return self.network.part(start, self.next)


def _static(
    network: FloatNetwork, count: int, choice: QuantizedNodes, per_channel: bool, progress: Progress
) -> onnx.ModelProto:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    CalibrationDataReader.register(_Reader)
    with tempfile.TemporaryDirectory() as folder, silence():
        path = Path(folder) / "model.onnx"
        quantize_static(
            copy.deepcopy(network.model),  # it moves the weights of what it is given to a file, which it removes
            path,
            _Reader(network, count, progress),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=sorted({node.op_type for node in network.model.graph.node}),
            nodes_to_quantize=list(choice.nodes),
            per_channel=per_channel,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            extra_options={
                "ActivationSymmetric": True,
                "ForceQuantizeNoInputCheck": True,  # what only moves numbers has their scale
            },
        )
        return onnx.load(path)


def without_pairs(model: onnx.ModelProto, tensors: frozenset[str]) -> onnx.ModelProto:
    """The graph without the quantizers behind some tensors."""
    quantized = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "QuantizeLinear"}
    return bypassed(
        model,
        {
            node.output[0]: quantized[node.input[0]]
            for node in model.graph.node
            if node.op_type == "DequantizeLinear" and quantized.get(node.input[0]) in tensors
        },
    )
