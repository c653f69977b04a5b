"""ONNX Runtime as the judge of a file: nothing optimized, so it computes what the file says."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper


def opened(model: onnx.ModelProto | Path) -> onnxruntime.InferenceSession:
    """A session of a file or of a model in memory."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    given = str(model) if isinstance(model, Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(given, options, ["CPUExecutionProvider"])


def showing(model: onnx.ModelProto, tensors: Iterable[str]) -> onnx.ModelProto:
    """The same model with other tensors as its outputs."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in tensors)
    return copy


def evaluated(node: onnx.NodeProto, opset: int, given: Iterable[np.ndarray]) -> list[np.ndarray]:
    """The outputs of one node for these inputs."""
    named = dict(zip(node.input, given, strict=True))
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in named.items()
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output]
    graph = helper.make_graph([node], "node", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    return list(opened(model).run(None, named))
