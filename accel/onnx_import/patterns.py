"""Norms and softmax that a file has written out, operator by operator, become the one node that they mean.

    softmax      Exp(z) / ReduceSum(Exp(z)), z = x or x − ReduceMax(x)
    layer norm   c / Sqrt(ReduceMean(c²) + eps), c = x − ReduceMean(x)
    rms norm     x / Sqrt(ReduceMean(x²) + eps)

A division may be a product with a reciprocal, a square a product or a power, a root a power of ±1/2. The node keeps
the name of its last operator and writes the same tensor; scale and bias stay what they are, a Mul and an Add.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from onnx import NodeProto, helper

from accel.onnx_import.source import Source, needed, to_array


def fused(source: Source) -> Source:
    """The file with such operators replaced; what only they needed is gone."""
    found = _Patterns(source)
    nodes = tuple(found.replacement(node) or node for node in source.nodes)
    return replace(source, nodes=needed(nodes, *source.outputs))


class _Patterns:
    def __init__(self, source: Source) -> None:
        self.producers = {name: node for node in source.nodes for name in node.output if name}
        self.constants: Mapping[str, np.ndarray] = source.constants

    def replacement(self, node: NodeProto) -> NodeProto | None:
        for top, bottom in self.quotients(node):
            softmax = self.softmax(top, bottom)
            if softmax is not None:
                return self.node("Softmax", node, *softmax)
            norm = self.norm(top, bottom)
            if norm is not None:
                form, x, axis, epsilon = norm
                return self.node(form, node, x, axis, epsilon=epsilon)
        return None

    def node(self, op: str, last: NodeProto, x: str, axis: int, **attributes: float) -> NodeProto:
        return helper.make_node(op, [x], list(last.output), last.name or last.output[0], axis=axis, **attributes)

    # ---- pieces

    def made_by(self, tensor: str, *ops: str, inputs: int = 1) -> NodeProto | None:
        node = self.producers.get(tensor)
        standard = node is not None and node.domain in ("", "ai.onnx") and node.op_type in ops
        return node if node is not None and standard and len(node.input) >= inputs else None

    def number(self, tensor: str) -> float | None:
        """A constant of one element."""
        value = self.array(tensor)
        return float(value.reshape(())) if value is not None and value.size == 1 and value.dtype.kind in "fiu" else None

    def array(self, tensor: str) -> np.ndarray | None:
        if tensor in self.constants:
            return self.constants[tensor]
        node = self.made_by(tensor, "Constant", inputs=0)
        for attribute in node.attribute if node is not None else ():
            try:
                if attribute.name == "value":
                    return to_array(attribute.t)
                if attribute.name.startswith("value_"):
                    return np.asarray(helper.get_attribute_value(attribute))
            except ValueError:
                return None
        return None

    def quotients(self, node: NodeProto) -> Iterator[tuple[str, str]]:
        """Dividend and divisor of a node: top / bottom, or top · (1 / bottom)."""
        if node.domain not in ("", "ai.onnx") or len(node.input) != 2 or len(node.output) != 1:
            return
        a, b = node.input
        if node.op_type == "Div":
            yield a, b
        elif node.op_type == "Mul":
            for top, inverse in ((a, b), (b, a)):
                maker = self.made_by(inverse, "Reciprocal", "Div", "Pow")
                if maker is None:
                    continue
                if maker.op_type == "Reciprocal":
                    yield top, maker.input[0]
                elif maker.op_type == "Div" and len(maker.input) == 2 and self.number(maker.input[0]) == 1:
                    yield top, maker.input[1]
                elif maker.op_type == "Pow" and len(maker.input) == 2 and self.number(maker.input[1]) == -0.5:
                    yield top, inverse

    def reduced(self, tensor: str, op: str) -> tuple[str, int] | None:
        """Input and axis of a reduction over one axis that it keeps."""
        node = self.made_by(tensor, op)
        if node is None:
            return None
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        axes = self.array(node.input[1]) if len(node.input) > 1 else attributes.get("axes")
        listed = np.asarray([] if axes is None else axes).reshape(-1)
        if listed.size != 1 or listed.dtype.kind not in "iu" or attributes.get("keepdims", 1) != 1:
            return None
        return node.input[0], int(listed[0])

    # ---- softmax

    def softmax(self, top: str, bottom: str) -> tuple[str, int] | None:
        exponential, total = self.made_by(top, "Exp"), self.reduced(bottom, "ReduceSum")
        if exponential is None or total is None or total[0] != top:
            return None
        distance = self.made_by(exponential.input[0], "Sub", inputs=2)
        if distance is not None and self.reduced(distance.input[1], "ReduceMax") == (distance.input[0], total[1]):
            return distance.input[0], total[1]
        return exponential.input[0], total[1]

    # ---- norms

    def norm(self, top: str, bottom: str) -> tuple[str, str, int, float] | None:
        """Operator, input, axis and epsilon when `bottom` is the deviation of `top`."""
        root = self.made_by(bottom, "Sqrt", "Pow")
        if root is None or (root.op_type == "Pow" and abs(self.number(root.input[-1]) or 0) != 0.5):
            return None
        mean, epsilon = self.with_epsilon(root.input[0])
        squares = self.reduced(mean, "ReduceMean")
        base = self.squared(squares[0]) if squares is not None else None
        if base is None or squares is None:
            return None
        axis = squares[1]
        centred = self.centred(top)
        if centred is not None and centred[1] == axis and self.centred(base) == centred:
            return "LayerNormalization", centred[0], axis, epsilon
        return ("RMSNormalization", top, axis, epsilon) if base == top else None

    def with_epsilon(self, tensor: str) -> tuple[str, float]:
        total = self.made_by(tensor, "Add", inputs=2)
        if total is not None:
            for mean, constant in (tuple(total.input), tuple(reversed(total.input))):
                value = self.number(constant)
                if value is not None:
                    return mean, value
        return tensor, 0.0

    def squared(self, tensor: str) -> str | None:
        node = self.made_by(tensor, "Mul", "Pow", inputs=2)
        if node is None:
            return None
        square = node.input[0] == node.input[1] if node.op_type == "Mul" else self.number(node.input[1]) == 2
        return node.input[0] if square else None

    def centred(self, tensor: str) -> tuple[str, int] | None:
        """x and axis of x − mean(x)."""
        difference = self.made_by(tensor, "Sub", inputs=2)
        mean = self.reduced(difference.input[1], "ReduceMean") if difference is not None else None
        return mean if difference is not None and mean is not None and mean[0] == difference.input[0] else None
