"""Rotary embeddings that a file has as one node, written out: the import and qonnx know the operators that they mean.

    x · cos + rotated(x) · sin,   rotated(x) = Concat(−x[half:], x[:half]) of every head, or of neighbouring channels

ONNX has such a node since version 23; onnxruntime's own one has its inputs in another order.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

ROTARY = "RotaryEmbedding"


def write_out(model: onnx.ModelProto, microsoft: str) -> None:
    """Replace such nodes in place, those in the domain `microsoft` too.

    One whose input's shape is not known, or that has attributes of another operator, stays: the import refuses it.
    """
    nodes = [n for n in model.graph.node if n.op_type == ROTARY and n.domain in ("", "ai.onnx", microsoft)]
    shapes = _shapes(model) if nodes else {}
    written: list[NodeProto] = []
    for node in model.graph.node:
        rotary = _Rotary.of(node, shapes, microsoft) if node in nodes else None
        written += [node] if rotary is None else rotary.nodes()
        model.graph.initializer.extend([] if rotary is None else rotary.constants)
    if nodes:
        del model.graph.node[:]
        model.graph.node.extend(written)


def _shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Shapes of all tensors that onnx infers; such nodes change none. Unknown sizes are 0."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    for node in plain.graph.node:
        if node.op_type == ROTARY:
            data = node.input[0] if node.input else ""
            node.CopyFrom(helper.make_node("Identity", [data], node.output[:1]))
    try:
        graph = onnx.shape_inference.infer_shapes(plain).graph
    except Exception:  # onnx raises many kinds
        return {}
    known = (*graph.input, *graph.value_info, *graph.output)
    inferred = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in known}
    return inferred | {tensor.name: list(tensor.dims) for tensor in graph.initializer}


@dataclass
class _Rotary:
    """One node: its tensors and sizes, the constants and nodes that it becomes.

    `turned` channels of a head turn; `offset` says that the positions are one number, the place of the first token.
    """

    node: NodeProto
    tensors: dict[str, str]
    shape: list[int]
    offset: bool
    heads: int
    turned: int
    interleaved: bool
    constants: list[TensorProto] = field(default_factory=list)
    made: list[NodeProto] = field(default_factory=list)

    @classmethod
    def of(cls, node: NodeProto, shapes: dict[str, list[int]], microsoft: str) -> _Rotary | None:
        """None where the node is not understood."""
        own = node.domain == microsoft
        names = ("x", "positions", "cos", "sin") if own else ("x", "cos", "sin", "positions")
        tensors = {name: tensor for name, tensor in zip(names, node.input, strict=False) if tensor}
        given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        heads, turned = given.pop("num_heads", 0), given.pop("rotary_embedding_dim", 0)
        interleaved, scale = given.pop("interleaved", 0), given.pop("scale", 1.0)
        shape = shapes.get(tensors.get("x", ""), [])
        if any(given.values()) or scale != 1 or not {"x", "cos", "sin"} <= set(tensors) or len(shape) not in (3, 4):
            return None
        if len(shape) == 3 and not heads:
            width = (shapes.get(tensors["cos"]) or [0])[-1]
            heads = shape[-1] // (2 * width) if own and width else 0
        size = shape[-1] if len(shape) == 4 else shape[-1] // max(heads, 1)
        turned = turned or size
        fits = size and turned % 2 == 0 and turned <= size and (len(shape) == 4 or heads * size == shape[-1])
        offset = own and shapes.get(tensors.get("positions", "")) in ([], [1])
        return cls(node, tensors, shape, offset, heads, turned, bool(interleaved)) if fits else None

    def nodes(self) -> list[NodeProto]:
        """The operators, the last of which writes the node's tensor."""
        x, flat, size = self.tensors["x"], len(self.shape) == 3, self.shape[-1]
        if flat:
            size //= self.heads
            x = self.op("Transpose", self.op("Reshape", x, [0, 0, self.heads, size]), perm=[0, 2, 1, 3])
        part = x if self.turned == size else self.cut(x, 0, self.turned)
        cos, sin = (self.table(self.tensors[name]) for name in ("cos", "sin"))
        products = self.op("Mul", part, cos), self.op("Mul", self.exchanged(part), sin)
        y = self.op("Add", *products)
        if part != x:
            y = self.op("Concat", y, self.cut(x, self.turned, size), axis=-1)
        if flat:
            y = self.op("Reshape", self.op("Transpose", y, perm=[0, 2, 1, 3]), [0, 0, self.heads * size])
        self.made[-1].output[0] = self.node.output[0]
        self.made[-1].name = self.node.name
        return self.made

    def exchanged(self, x: str) -> str:
        """(−second, first) of every pair."""
        half = self.turned // 2
        if not self.interleaved:
            return self.op("Concat", self.op("Neg", self.cut(x, half, self.turned)), self.cut(x, 0, half), axis=-1)
        even, odd = self.cut(x, 0, self.turned, 2), self.cut(x, 1, self.turned, 2)
        return self.pairs(self.op("Neg", odd), even)

    def table(self, cache: str) -> str:
        """Constants of every token for both channels of a pair, (batch or 1, 1, tokens, turned)."""
        positions = self.tensors.get("positions")
        if positions is not None:
            tokens = self.shape[-2]
            if self.offset:
                positions = self.op("Reshape", self.op("Add", positions, list(range(tokens))), [1, tokens])
            cache = self.op("Gather", cache, positions, axis=0)
        cache = self.op("Reshape", cache, [0, 1, -1, self.turned // 2])
        return self.pairs(cache, cache) if self.interleaved else self.op("Concat", cache, cache, axis=-1)

    def pairs(self, first: str, second: str) -> str:
        """Channels of two tensors (…, tokens, half) in turn."""
        both = [self.op("Reshape", one, [0, 0, 0, self.turned // 2, 1]) for one in (first, second)]
        return self.op("Reshape", self.op("Concat", *both, axis=-1), [0, 0, 0, self.turned])

    def cut(self, x: str, start: int, end: int, step: int = 1) -> str:
        return self.op("Slice", x, [start], [end], [-1], [step])

    def op(self, kind: str, *given: object, **attributes: object) -> str:
        """A node; lists become constants."""
        stem = f"{self.node.output[0]}/{len(self.made)}"
        names = []
        for number, one in enumerate(given):
            if isinstance(one, list):
                name = f"{stem}/{number}"
                self.constants.append(numpy_helper.from_array(np.array(one, np.int64), name))
                one = name
            names.append(one)
        self.made.append(helper.make_node(kind, names, [stem], f"{self.node.name or stem}/{kind}", **attributes))
        return stem
