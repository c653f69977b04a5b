"""Scales rounded up to powers of two, so that every Rescale is a shift.

Rounded up, no value is clipped that was not; steps become less than twice as large. Integers that the file stores
(weights, biases) are rounded to their new steps.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from accel.onnx_import.standard import nodes_of

QUANTIZERS = ("Quant", "IntQuant", "BipolarQuant", "QuantizeLinear", "DequantizeLinear")


def power_of_two(scale: np.ndarray) -> np.ndarray:
    """The smallest powers of two that are not below the scales."""
    mantissa, exponent = np.frexp(scale)
    return np.ldexp(np.ones_like(scale), exponent - (mantissa == 0.5))


def with_powers_of_two(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of the file in which all scales of quantizers are powers of two. Blocked scales stay as they are."""
    found = onnx.ModelProto()
    found.CopyFrom(model)
    constants = {tensor.name: tensor for tensor in found.graph.initializer}
    constants |= {n.output[0]: n.attribute[0].t for n in found.graph.node if n.op_type == "Constant" and _is_tensor(n)}
    for node in nodes_of(found.graph):
        if node.op_type in QUANTIZERS and len(node.input) > 1 and node.input[1] in constants and not _blocked(node):
            before = numpy_helper.to_array(constants[node.input[1]])
            scale = power_of_two(before)
            if node.op_type == "DequantizeLinear" and node.input[0] in constants:
                _store(found, node, 0, _restepped(node, constants, before / scale))
            _store(found, node, 1, scale)
    return found


def _is_tensor(node: onnx.NodeProto) -> bool:
    return len(node.attribute) == 1 and node.attribute[0].type == onnx.AttributeProto.TENSOR


def _blocked(node: onnx.NodeProto) -> bool:
    return any(attribute.name == "block_size" and attribute.i for attribute in node.attribute)


def _restepped(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto], ratio: np.ndarray) -> np.ndarray:
    """The stored integers in steps that are 1 / ratio times as large."""
    stored = numpy_helper.to_array(constants[node.input[0]])
    zero = np.zeros(1, stored.dtype)
    if len(node.input) > 2 and node.input[2] in constants:
        zero = numpy_helper.to_array(constants[node.input[2]])
    if ratio.size > 1:
        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
        shape = [1] * stored.ndim
        shape[axis] = ratio.size
        ratio = ratio.reshape(shape)
        zero = zero.reshape(shape) if zero.size > 1 else zero
    offset = zero.astype(np.float64)
    values: np.ndarray = np.rint((stored.astype(np.float64) - offset) * ratio + offset).astype(stored.dtype)
    return values


def _store(model: onnx.ModelProto, node: onnx.NodeProto, index: int, values: np.ndarray) -> None:
    """Another constant for one input of a node."""
    name = f"{node.input[index]}/po2/{len(model.graph.initializer)}"
    model.graph.initializer.append(numpy_helper.from_array(values, name))
    node.input[index] = name
