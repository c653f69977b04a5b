"""The end of a file behind its last integers: a softmax, argmax or sigmoid of the logits is the host's to compute.

No quantizer stands behind it, and every one of them would only blur what the logits say. So the graph ends in front of
it, and the file's own nodes make its result from the graph's output.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from onnx import NodeProto, helper

from accel.onnx_import.functions import execute
from accel.onnx_import.source import Source, needed, to_array
from accel.onnx_import.values import Call

FINAL = {"ArgMax", "LogSoftmax", "Sigmoid", "Softmax", "Tanh"}
PASSED = {"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"}


def without_ending(source: Source) -> Source:
    """The file up to such nodes, which go to `ending`; the same file where there are none, or several outputs."""
    if len(source.outputs) > 1:
        return source
    producers = {name: node for node in source.nodes for name in node.output}
    (tensor,) = source.outputs
    behind: list[NodeProto] = []
    ending: list[NodeProto] = []
    while (node := producers.get(tensor)) is not None and _may_end(node) and source.uses[tensor] == 1:
        behind.insert(0, node)
        tensor = node.input[0]
        if node.op_type in FINAL:
            ending = list(behind)
    if not ending or ending[0].input[0] == source.input:
        return source
    output = ending[0].input[0]
    nodes = needed(source.nodes, output)
    uses = Counter([output, *(name for node in nodes for name in node.input)])
    return replace(source, nodes=nodes, outputs=(output,), uses=uses, ending=tuple(ending))


def _may_end(node: NodeProto) -> bool:
    return node.domain in ("", "ai.onnx") and node.op_type in FINAL | PASSED and bool(node.input)


def finished(source: Source, logits: np.ndarray) -> np.ndarray:
    """Output of the file when the input of its ending is `logits`, in the shape that it has there."""
    if not source.ending:
        return logits
    known: dict[str, np.ndarray] = {**_constants(source), source.outputs[0]: logits.astype(np.float32)}
    for node in source.ending:
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        tensors = tuple(node.input)
        call = Call(node.name, node.op_type, (), tensors, (), tuple(node.output), attributes, source.opset)
        known[node.output[0]] = execute(call, [known.get(name) for name in tensors])
    return known[source.ending[-1].output[0]]


def _constants(source: Source) -> Mapping[str, np.ndarray]:
    """Initializers, and what Constant nodes hold."""
    held = {
        node.output[0]: to_array(attribute.t)
        for node in source.model.graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    }
    return {**held, **source.constants}
