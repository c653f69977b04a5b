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
from accel.onnx_import.source import Ending, Source, needed, to_array
from accel.onnx_import.values import Call

FINAL = {"ArgMax", "LogSoftmax", "Sigmoid", "Softmax", "Tanh"}
PASSED = {"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"}


def without_endings(source: Source) -> Source:
    """The file up to such nodes, which go to `endings`; the same file where there are none."""
    producers = {name: node for node in source.nodes for name in node.output}
    endings = tuple(_ending(source, producers, output) for output in source.outputs)
    outputs = tuple(dict.fromkeys(ending.tensor for ending in endings))
    nodes = needed(source.nodes, *outputs)
    uses = Counter([*outputs, *(name for node in nodes for name in node.input)])
    return replace(source, nodes=nodes, outputs=outputs, uses=uses, endings=endings)


def _ending(source: Source, producers: Mapping[str, NodeProto], output: str) -> Ending:
    """The end of one output of the file: the longest that a softmax or the like begins."""
    tensor, behind, found = output, list[NodeProto](), Ending(output, output)
    while (node := producers.get(tensor)) is not None and _may_end(node) and source.uses[tensor] == 1:
        behind.insert(0, node)
        tensor = node.input[0]
        if node.op_type in FINAL and all(tensor != given.name for given in source.inputs):
            found = Ending(output, tensor, tuple(behind))
    return found


def _may_end(node: NodeProto) -> bool:
    return node.domain in ("", "ai.onnx") and node.op_type in FINAL | PASSED and bool(node.input)


def finished(source: Source, ending: Ending, logits: np.ndarray) -> np.ndarray:
    """An output of the file when the input of its ending is `logits`, in the shape that it has there."""
    known: dict[str, np.ndarray] = {ending.tensor: logits}
    if ending.nodes:
        known = {**_constants(source), ending.tensor: logits.astype(np.float32)}
    for node in ending.nodes:
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        tensors = tuple(node.input)
        call = Call(node.name, node.op_type, (), tensors, (), tuple(node.output), attributes, source.opset)
        known[node.output[0]] = execute(call, [known.get(name) for name in tensors])
    return known[ending.output]


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
