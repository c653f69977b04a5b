"""qonnx' executor on an imported file, prepared once for any number of samples.

Each call of `qonnx.core.onnx_exec.execute_onnx` checks the whole model, and makes a session of onnxruntime for every
node. Both are done once here. What a node computes is the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from accel.arrays import Arrays, named
from accel.errors import UserError
from accel.onnx_import.importer import Imported
from accel.spelling import printable

if TYPE_CHECKING:
    from onnx import NodeProto

Tensors = dict[str, np.ndarray]
"""Tensors of a file by name."""


class QonnxRunner:
    """An imported file that runs node by node. Importing has checked every domain: qonnx imports modules they name.

    Raises UserError when qonnx does not understand the file.
    """

    def __init__(self, imported: Imported) -> None:
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.transformation.infer_shapes import InferShapes

        self.source, self._imported = imported.source, imported
        try:
            self.model = ModelWrapper(self.source.model, make_deepcopy=True).transform(InferShapes())
            if not self.model.check_all_tensor_shapes_specified():
                raise ValueError("some tensors have no shape")
            self._empty: Tensors = self.model.make_empty_exec_context()
        except Exception as error:  # qonnx and onnx raise bare Exceptions
            raise self._failure(error) from None
        graph = self.model.graph
        self._annotated = {entry.tensor_name for entry in graph.quantization_annotation}
        self._values = {value.name: value for group in (graph.value_info, graph.output, graph.input) for value in group}
        self._opsets = self.model.get_opset_imports()
        self._nodes = list(graph.node)
        self._steps: list[Callable[[Tensors], None] | None] = [None] * len(self._nodes)

    def run(self, x: Arrays) -> Tensors:
        """Every tensor of the file by name, for one batch of real inputs of the graph."""
        return self.run_part(file_inputs(self._imported, x))

    def run_part(self, tensors: Tensors, start: int = 0, end: int | None = None) -> Tensors:
        """Every tensor by name after nodes start..end − 1 of `model` (default: all), from those already known."""
        context = dict(self._empty)
        try:
            for name, array in tensors.items():
                if array is None or name not in context:  # qonnx has None where a node has no input
                    continue
                if context[name].shape != array.shape:
                    raise ValueError(f"{name} has shape {array.shape}, not {context[name].shape}")
                context[name] = array
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about shapes that qonnx' inference did not find out
                for place in range(len(self._nodes))[start:end]:
                    self._execute(place, context)
        except Exception as error:  # qonnx and onnxruntime raise bare Exceptions
            raise self._failure(error) from None
        return context

    def _execute(self, place: int, context: Tensors) -> None:
        node = self._nodes[place]
        self._sanitize(node.input, context)
        step = self._steps[place]
        if step is None:
            step = self._steps[place] = self._prepared(node)
        step(context)
        self._sanitize(node.output, context)

    def _sanitize(self, names: Iterable[str], context: Tensors) -> None:
        """Round what is annotated to be integers, as qonnx does."""
        from qonnx.util.basic import get_sanitize_quant_tensors, sanitize_quant_values

        annotated = [name for name in names if name in self._annotated]
        if annotated and get_sanitize_quant_tensors():
            sanitize_quant_values(self.model, annotated, context)

    def _prepared(self, node: NodeProto) -> Callable[[Tensors], None]:
        """Choose who executes a node: qonnx if it has a class for it or the node contains graphs, else onnxruntime."""
        from qonnx.core.onnx_exec import execute_node
        from qonnx.custom_op.registry import is_custom_op
        from qonnx.util.basic import get_preferred_qonnx_opset

        graph, opset = self.model.graph, self._opsets.get(node.domain, get_preferred_qonnx_opset())
        if is_custom_op(node.domain, node.op_type) or any(attribute.HasField("g") for attribute in node.attribute):
            return lambda context: execute_node(node, context, graph, opset)
        return self._session(node, opset)

    def _session(self, node: NodeProto, opset: int) -> Callable[[Tensors], None]:
        """A model of one node, as `qonnx.core.onnx_exec.execute_node` makes it."""
        import onnxruntime
        from onnx import helper
        from qonnx.util.basic import qonnx_make_model

        inputs = [name for name in dict.fromkeys(node.input) if name]
        outputs = [name for name in node.output if name]
        ends = ([self._values[name] for name in names] for names in (inputs, outputs))
        model = qonnx_make_model(helper.make_graph([node], "single-node-exec", *ends))
        model.opset_import[0].version = opset
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # every session has threads of its own
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)

        def step(context: Tensors) -> None:
            found = session.run(outputs, {name: context[name] for name in inputs})
            context.update(zip(outputs, found, strict=True))

        return step

    def _failure(self, error: Exception) -> UserError:
        return UserError(f"qonnx cannot execute {self.source.path}: {printable(str(error), 200)}")


def file_inputs(imported: Imported, x: Arrays) -> Tensors:
    """Arrays that the file takes, from one batch (samples, tokens, channels) of every input of the graph.

    An input that no result depends on is 0.
    """
    found, graph_inputs = dict[str, np.ndarray](), named(imported.graph.inputs, x)
    for given in imported.source.inputs:
        edge = imported.entered.get(given.name)
        real = (
            np.zeros(given.shape)
            if edge is None
            else imported.readings[given.name].layout.from_edge(graph_inputs[edge])
        )
        found[given.name] = real.astype(given.dtype)
    return found
