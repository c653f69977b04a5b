"""Which nodes of a float graph get quantizers: those between which the integer graph needs integers.

Quantizers stand around every product (of an activation with weights, or of two activations) and around every sum of
different activations. Inside a function of one activation, a softmax with its mask, a norm or a rotation by tables
there are none: the import makes one operator of each. What only moves numbers keeps their scale.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from accel.onnx_import.source import is_mask

PRODUCTS = {"MatMul", "Gemm", "Conv"}
#: Every number of the input, in another order or shape.
MOVES = {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Cast", "Expand"}
#: Some numbers of one or several inputs.
SELECTIONS = {"Slice", "Split", "Gather", "Concat", "Pad", "Tile"}
#: ONNX Runtime gives their output the scale of the input, if that is quantized.
SAME_SCALE = {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Slice", "Split", "Gather", "Pad"}
NORMS = {"LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization", "Softmax", "LogSoftmax"}
REDUCTIONS = {"ReduceMean", "ReduceSum", "ReduceMax", "GlobalAveragePool"}
#: An added constant with numbers at or below this is a mask.
HIDDEN = -1e4


@dataclass(frozen=True)
class QuantizedNodes:
    """The nodes to quantize by name, and the tensors among theirs that stay real: between a product and its bias."""

    nodes: tuple[str, ...]
    real: frozenset[str]


@dataclass(frozen=True)
class _Made:
    """Origin of a tensor, element by element: one tensor `root`; `reduced` over its channels."""

    root: str
    reduced: bool = False


def choose(model: onnx.ModelProto) -> QuantizedNodes:
    """The choice for a cleaned graph whose nodes have names and whose tensors have static shapes."""
    return _Walk(model).choice()


class _Walk:
    """One pass over the nodes in execution order."""

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = onnx.shape_inference.infer_shapes(model).graph
        self.graph = graph
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.uses = Counter(name for node in graph.node for name in node.input)
        self.uses.update(value.name for value in graph.output)
        self.ranks = {
            value.name: len(value.type.tensor_type.shape.dim)
            for value in (*graph.input, *graph.value_info, *graph.output)
        }
        self.masks = {value.name for value in graph.input if is_mask(graph.node, value)}
        self.made = {value.name: _Made(value.name) for value in graph.input if value.name not in self.masks}
        self.producers = {name: node for node in graph.node for name in node.output}
        self.chosen: list[str] = []
        self.real: set[str] = set()

    def choice(self) -> QuantizedNodes:
        for node in self.graph.node:
            self.visit(node)
        last = self.producers[self.graph.output[0].name]
        if last.name not in self.chosen:
            self.chosen.append(last.name)
            self.real.update(last.input)
        return QuantizedNodes(tuple(self.chosen), frozenset(self.real))

    def visit(self, node: onnx.NodeProto) -> None:
        found = {name: self.made[name] for name in node.input if name in self.made}
        if not found and not self.masks.isdisjoint(node.input):
            self.masks.update(node.output)  # numbers that hide scores are no activations
            return
        roots = {made.root for made in found.values()}
        result = None
        if node.op_type in PRODUCTS:
            self.chosen.append(node.name)
        elif node.op_type in SAME_SCALE | SELECTIONS:
            if node.op_type in SAME_SCALE or len(roots) > 1:
                self.chosen.append(node.name)
            result = next(iter(found.values()), None) if node.op_type in MOVES else None
        elif self.is_bias(node, found):
            self.chosen.append(node.name)
            self.real.update(node.input)
        elif len(roots) > 1 or self.is_pool(node):
            self.chosen.append(node.name)
        elif node.op_type in NORMS - {"Softmax", "LogSoftmax"}:
            self.settle(node.input[0])
        elif node.op_type not in NORMS and found:
            result = self.function(node, list(found.values()))
        for name in node.output:
            self.made[name] = result or _Made(name)

    def settle(self, name: str) -> None:
        """A function in front of a norm ends in a quantizer: a norm is made of integers."""
        maker = self.producers.get(name)
        while maker is not None and maker.op_type in MOVES:
            name, maker = maker.input[0], self.producers.get(maker.input[0])
        if maker is not None and self.made[name].root != name and maker.name not in self.chosen:
            self.chosen.append(maker.name)
            self.real.update(maker.input)

    def function(self, node: onnx.NodeProto, inputs: list[_Made]) -> _Made | None:
        """The result of a function of one tensor; None where that is divided by what was made of all its channels."""
        kinds = {made.reduced for made in inputs}
        if len(kinds) > 1:
            return None
        return _Made(inputs[0].root, node.op_type in REDUCTIONS or kinds == {True})

    def is_pool(self, node: onnx.NodeProto) -> bool:
        """True for a mean or sum over other axes than the channels."""
        if node.op_type == "GlobalAveragePool":
            return True
        if node.op_type not in REDUCTIONS:
            return False
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        axes = self.constant(node.input[1]) if len(node.input) > 1 else attributes.get("axes")
        rank = self.ranks.get(node.input[0], 0)
        return axes is not None and not {int(a) % rank if rank else int(a) for a in axes} <= {rank - 1, -1}

    def is_bias(self, node: onnx.NodeProto, found: dict[str, _Made]) -> bool:
        """True for a constant added to what a product makes, if nothing else reads that."""
        if node.op_type != "Add" or len(found) != 1:
            return False
        (activation,) = found
        other = next((name for name in node.input if name not in found), None)
        values = self.constant(other) if other is not None else None
        maker = self.producers.get(activation)
        return (
            maker is not None
            and maker.op_type in PRODUCTS
            and self.uses[activation] == 1
            and values is not None
            and bool((values > HIDDEN).all())
        )

    def constant(self, name: str) -> np.ndarray | None:
        tensor = self.constants.get(name)
        return None if tensor is None else numpy_helper.to_array(tensor)
