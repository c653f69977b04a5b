"""ONNX Runtime's static quantization of a cleaned graph: QDQ, 8 bits, symmetric, scales per channel."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx

from accel.quantization import cleaning, network
from accel.quantization.choice import Choice, choose
from accel.quantization.samples import Samples

if TYPE_CHECKING:
    import torch

Progress = Callable[[str], None]


def quantize(
    model: Path | str | torch.nn.Module,
    data: Samples,
    *,
    output: str | None = None,
    per_channel: bool = True,
    progress: Progress = lambda text: None,
) -> onnx.ModelProto:
    progress("export")
    where = type(model).__name__ if not isinstance(model, (str, Path)) else str(model)
    clean, given = cleaning.prepared(network.load(model, data), data, output, where)
    _name_nodes(clean)
    choice = choose(clean)
    return without_pairs(_static(clean, given, choice, per_channel, progress), choice.real)


def _name_nodes(model: onnx.ModelProto) -> None:
    """Every node gets a name of its own: ONNX Runtime selects by name."""
    taken: set[str] = set()
    for index, node in enumerate(model.graph.node):
        if not node.name or node.name in taken:
            node.name = f"{node.op_type}_{index}"
        taken.add(node.name)


class _Reader:
    """Samples one by one, as ONNX Runtime asks for them."""

    def __init__(self, data: Samples, batch: int, progress: Progress) -> None:
        (self.name, self.array), self.batch, self.progress = next(iter(data.arrays.items())), batch, progress
        self.next = 0

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch by input name; None after the last."""
        start, self.next = self.next, self.next + self.batch
        if self.next > len(self.array):
            return None
        self.progress(f"calibrate: {self.next} of {len(self.array)} samples")
        return {self.name: self.array[start : self.next]}


def _static(
    model: onnx.ModelProto, data: Samples, choice: Choice, per_channel: bool, progress: Progress
) -> onnx.ModelProto:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    CalibrationDataReader.register(_Reader)
    kinds = sorted({node.op_type for node in model.graph.node})
    batch = model.graph.input[0].type.tensor_type.shape.dim[0].dim_value
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        try:
            quantize_static(
                model,
                path,
                _Reader(data, batch, progress),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=kinds,
                nodes_to_quantize=list(choice.nodes),
                per_channel=per_channel,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
                extra_options={
                    "ActivationSymmetric": True,
                    "ForceQuantizeNoInputCheck": True,
                    "CalibMaxIntermediateOutputs": 32,
                },
            )
            return onnx.load(path)
        finally:
            logging.disable(disabled)


def without_pairs(model: onnx.ModelProto, tensors: frozenset[str]) -> onnx.ModelProto:
    """The graph without the quantizers behind some tensors."""
    graph = model.graph
    quantized = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    real = {
        node.output[0]: quantized[node.input[0]]
        for node in graph.node
        if node.op_type == "DequantizeLinear" and quantized.get(node.input[0]) in tensors
    }
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = real.get(name, name)
    read = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    gone = {"QuantizeLinear", "DequantizeLinear"}
    for _ in range(2):
        kept = [node for node in graph.node if node.op_type not in gone or node.output[0] in read]
        read = {name for node in kept for name in node.input} | {value.name for value in graph.output}
        del graph.node[:]
        graph.node.extend(kept)
    return model
