"""The walk over an ONNX file: one handler per operator, all refusals collected before anything is reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from accel.errors import GraphError, UnsupportedModel
from accel.graph import Graph
from accel.onnx_import import (
    arithmetic,
    convolution,
    einsum,
    functions,
    joining,
    linear,
    nonlinear,
    norms,
    patterns,
    qcdq,
    quant,
    shaping,
    slicing,
    softmax,
)
from accel.onnx_import.builder import Builder, Origin
from accel.onnx_import.folding import FOLDED, folded, on_activations
from accel.onnx_import.inputs import Reading, readings
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
    Steps,
    Unknown,
    Value,
    maker,
    printable,
)

Handler = Callable[[Builder, Call], Value | tuple[Value, ...]]

#: ONNX domain → the part of the table below. No other domain is ever looked up: qonnx imports modules by domain.
DOMAINS = {"": "", "ai.onnx": "", "qonnx.custom_op.general": "qonnx", "onnx.brevitas": "qonnx"}
DOMAINS["accel.qonnx_ops"] = "accel"

HANDLERS: dict[tuple[str, str], Handler] = {
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
    ("", "GlobalAveragePool"): shaping.global_average_pool,
    ("", "Reshape"): shaping.reshape,
    ("", "Transpose"): shaping.transpose,
    ("", "Flatten"): shaping.flatten,
    ("", "Squeeze"): shaping.squeeze,
    ("", "Unsqueeze"): shaping.unsqueeze,
    ("", "Identity"): shaping.identity,
    ("", "Dropout"): shaping.identity,
    ("", "Cast"): shaping.cast,
    ("", "CastLike"): shaping.cast_like,
    ("", "Constant"): shaping.constant,
    ("", "Shape"): shaping.shape,
    ("", "Gather"): slicing.gather,
    ("", "Slice"): slicing.slice_,
    ("", "Split"): slicing.split,
    ("", "Concat"): joining.concat,
    ("", "Expand"): slicing.expand,
    ("", "Tile"): slicing.tile,
    ("", "QuantizeLinear"): qcdq.quantize,
    ("", "Clip"): qcdq.clip,
    ("", "DequantizeLinear"): qcdq.dequantize,
    ("", "Einsum"): einsum.einsum,
    ("", "Conv"): convolution.conv,
}

REPLACE = "express it with MatMul, Gemm, sums, functions of one activation, softmax, norms and Quant"
CONTROL_FLOW = ("If", "Loop", "Scan")
REMEDIES = {
    **dict.fromkeys(CONTROL_FLOW, "export a model in which no branch or loop depends on data"),
    "BipolarQuant": "use 2 or more bits",
    "Dropout": "export in eval mode",
}


@dataclass(frozen=True)
class Imported:
    """An integer graph with the file it came from, and how the file's input is read.

    `origins` maps edges to ONNX tensors; alignments have none. `approximate` names the edges whose integers the import
    had to choose, because the file's are real numbers.
    """

    graph: Graph
    origins: dict[str, Origin]
    source: Source
    reading: Reading
    approximate: frozenset[str] = frozenset()

    @property
    def is_exact(self) -> bool:
        """True when the file's own execution, in float32, gives the graph's integers: scales are powers of two."""
        powers = (are_powers_of_two(origin.scale) for origin in self.origins.values())
        return not self.approximate and all(powers)

    def samples(self, x: np.ndarray) -> np.ndarray:
        """Inputs shaped as the file takes them, or (samples, tokens, channels) → (samples, tokens, channels).

        The batch axis may have any size. Raises UserError on another shape.
        """
        return self.reading.samples(np.asarray(x))


class _Failure(Exception):
    """Why a reading of the input leads to no graph; `count` is the number of refused nodes."""

    def __init__(self, text: str, count: int = 1) -> None:
        super().__init__(text)
        self.count = count


def read(path: Path | str) -> Imported:
    """Import a QONNX or QCDQ file.

    Raises UserError when the file is missing, damaged or not of the right form, and UnsupportedModel, listing
    every node that the integer graph cannot express, with the reason and the remedy.
    """
    source = patterns.fused(open_source(Path(path)))
    kinds = [(DOMAINS.get(node.domain), node.op_type) for node in source.nodes]
    if ("qonnx", "Quant") not in kinds and not any(kind == ("", "QuantizeLinear") for kind in kinds):
        raise UnsupportedModel(
            f"{path}: no quantizers found; train with Brevitas quantised layers and export with export_qonnx"
        )
    failures = []
    for reading in readings(source):
        try:
            return _import(source, reading)
        except _Failure as failure:
            failures.append(failure)
    raise UnsupportedModel(f"{path}: {min(failures, key=lambda failure: failure.count)}")


def _import(source: Source, reading: Reading) -> Imported:
    """The graph for one reading of the input. Raises _Failure."""
    values: dict[str, Value] = {name: Constant(array) for name, array in source.constants.items()}
    values[source.input] = Real(reading.layout, source.is_integer)
    build, problems = Builder(), Problems()
    for node in source.nodes:
        _visit(build, source, node, values, problems)
    output = values[source.output]
    if problems:
        raise _Failure(str(problems), len(problems))
    if isinstance(output, Steps):
        raise _Failure("the output is quantised and not dequantised; end the model with DequantizeLinear")
    if isinstance(output, Deferred):
        where = f"no quantizer stands behind {maker(output)}"
        raise _Failure(f"the output is a float island: {where}; {ISLAND_REMEDY}")
    if not isinstance(output, Edge):
        raise _Failure("the output is not computed from the quantised input; quantise the input")
    if not output.layout.is_plain:
        raise _Failure(
            f"the output {output.layout.shape} is not in the order (batch, tokens, channels); "
            "transpose it back in the model"
        )
    try:
        graph = build.finish(printable(source.path.stem), output, source.output)
    except GraphError as error:
        raise _Failure(f"{error}; add quantised layers") from None
    return Imported(graph, build.origins, source, reading, frozenset(build.approximate))


class Problems:
    """Refused nodes, grouped by operator, reason and remedy."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[str, str, str], list[str]] = {}

    def add(self, node: onnx.NodeProto, why: str, remedy: str) -> None:
        name = printable(node.name or (node.output[0] if node.output else ""))
        self._nodes.setdefault((printable(node.op_type), printable(why, 200), remedy), []).append(name)

    def __len__(self) -> int:
        return sum(map(len, self._nodes.values()))

    def __str__(self) -> str:
        count = len(self)
        lines = [
            f"{op} {', '.join(map(repr, names))}: {why}; {remedy}" for (op, why, remedy), names in self._nodes.items()
        ]
        return f"{count} unsupported node{'s' * (count > 1)}: " + " | ".join(lines)


def _visit(build: Builder, source: Source, node: onnx.NodeProto, values: dict[str, Value], problems: Problems) -> None:
    """Import one node: its output's meaning goes to `values`, a refusal to `problems`."""
    result: Value | tuple[Value, ...] = Unknown()
    try:
        call = _call(source, node, values)
        domain = DOMAINS.get(node.domain, "?")
        handler = HANDLERS.get((domain, node.op_type))
        constant = folded(call) if domain == "" else None
        if constant is not None:
            result = constant
        elif handler is not None:
            result = handler(build, call)
        elif domain == "" and node.op_type in FOLDED:
            result = on_activations(call)
        else:
            flow = node.op_type in CONTROL_FLOW
            raise Refused("is control flow" if flow else "unsupported operator", REMEDIES.get(node.op_type, REPLACE))
    except Refused as refusal:
        problems.add(node, refusal.why, refusal.remedy)
    except GraphError as error:
        problems.add(node, str(error), "change the layer's sizes or bit widths")
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        problems.add(node, f"is malformed ({type(error).__name__})", "export the model again")
    results = result if isinstance(result, tuple) else (result,)
    refused = any(isinstance(value, Unknown) for value in results)
    for index, name in enumerate(node.output):
        values[name] = results[index] if index < len(results) else Unknown()
        if index >= len(results) and name and source.uses[name] and not refused:
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
        tuple(node.output),
        {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute},
        source.opset,
    )
