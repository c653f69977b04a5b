"""The walk over an ONNX file: one handler per operator, all refusals collected before anything is reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import helper

from accel.errors import GraphError, UnsupportedModel
from accel.graph import Graph
from accel.onnx_import import linear, nonlinear, quantizers, shaping
from accel.onnx_import.builder import Builder, Origin
from accel.onnx_import.layout import Axis, Layout, axis_of
from accel.onnx_import.source import CONTROL_FLOW, Source, all_nodes, open_source, parse, title, unfit
from accel.onnx_import.values import Call, Constant, Edge, Real, Refused, Unknown, Value, printable, shortened

Handler = Callable[[Builder, Call], Value]

#: ONNX domain → the part of the table below. No other domain is ever looked up: qonnx imports modules by domain.
DOMAINS = {"": "", "ai.onnx": "", "qonnx.custom_op.general": "qonnx", "onnx.brevitas": "qonnx"}
DOMAINS["accel.qonnx_ops"] = "accel"

HANDLERS: dict[tuple[str, str], Handler] = {
    ("qonnx", "Quant"): quantizers.quant,
    ("accel", "IntSoftmax"): nonlinear.softmax,
    ("accel", "IntNorm"): nonlinear.norm,
    ("accel", "IntLookup"): nonlinear.lookup,
    ("", "Relu"): nonlinear.relu,
    ("", "MatMul"): linear.matmul,
    ("", "Gemm"): linear.gemm,
    ("", "Add"): linear.add,
    ("", "Sub"): linear.subtract,
    ("", "Mul"): linear.multiply,
    ("", "Div"): linear.divide,
    ("", "ReduceSum"): shaping.reduce_sum,
    ("", "ReduceMean"): shaping.reduce_mean,
    ("", "Reshape"): shaping.reshape,
    ("", "Transpose"): shaping.transpose,
    ("", "Flatten"): shaping.flatten,
    ("", "Squeeze"): shaping.squeeze,
    ("", "Unsqueeze"): shaping.unsqueeze,
    ("", "Identity"): shaping.identity,
    ("", "Cast"): shaping.cast,
    ("", "Constant"): shaping.constant,
    ("", "Shape"): shaping.shape,
    ("", "Gather"): shaping.gather,
    ("", "Concat"): shaping.concat,
}

#: A refusal lists at most so many; a file with more is another kind of model.
MAX_REASONS = 40

REPLACE = "express it with MatMul, Gemm, Add, Relu, ReduceSum, Quant, IntSoftmax, IntNorm or IntLookup"
TRAIN_WITH = "train with accel's integer {} layer"
REMEDIES = {
    "Softmax": TRAIN_WITH.format("softmax"),
    "LayerNormalization": TRAIN_WITH.format("norm"),
    **dict.fromkeys(("Gelu", "Erf", "Tanh", "Sigmoid", "Exp"), TRAIN_WITH.format("lookup")),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), "export with brevitas.export.export_qonnx, not QCDQ"),
    "BatchNormalization": "fold it into the linear layer before training with quantizers",
    "BipolarQuant": "use 2 or more bits",
    "Dropout": "export in eval mode",
}


@dataclass(frozen=True)
class Imported:
    """An integer graph with the file it came from. `origins` maps edges to ONNX tensors; alignments have none."""

    graph: Graph
    origins: dict[str, Origin]
    source: Source


def read(path: Path | str) -> Imported:
    """Import a QONNX file.

    Raises UserError when the file is missing, damaged or not of the right form, and UnsupportedModel, listing
    every node that the integer graph cannot express, with the reason and the remedy.
    """
    model = parse(Path(path))
    reasons = [*unfit(model), *_float(model)]
    if reasons:
        raise UnsupportedModel(f"{path}: {' | '.join([*reasons, *_unknown_operators(model)])}")
    source = open_source(Path(path), model)
    values: dict[str, Value] = {name: Constant(array) for name, array in source.constants.items()}
    values[source.input] = Real(Layout(_input_axes(source)))
    build, problems = Builder(), Problems()
    for node in source.nodes:
        _visit(build, source, node, values, problems)
    output = values[source.output]
    if problems:
        raise UnsupportedModel(f"{path}: {problems}")
    if not isinstance(output, Edge):
        raise UnsupportedModel(f"{path}: the output is not computed from the quantised input; quantise the input")
    if not output.layout.is_plain:
        raise UnsupportedModel(
            f"{path}: the output {output.layout.shape} is not in the order (batch, tokens, channels); "
            "transpose it back in the model"
        )
    try:
        graph = build.finish(printable(Path(path).stem), output, source.output)
    except GraphError as error:
        raise UnsupportedModel(f"{path}: {error}; add quantised layers") from None
    return Imported(graph, build.origins, source)


def _float(model: onnx.ModelProto) -> list[str]:
    kinds = {(DOMAINS.get(node.domain), node.op_type) for node in all_nodes(model.graph)}
    if kinds & {("qonnx", "Quant"), ("", "QuantizeLinear")}:
        return []
    return ["float: no quantizers found; train with Brevitas quantised layers and export with export_qonnx"]


def _unknown_operators(model: onnx.ModelProto) -> list[str]:
    """What would be refused if the rest of the file were fit, by remedy: operators with one of their nodes."""
    found: dict[str, dict[str, list[str]]] = {}
    for node in all_nodes(model.graph):
        if node.op_type not in CONTROL_FLOW:
            try:
                _handler(node)
            except Refused as refusal:
                operators = found.setdefault(refusal.remedy, {})
                operators.setdefault(printable(node.op_type), []).append(repr(title(node, 40)))
    return [
        "unsupported operators: "
        + shortened([f"{op} {shortened(names, 1)}" for op, names in operators.items()], MAX_REASONS)
        + f"; {remedy}"
        for remedy, operators in found.items()
    ]


def _handler(node: onnx.NodeProto) -> Handler:
    """Raises Refused when there is none."""
    handler = HANDLERS.get((DOMAINS.get(node.domain, "?"), node.op_type))
    if handler is None:
        raise Refused("unsupported operator", REMEDIES.get(node.op_type, REPLACE))
    return handler


def _input_axes(source: Source) -> tuple[Axis, ...]:
    """Batch first; then tokens and channels, or channels alone. Other axes must be 1."""
    batch, *rest = source.shape
    wide = [i for i, size in enumerate(rest) if size > 1]
    keep = wide if len(wide) == 2 or len(rest) < 2 else sorted({*wide, len(rest) - 2, len(rest) - 1})
    if len(keep) > 2:
        raise UnsupportedModel(
            f"{source.path}: input shape {source.shape} has more than (batch, tokens, channels); "
            "cut images into patches before the model"
        )
    roles = dict(zip(keep, ("token", "channel")[-len(keep) :], strict=True))
    return (axis_of("batch", batch), *(axis_of(roles.get(i, "token"), size) for i, size in enumerate(rest)))


class Problems:
    """Refused nodes, grouped by operator, reason and remedy."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[str, str, str], list[str]] = {}

    def add(self, node: onnx.NodeProto, why: str, remedy: str) -> None:
        self._nodes.setdefault((printable(node.op_type), printable(why, 200), remedy), []).append(title(node))

    def __bool__(self) -> bool:
        return bool(self._nodes)

    def __str__(self) -> str:
        count = sum(map(len, self._nodes.values()))
        lines = [
            f"{op} {shortened([repr(name) for name in names])}: {why}; {remedy}"
            for (op, why, remedy), names in self._nodes.items()
        ]
        rest = [f"{len(lines) - MAX_REASONS} more reasons"] if len(lines) > MAX_REASONS else []
        return f"{count} unsupported node{'s' * (count > 1)}: " + " | ".join(lines[:MAX_REASONS] + rest)


def _visit(build: Builder, source: Source, node: onnx.NodeProto, values: dict[str, Value], problems: Problems) -> None:
    """Import one node: its output's meaning goes to `values`, a refusal to `problems`."""
    result: Value = Unknown()
    try:
        result = _handler(node)(build, _call(source, node, values))
    except Refused as refusal:
        problems.add(node, refusal.why, refusal.remedy)
    except GraphError as error:
        problems.add(node, str(error), "change the layer's sizes or bit widths")
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        problems.add(node, f"is malformed ({type(error).__name__})", "export the model again")
    for index, name in enumerate(filter(None, node.output)):
        values[name] = Unknown() if index else result
        if index and source.uses[name] and not isinstance(result, Unknown):
            problems.add(node, f"its output {index} is used", "use only the first output")


def _call(source: Source, node: onnx.NodeProto, values: dict[str, Value]) -> Call:
    tensors = list(node.input)
    while tensors and not tensors[-1]:
        tensors.pop()
    return Call(
        node.name or node.op_type,
        node.op_type,
        tuple(values[name] if name else None for name in tensors),
        tuple(tensors),
        tuple(source.uses[name] for name in tensors),
        node.output[0] if node.output else "",
        {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute},
    )
