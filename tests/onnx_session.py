"""ONNX Runtime as the judge of a file: nothing optimized, so it computes what the file says."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import onnx
import onnxruntime


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
    copy.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in tensors)
    return copy
