"""The walk over an ONNX file: one handler per operator, all refusals collected before anything is reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import helper

from accel.errors import GraphError, UnsupportedModel
from accel.graph import Graph
from accel.onnx_import import (
    arithmetic,
    folding,
    functions,
    linear,
    nonlinear,
    norms,
    patterns,
    quant,
    shaping,
    softmax,
)
from accel.onnx_import.builder import Builder, Origin
from accel.onnx_import.layout import Axis, Layout, axis_of
from accel.onnx_import.scales import are_powers_of_two
from accel.onnx_import.source import Source, open_source
from accel.onnx_import.values import (
    ISLAND_REMEDY,
    Call,
    Constant,
    Deferred,
    Edge,
    Real,
    Refused,
    Unknown,
    Value,
    maker,
    printable,
)

Handler = Callable[[Builder, Call], Value]

#: ONNX domain → the part of the table below. No other domain is ever looked up: qonnx imports modules by domain.
DOMAINS = {"": "", "ai.onnx": "", "qonnx.custom_op.general": "qonnx", "onnx.brevitas": "qonnx"}
DOMAINS["accel.qonnx_ops"] = "accel"

HANDLERS: dict[tuple[str, str], Handler] = {
    **{("", op): folding.fold for op in sorted(folding.FOLDED)},
    **{("", op): functions.elementwise for op in sorted(functions.ELEMENTWISE)},
    ("qonnx", "Quant"): quant.quant,
    ("accel", "IntSoftmax"): nonlinear.softmax,
    ("accel", "IntNorm"): nonlinear.norm,
    ("accel", "IntLookup"): nonlinear.lookup,
    ("", "Relu"): nonlinear.relu,
    ("", "MatMul"): linear.matmul,
    ("", "Gemm"): linear.gemm,
    ("", "Add"): arithmetic.add,
    ("", "Sum"): arithmetic.add,
    ("", "Sub"): arithmetic.subtract,
    ("", "Mul"): arithmetic.multiply,
    ("", "Div"): arithmetic.divide,
    ("", "BatchNormalization"): arithmetic.batch_normalization,
    ("", "Softmax"): softmax.softmax,
    ("", "Where"): softmax.where,
    ("", "LayerNormalization"): norms.layer,
    ("", "RMSNormalization"): norms.rms,
    ("", "SimplifiedLayerNormalization"): norms.rms,
    ("", "ReduceSum"): shaping.reduce_sum,
    ("", "ReduceMean"): shaping.reduce_mean,
    ("", "Reshape"): shaping.reshape,
    ("", "Transpose"): shaping.transpose,
    ("", "Flatten"): shaping.flatten,
    ("", "Squeeze"): shaping.squeeze,
    ("", "Unsqueeze"): shaping.unsqueeze,
    ("", "Identity"): shaping.identity,
    ("", "Cast"): shaping.cast,
    ("", "CastLike"): shaping.cast_like,
    ("", "Constant"): shaping.constant,
    ("", "Shape"): shaping.shape,
    ("", "Gather"): shaping.gather,
    ("", "Concat"): shaping.concat,
}

REPLACE = "express it with MatMul, Gemm, sums, functions of one activation, softmax, norms and Quant"
CONTROL_FLOW = ("If", "Loop", "Scan")
REMEDIES = {
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), "export with brevitas.export.export_qonnx, not QCDQ"),
    **dict.fromkeys(CONTROL_FLOW, "export a model in which no branch or loop depends on data"),
    "BipolarQuant": "use 2 or more bits",
    "Dropout": "export in eval mode",
}


@dataclass(frozen=True)
class Imported:
    """An integer graph with the file it came from. `origins` maps edges to ONNX tensors; alignments have none.

    `approximate` names the edges whose integers the import had to choose, because the file's are real numbers.
    """

    graph: Graph
    origins: dict[str, Origin]
    source: Source
    approximate: frozenset[str] = frozenset()

    @property
    def is_exact(self) -> bool:
        """True when the file's own execution, in float32, gives the graph's integers: scales are powers of two."""
        powers = (are_powers_of_two(origin.scale) for origin in self.origins.values())
        return not self.approximate and all(powers)


def read(path: Path | str) -> Imported:
    """Import a QONNX file.

    Raises UserError when the file is missing, damaged or not of the right form, and UnsupportedModel, listing
    every node that the integer graph cannot express, with the reason and the remedy.
    """
    source = patterns.fused(open_source(Path(path)))
    kinds = [(DOMAINS.get(node.domain), node.op_type) for node in source.nodes]
    if ("qonnx", "Quant") not in kinds and not any(kind == ("", "QuantizeLinear") for kind in kinds):
        raise UnsupportedModel(
            f"{path}: no quantizers found; train with Brevitas quantised layers and export with export_qonnx"
        )
    values: dict[str, Value] = {name: Constant(array) for name, array in source.constants.items()}
    values[source.input] = Real(Layout(_input_axes(source)))
    build, problems = Builder(), Problems()
    for node in source.nodes:
        _visit(build, source, node, values, problems)
    output = values[source.output]
    if problems:
        raise UnsupportedModel(f"{path}: {problems}")
    if isinstance(output, Deferred):
        where = f"no quantizer stands behind {maker(output)}"
        raise UnsupportedModel(f"{path}: the output is a float island: {where}; {ISLAND_REMEDY}")
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
    return Imported(graph, build.origins, source, frozenset(build.approximate))


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
        name = printable(node.name or (node.output[0] if node.output else ""))
        self._nodes.setdefault((printable(node.op_type), printable(why, 200), remedy), []).append(name)

    def __bool__(self) -> bool:
        return bool(self._nodes)

    def __str__(self) -> str:
        count = sum(map(len, self._nodes.values()))
        lines = [
            f"{op} {', '.join(map(repr, names))}: {why}; {remedy}" for (op, why, remedy), names in self._nodes.items()
        ]
        return f"{count} unsupported node{'s' * (count > 1)}: " + " | ".join(lines)


def _visit(build: Builder, source: Source, node: onnx.NodeProto, values: dict[str, Value], problems: Problems) -> None:
    """Import one node: its output's meaning goes to `values`, a refusal to `problems`."""
    result: Value = Unknown()
    try:
        handler = HANDLERS.get((DOMAINS.get(node.domain, "?"), node.op_type))
        if handler is None:
            flow = node.op_type in CONTROL_FLOW
            raise Refused("is control flow" if flow else "unsupported operator", REMEDIES.get(node.op_type, REPLACE))
        result = handler(build, _call(source, node, values))
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
        source.opset,
    )
