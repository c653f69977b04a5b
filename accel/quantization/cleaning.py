"""A float ONNX graph before its quantization: fixed shapes, one output, constants computed."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

from accel.arrays import count
from accel.errors import UserError
from accel.onnx_import.source import needed
from accel.quantization.samples import Samples, matched
from accel.spelling import printable

QUANTIZERS = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Quant", "IntQuant", "BipolarQuant"}


@dataclass(frozen=True)
class FloatNetwork:
    """A float network that can be quantized: one output, static shapes, every node with a name of its own.

    `samples` are (samples, …) for each of its inputs, of which it takes `batch` at once.
    """

    name: str
    model: onnx.ModelProto
    samples: Mapping[str, np.ndarray]
    labels: np.ndarray | None = None

    @property
    def batch(self) -> int:
        """Samples that one run takes."""
        return int(self.model.graph.input[0].type.tensor_type.shape.dim[0].dim_value)

    @property
    def count(self) -> int:
        """Number of samples."""
        return count(self.samples)

    def part(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Samples start to stop − 1 by input name."""
        return {name: array[start:stop] for name, array in self.samples.items()}

    def run(self) -> np.ndarray:
        """The network's results on all whole batches of its samples, (samples, …)."""
        session = _session(self.model.SerializeToString(), ort.SessionOptions(), self.name)
        whole = range(0, self.count - self.batch + 1, self.batch)
        return np.concatenate([session.run(None, self.part(start, start + self.batch))[0] for start in whole])


def prepared(model: onnx.ModelProto, data: Samples, output: str | None, name: str) -> FloatNetwork:
    """The network that is quantized, called `name`.

    Inputs that all samples have in common become constants, dynamic sizes those of the data, the batch 1. Raises
    UserError when the data do not fit.
    """
    model = onnx.ModelProto.FromString(model.SerializeToString())
    if any(node.op_type in QUANTIZERS for node in model.graph.node):
        raise UserError(f"{name} has quantizers already: `accel check` reads it")
    inputs = _inputs(model.graph)
    given = matched(data, list(inputs), list(inputs), name)
    _choose_output(model.graph, output, name)
    varying = _varying(given)
    fitted = {key: _fitted(value, given.arrays[key], name) for key, value in inputs.items()}
    for key, value in inputs.items():
        if key in varying:
            _fix_shape(value, fitted[key])
        else:
            model.graph.input.remove(value)
            model.graph.initializer.append(numpy_helper.from_array(fitted[key][:1], key))
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    samples = {key: fitted[key] for key in varying}
    return FloatNetwork(name, _named(without_padding(optimized(model, name))), samples, given.labels)


def _inputs(graph: onnx.GraphProto) -> dict[str, onnx.ValueInfoProto]:
    constants = {tensor.name for tensor in graph.initializer}
    return {value.name: value for value in graph.input if value.name not in constants}


def _choose_output(graph: onnx.GraphProto, output: str | None, where: str) -> None:
    names = [value.name for value in graph.output]
    if output is not None and output not in names:
        raise UserError(f"{where} has no output {output!r}; its outputs are {', '.join(names)}")
    kept = next(value for value in graph.output if value.name == (output or names[0]))
    del graph.output[:]
    graph.output.append(kept)


def _varying(data: Samples) -> list[str]:
    """The inputs that differ between samples; the first one where none does."""
    found = [name for name, array in data.arrays.items() if (array != array[:1]).any()]
    return found or [next(iter(data.arrays))]


def _fitted(value: onnx.ValueInfoProto, array: np.ndarray, where: str) -> np.ndarray:
    """The array in the input's own type. Raises UserError where shape or kind of number differ."""
    kind = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
    sizes = [d.dim_value for d in kind.shape.dim]
    shape = (sizes[0] if sizes else 0, *array.shape[1:])
    if len(sizes) != array.ndim or any(size not in (0, found) for size, found in zip(sizes, shape, strict=True)):
        wanted = ", ".join(str(size) if size else "any" for size in sizes[1:])
        raise UserError(f"data of input {value.name!r} has shape {array.shape}, {where} takes (samples, {wanted})")
    fitted = array.astype(dtype)
    if dtype.kind in "iu" and array.dtype.kind == "f":
        raise UserError(f"data of input {value.name!r} is {array.dtype}, {where} takes integers ({dtype})")
    if dtype.kind == "b" and (fitted != array).any():
        raise UserError(f"data of input {value.name!r} has {array[fitted != array][0]:g}, {where} takes 0 and 1 (bool)")
    return fitted


def _fix_shape(value: onnx.ValueInfoProto, array: np.ndarray) -> None:
    dims = value.type.tensor_type.shape.dim
    for dim, size in zip(dims, (dims[0].dim_value or 1, *array.shape[1:]), strict=True):
        dim.dim_value = size


def optimized(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The graph after ONNX Runtime's basic optimizations: constants are computed, what does nothing is gone."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "model.onnx")
        _session(model.SerializeToString(), options, name)
        return onnx.load(options.optimized_model_filepath)


def _session(model: bytes, options: ort.SessionOptions, name: str) -> ort.InferenceSession:
    """A session on the processor. A product and its bias stay two nodes: together they would be reshaped for Gemm."""
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(model, options, ["CPUExecutionProvider"], disabled_optimizers=["MatMulAddFusion"])
    except Exception as error:  # ONNX Runtime raises many kinds
        raise UserError(f"ONNX Runtime cannot run {name}: {printable(str(error), 200)}") from None


def _named(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with a name of its own for every node: ONNX Runtime selects by name."""
    taken: set[str] = set()
    for index, node in enumerate(model.graph.node):
        if not node.name or node.name in taken:
            node.name = f"{node.op_type}_{index}"
        taken.add(node.name)
    return model


def without_padding(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph without Pad nodes that add nothing."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    return bypassed(
        model,
        {
            node.output[0]: node.input[0]
            for node in model.graph.node
            if node.op_type == "Pad"
            and node.input[1] in constants
            and not numpy_helper.to_array(constants[node.input[1]]).any()
        },
    )


def bypassed(model: onnx.ModelProto, instead: dict[str, str]) -> onnx.ModelProto:
    """The graph in which another tensor is read instead of each of some; what only they needed is gone."""
    graph = model.graph
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = instead.get(name, name)
    kept = needed(tuple(graph.node), graph.output[0].name)
    del graph.node[:]
    graph.node.extend(kept)
    used = {name for node in kept for name in node.input}
    constants = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(constants)
    return model
