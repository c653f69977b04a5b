"""A float ONNX graph before its quantization: fixed shapes, one input, one output, constants computed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from accel.errors import UserError
from accel.onnx_import.source import needed
from accel.onnx_import.values import printable
from accel.quantization.samples import Samples, matched

QUANTIZERS = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Quant", "IntQuant", "BipolarQuant"}


def prepared(model: onnx.ModelProto, data: Samples, output: str | None, where: str) -> tuple[onnx.ModelProto, Samples]:
    """The graph that is quantized, and the samples of its one input.

    Inputs that all samples have in common become constants, dynamic sizes those of the data, the batch 1. Raises
    UserError when the data do not fit, or more than one input differs between samples.
    """
    model = onnx.ModelProto.FromString(model.SerializeToString())
    if any(node.op_type in QUANTIZERS for node in model.graph.node):
        raise UserError(f"{where} has quantizers already: `accel check` reads it")
    inputs = _inputs(model.graph)
    given = matched(data, list(inputs), list(inputs), where)
    _choose_output(model.graph, output, where)
    varying = _varying(given, where)
    for name, value in inputs.items():
        array = _fitted(value, given.arrays[name], where)
        if name == varying:
            _fix_shape(value, array)
            samples = Samples({name: array}, given.labels)
        else:
            model.graph.input.remove(value)
            model.graph.initializer.append(numpy_helper.from_array(array[:1], name))
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    return without_padding(optimized(model)), samples


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


def _varying(data: Samples, where: str) -> str:
    """The input that differs between samples; the first one where none does."""
    found = [name for name, array in data.arrays.items() if (array != array[:1]).any()]
    if len(found) > 1:
        listed = ", ".join(found)
        raise UserError(
            f"{where}: the inputs {listed} differ between samples, the integer graph takes one; "
            "pad or cut all samples to one length, so that masks are the same for all"
        )
    return found[0] if found else next(iter(data.arrays))


def _fitted(value: onnx.ValueInfoProto, array: np.ndarray, where: str) -> np.ndarray:
    """The array in the input's own type. Raises UserError where shape or kind of number differ."""
    kind = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
    sizes = [d.dim_value for d in kind.shape.dim]
    shape = (sizes[0] if sizes else 0, *array.shape[1:])
    if len(sizes) != array.ndim or any(size not in (0, found) for size, found in zip(sizes, shape, strict=True)):
        wanted = ", ".join(str(size) if size else "any" for size in sizes[1:])
        raise UserError(f"data of input {value.name!r} has shape {array.shape}, {where} takes (samples, {wanted})")
    if array.dtype.kind == "f" and dtype.kind in "iu":
        raise UserError(f"data of input {value.name!r} is {array.dtype}, {where} takes integers ({dtype})")
    return array.astype(dtype)


def _fix_shape(value: onnx.ValueInfoProto, array: np.ndarray) -> None:
    dims = value.type.tensor_type.shape.dim
    for dim, size in zip(dims, (dims[0].dim_value or 1, *array.shape[1:]), strict=True):
        dim.dim_value = size


def optimized(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph after onnxruntime's basic optimizations: constants computed, biases joined with their products."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 4
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "model.onnx")
        try:
            ort.InferenceSession(
                model.SerializeToString(), options, ["CPUExecutionProvider"], disabled_optimizers=["MatMulAddFusion"]
            )
        except Exception as error:  # onnxruntime raises many kinds
            raise UserError(f"onnxruntime cannot run the model: {printable(str(error), 200)}") from None
        return onnx.load(options.optimized_model_filepath)


def without_padding(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph without Pad nodes that add nothing."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    return _bypassed(
        model,
        {
            node.output[0]: node.input[0]
            for node in model.graph.node
            if node.op_type == "Pad"
            and node.input[1] in constants
            and not numpy_helper.to_array(constants[node.input[1]]).any()
        },
    )


def _bypassed(model: onnx.ModelProto, instead: dict[str, str]) -> onnx.ModelProto:
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
