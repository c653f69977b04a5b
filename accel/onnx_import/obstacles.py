"""Why files are refused: every obstacle at once, none that only follows from another.

Behind a refused node the import goes on with an edge that stands in for its output: of the right shape, with made-up
numbers. What then depends on these numbers is not reported.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

from accel.onnx_import.builder import Builder
from accel.onnx_import.contraction import RELAYOUT, WINDOWS
from accel.onnx_import.layout import Layout, axis_of
from accel.onnx_import.source import title
from accel.onnx_import.values import Constant, Deferred, Edge, Real, Shared, Steps, Unknown, Value
from accel.spelling import printable, shortened
from accel.tensor import Tensor

#: Maximum number in a refusal; a file with more is another kind of model.
MAX_REASONS = 40
#: What an unknown activation is taken for: 8 bits, and a scale between those of others.
STAND_IN = (-128, 127, 2.0**-4)
#: Constants that decide on a shape are small.
MAX_SHAPE = 64


class Problems:
    """Refused nodes, grouped by operator, reason and remedy."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[str, str, str], list[str]] = {}

    def add(self, node: onnx.NodeProto, why: str, remedy: str) -> None:
        self._nodes.setdefault((printable(node.op_type), printable(why, 200), remedy), []).append(title(node))

    def __len__(self) -> int:
        return sum(map(len, self._nodes.values()))

    @property
    def contradictions(self) -> int:
        """Nodes that speak against what the axes are taken for."""
        return sum(len(names) for (_, _, remedy), names in self._nodes.items() if remedy in (RELAYOUT, WINDOWS))

    def __str__(self) -> str:
        count = len(self)
        lines = [
            f"{op} {shortened([repr(name) for name in names])}: {why}; {remedy}"
            for (op, why, remedy), names in self._nodes.items()
        ]
        rest = [f"{len(lines) - MAX_REASONS} more reasons"] if len(lines) > MAX_REASONS else []
        return f"{count} unsupported node{'s' * (count > 1)}: " + " | ".join(lines[:MAX_REASONS] + rest)


class Failure(Exception):
    """Why a reading of the input leads to no graph, and how far it got.

    `progress`: less what contradicts the reading, nodes before the first refused one, nodes that are understood.
    """

    def __init__(self, text: str, progress: tuple[int, int, int]) -> None:
        super().__init__(text)
        self.progress = progress


def stand_ins(build: Builder, node: onnx.NodeProto, values: dict[str, Value], opset: int) -> tuple[Value, ...]:
    """Edges for the outputs of a refused node where their layouts follow from an input's; Unknown for all others."""
    given = [values.get(name) for name in node.input]
    layouts = [value.layout for value in given if isinstance(value, Edge | Shared | Real | Deferred)]
    shapes = _shapes(node, given, opset) if layouts else {}
    found: list[Value] = []
    for name in node.output:
        layout = _like(layouts[0], shapes[name]) if name in shapes else None
        found.append(_edge(build, node, layout) if layout else Unknown())
    return tuple(found) or (Unknown(),)


def _edge(build: Builder, node: onnx.NodeProto, layout: Layout) -> Edge:
    lo, hi, scale = STAND_IN
    return build.assume(
        node.name or node.op_type, Tensor((layout.size("token"), layout.size("channel")), lo, hi, scale), layout
    )


def _shapes(node: onnx.NodeProto, given: list[Value | None], opset: int) -> dict[str, tuple[int, ...]]:
    """Shapes of a node's real outputs, as onnx infers them from its inputs; empty where it cannot."""
    inputs, constants = [], []
    for name, value in dict(zip(node.input, given, strict=True)).items():
        if isinstance(value, Constant):
            array = value.value.astype(np.float32) if value.value.dtype.kind == "f" else value.value
            kind, shape = helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
            if array.size <= MAX_SHAPE:
                constants.append(numpy_helper.from_array(array.copy(), name))
        elif isinstance(value, Edge | Shared | Real | Deferred):
            kind, shape = TensorProto.FLOAT, value.layout.shape
        elif name:
            return {}
        if name:
            inputs.append(helper.make_tensor_value_info(name, kind, shape))
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], "node", inputs, outputs, constants)
    try:
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        inferred = shape_inference.infer_shapes(model, data_prop=True).graph.output
    except Exception:  # onnx raises many kinds
        return {}
    sizes = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in inferred}
    real = {value.name for value in inferred if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    return {name: tuple(dims) for name, dims in sizes.items() if name in real and dims and min(dims) > 0}


def _like(layout: Layout, shape: tuple[int, ...]) -> Layout | None:
    """The layout with axes of other sizes, each of which is tokens or channels alone; None where that is not so."""
    if len(shape) != len(layout.axes):
        return None
    for place, (have, want) in enumerate(zip(layout.shape, shape, strict=True)):
        if have == want:
            continue
        roles = {f.role for f in layout.axes[place]} or ({"channel"} if layout.size("channel") == 1 else set())
        if len(roles) != 1 or "batch" in roles:
            return None
        (role,) = roles
        layout = layout.replaced(place, axis_of(role, want)).in_memory_order(role)
    return layout


def depends_on_stand_in(build: Builder, values: list[Value | None]) -> bool:
    """True when the numbers of an operand are made up."""
    pending = [edge.name for value in values if (edge := _edge_of(value)) is not None]
    seen = set(pending)
    while pending:
        name = pending.pop()
        if name in build.assumed:
            return True
        new = set(build.inputs_of(name)) - seen
        seen |= new
        pending += new
    return False


def _edge_of(value: Value | None) -> Edge | None:
    if isinstance(value, Edge):
        return value
    if isinstance(value, Steps):
        return _edge_of(value.real)
    return value.edge if isinstance(value, Shared | Deferred) and isinstance(value.edge, Edge) else None
