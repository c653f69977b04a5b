"""The walk over an ONNX file: one handler per operator, all refusals collected before anything is reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from accel.errors import GraphError, UnsupportedModel, UserError
from accel.model import Model
from accel.onnx_import import (
    arithmetic,
    attention,
    attributes,
    convolution,
    einsum,
    errors,
    foreign,
    functions,
    joining,
    linear,
    masks,
    nonlinear,
    norms,
    obstacles,
    patterns,
    qcdq,
    quant,
    shaping,
    sharing,
    slicing,
    softmax,
    turning,
)
from accel.onnx_import.builder import Builder, Origin
from accel.onnx_import.constants import FOLDED, folded, on_activations
from accel.onnx_import.ending import FINAL, finished, without_ending
from accel.onnx_import.entry import Range
from accel.onnx_import.foreign import QUANTIZE, RUN_TIME
from accel.onnx_import.inputs import Reading, cut, readings, uncut
from accel.onnx_import.layout import Layout
from accel.onnx_import.obstacles import MAX_REASONS, Failure, Problems
from accel.onnx_import.po2 import with_powers_of_two
from accel.onnx_import.scales import are_powers_of_two
from accel.onnx_import.source import CONTROL_FLOW, Source, open_source, parse, title, unfit
from accel.onnx_import.standard import QONNX, nodes_of
from accel.onnx_import.values import (
    ISLAND_REMEDY,
    Call,
    Constant,
    Deferred,
    Edge,
    Real,
    Refused,
    Shared,
    Steps,
    Uncertain,
    Unknown,
    Value,
    maker,
    printable,
    shortened,
)

Handler = Callable[[Builder, Call], Value | tuple[Value, ...]]

#: ONNX domain → the part of the table below. No other domain is ever looked up: qonnx imports modules by domain.
DOMAINS = {"": "", "ai.onnx": "", QONNX: "qonnx", "accel.qonnx_ops": "accel"}

HANDLERS: dict[tuple[str, str], Handler] = {
    **{("", op): functions.elementwise for op in sorted(functions.ELEMENTWISE)},
    ("qonnx", "Quant"): quant.quant,
    ("qonnx", "IntQuant"): quant.quant,
    ("qonnx", "BipolarQuant"): quant.bipolar,
    ("accel", "IntSoftmax"): nonlinear.softmax,
    ("accel", "IntNorm"): nonlinear.norm,
    ("accel", "IntLookup"): nonlinear.lookup,
    ("", "Relu"): nonlinear.relu,
    ("", "MatMul"): linear.matmul,
    ("", "Gemm"): linear.gemm,
    ("", "Add"): arithmetic.add,
    ("", "Sum"): arithmetic.total,
    ("", "Sub"): arithmetic.subtract,
    ("", "Neg"): arithmetic.negate,
    ("", "Mul"): arithmetic.multiply,
    ("", "Div"): arithmetic.divide,
    ("", "BatchNormalization"): arithmetic.batch_normalization,
    ("", "Softmax"): softmax.softmax,
    ("", "Where"): masks.where,
    ("", "IsNaN"): masks.never,
    ("", "IsInf"): masks.never,
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
    ("", "Dropout"): shaping.dropout,
    ("", "Cast"): shaping.cast,
    ("", "CastLike"): shaping.cast_like,
    ("", "Constant"): shaping.constant,
    ("", "Shape"): shaping.shape,
    ("", "Gather"): slicing.gather,
    ("", "Slice"): slicing.slice_,
    ("", "Split"): slicing.split,
    ("", "Concat"): joining.concat,
    ("", "Pad"): joining.pad,
    ("", "Expand"): slicing.expand,
    ("", "Tile"): slicing.tile,
    ("", "QuantizeLinear"): qcdq.quantize,
    ("", "Clip"): qcdq.clip,
    ("", "DequantizeLinear"): qcdq.dequantize,
    ("", "Einsum"): einsum.einsum,
    ("", "Conv"): convolution.conv,
    ("", "Attention"): attention.attention,
}

#: What moves heads that others share, what multiplies them, and what treats all of their channels alike; everything
#: else gets them repeated.
MOVES = {
    shaping.reshape, shaping.transpose, shaping.flatten, shaping.squeeze, shaping.unsqueeze, shaping.identity,
    shaping.dropout, shaping.shape,
}  # fmt: skip
#: What may stand between QuantizeLinear and DequantizeLinear.
MOVES_INTEGERS = MOVES - {shaping.shape} | {
    slicing.slice_, slicing.split, slicing.gather, slicing.expand, slicing.tile, joining.concat,
}  # fmt: skip
#: What a file may do to its input, with constants, before it is quantized.
SCALES = {arithmetic.add, arithmetic.subtract, arithmetic.multiply, arithmetic.divide}
#: What takes channels that nothing has read yet, or joins them again.
PICKS = {arithmetic.negate, joining.concat}
QUANTIZERS = {quant.quant, quant.bipolar, qcdq.quantize, qcdq.clip, qcdq.dequantize}
PRODUCTS = {linear.matmul, einsum.einsum}
ALIKE = {quant.quant, arithmetic.multiply, arithmetic.divide}

#: Refused operators behind which the import goes on: new activations come out of them, whatever came in.
MAKERS = {
    *PRODUCTS, linear.gemm, convolution.conv, attention.attention, softmax.softmax, norms.layer, norms.rms,
    arithmetic.batch_normalization,
}  # fmt: skip
#: Bits of precision that are tried one after the other (`Builder.precision`).
PRECISIONS = 0, 4, 8
#: An edge of more bits has passed several sums or products without a quantizer.
UNQUANTIZED_BITS = 32
QUANTIZING = {("qonnx", "Quant"), ("qonnx", "IntQuant"), ("qonnx", "BipolarQuant"), ("", "QuantizeLinear")}


@dataclass(frozen=True)
class Imported:
    """An integer graph with the file it came from, and how the file's input is read.

    `origins` maps edges to ONNX tensors; alignments have none. `approximate` names the edges whose integers the import
    had to choose, because the file's are real numbers; `turned` those whose tokens were channels in the edge before.
    """

    graph: Model
    origins: dict[str, Origin]
    source: Source
    reading: Reading
    approximate: frozenset[str] = frozenset()
    turned: frozenset[str] = frozenset()

    @property
    def is_exact(self) -> bool:
        """True when the file's own execution, in float32, gives the graph's integers: scales are powers of two."""
        powers = (are_powers_of_two(origin.scale) for origin in self.origins.values())
        return not self.approximate and all(powers)

    def samples(self, x: np.ndarray) -> np.ndarray:
        """Samples of the file's shape as (samples, tokens, channels), as `Model.samples` has them."""
        return self.graph.samples(x)

    @property
    def ending(self) -> tuple[str, ...]:
        """Operators at the end of the file that stay with the host, such as a softmax: `results` computes them."""
        return tuple(node.op_type for node in self.source.ending if node.op_type in FINAL)

    def results(self, y: np.ndarray) -> np.ndarray:
        """Integers of the graph's output (samples, tokens, channels) → what the file gives, its ending included."""
        origin, batch = self.origins[self.graph.output], self.reading.layout.size("batch")
        padded = np.concatenate([y, np.zeros((-len(y) % batch, *y.shape[1:]), dtype=y.dtype)]) * origin.scale
        parts = [
            finished(self.source, origin.layout.from_edge(padded[start : start + batch]))
            for start in range(0, len(padded), batch)
        ]
        if self.reading.batch is None:
            return np.stack(parts)
        axis = next((i for i, axis in enumerate(origin.layout.axes) if {f.role for f in axis} == {"batch"}), 0)
        return np.concatenate(parts, axis).take(range(len(y)), axis)


def read(
    path: Path | str,
    *,
    input_scale: float | None = None,
    input_bits: int | str | None = None,
    po2_scales: bool = False,
) -> Imported:
    """Import a QONNX or QCDQ file.

    A float input that the file does not quantize needs a range: it takes integers of `input_bits` bits (8, or "u8" for
    numbers from 0 on; default 8) times `input_scale`. With `po2_scales` all scales are rounded up to powers of two
    first (see `po2.rounding`). Raises UserError when the file is missing, damaged or not of the right
    form, and UnsupportedModel that lists every node that the integer graph cannot express, with reason and remedy.
    """
    given = Range.of(input_scale, input_bits)
    model = parse(Path(path))
    reasons = [*unfit(model), *_float(model)]
    if reasons:
        raise UnsupportedModel(f"{path}: {' | '.join([*reasons, *_unknown_operators(model)])}")
    model = with_powers_of_two(model) if po2_scales else model
    source, failures = without_ending(patterns.fused(open_source(Path(path), model))), list[Failure]()
    if given and source.is_integer:
        raise UserError(f"{path}: the input holds identifiers, which have no scale; leave out --input-scale")
    spans = [given] if given else list(dict.fromkeys([None, Range.annotated(source.datatype)]))
    found: list[Imported] = []
    for span in spans:
        for reading in readings(source, _cut(source)):
            try:
                found.append(_precisely(source, reading, span, not failures))
            except Failure as failure:
                failures.append(failure)
            if found and not found[-1].turned:
                return found[-1]
    if found:  # in the likeliest of the readings that need the fewest turns
        return min(found, key=lambda one: len(one.turned))
    raise UnsupportedModel(f"{path}: {max(failures, key=lambda failure: failure.progress)}")


def _cut(source: Source) -> Reading | None:
    """The reading in which what reads the moved and quantized input first has the channels in its last axis."""
    values = _known(source, uncut(source.shape))
    build, problems = Builder(), Problems()
    for node in source.nodes:
        inputs = (values.get(name) for name in node.input)
        read = next((value for value in inputs if isinstance(value, Edge | Real)), None)
        if (
            read is not None
            and not source.is_integer
            and HANDLERS.get((DOMAINS.get(node.domain, "?"), node.op_type)) not in MOVES | QUANTIZERS | SCALES
        ):
            return cut(source.shape, read.layout)
        if isinstance(read, Real) and HANDLERS.get((DOMAINS.get(node.domain, "?"), node.op_type)) in SCALES:
            values[node.output[0]] = read  # whatever it is scaled with
            continue
        _visit(build, source, node, values, problems)
    return None


def _precisely(source: Source, reading: Reading, span: Range | None, likeliest: bool) -> Imported:
    """The graph with the least precision that keeps every quantizer within a step of the file's. Raises Failure.

    Where none does, or what would is beyond 62 bits, the failure names the quantizer.
    """
    for precision, last in zip(PRECISIONS, (False, False, True), strict=True):
        try:
            return _import(source, reading, span, likeliest, Builder(precision, last))
        except errors.Imprecise:
            continue
        except Failure:
            if not precision or last:
                raise
            break
    return _import(source, reading, span, likeliest, Builder(PRECISIONS[0]))


def _import(source: Source, reading: Reading, span: Range | None, likeliest: bool, build: Builder) -> Imported:
    """The graph for one reading of the input, whose numbers may have a given range. Raises Failure, or Imprecise."""
    values = _known(source, reading.layout)
    problems, before, understood = Problems(), 0, 0
    if span is not None:
        values[source.input] = span.enter(build, source.input, reading.layout)
    for node in source.nodes:
        known = len(problems)
        _visit(build, source, node, values, problems)
        before += not problems
        understood += len(problems) == known and not any(isinstance(values[name], Unknown) for name in node.output)
    progress = -problems.contradictions, before, understood
    if problems:
        raise Failure(str(problems), progress)
    try:
        output = turning.plain(build, source.output, _output(build, values[source.output]))
        graph = build.finish(printable(source.path.stem), output, source.output)
    except (GraphError, Refused) as error:
        progress = -1, before if likeliest else -1, understood  # any other reading is wrong then
        why = (error.why, error.remedy) if isinstance(error, Refused) else (str(error), "add quantized layers")
        raise Failure("; ".join(why), progress) from None
    model = Model.of(graph, reading.view(output.layout))
    return Imported(model, build.origins, source, reading, frozenset(build.approximate), frozenset(build.turned))


def _output(build: Builder, value: Value) -> Edge:
    """The edge that leaves the graph. Raises Refused where there is none."""
    if isinstance(value, Shared):
        value = sharing.read(build, value)
    if isinstance(value, Steps):
        raise Refused("the output is quantized and not dequantized", "end the model with DequantizeLinear")
    if isinstance(value, Deferred):
        raise Refused(f"the output is a float island: no quantizer stands behind {maker(value)}", ISLAND_REMEDY)
    if not isinstance(value, Edge):
        raise Refused("the output is not computed from the quantized input", "quantize the input")
    return value


def _known(source: Source, layout: Layout) -> dict[str, Value]:
    """Meaning of the file's tensors before its first node; `layout` is that of the input."""
    values: dict[str, Value] = {name: Constant(array) for name, array in source.constants.items()}
    return values | {source.input: Real(layout, source.is_integer)}


def _float(model: onnx.ModelProto) -> list[str]:
    kinds = {(DOMAINS.get(node.domain), node.op_type) for node in nodes_of(model.graph)}
    if kinds & QUANTIZING:
        return []
    if ("", "DynamicQuantizeLinear") in kinds:
        return [f"{RUN_TIME[0]}; {RUN_TIME[1]}"]
    if ("", "Round") in kinds:
        return ["float: its quantizers are written out (Round); export with export_qonnx and dynamo=False"]
    return [
        f"float: no quantizers found; quantize it ({QUANTIZE}), or train with Brevitas quantized layers and export "
        "with export_qonnx"
    ]


def _unknown_operators(model: onnx.ModelProto) -> list[str]:
    """List unsupported operators by remedy, each with one of its nodes, although the file is refused anyway."""
    found: dict[str, dict[str, list[str]]] = {}
    for node in nodes_of(model.graph):
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
    domain = DOMAINS.get(node.domain, "?")
    default = on_activations if domain == "" and node.op_type in FOLDED else None
    handler = HANDLERS.get((domain, node.op_type), default)
    if handler is None:
        why, remedy = foreign.reason(node)
        raise Refused(why, remedy)
    return handler


def _visit(build: Builder, source: Source, node: onnx.NodeProto, values: dict[str, Value], problems: Problems) -> None:
    """Import one node: its output's meaning goes to `values`, a refusal to `problems`."""
    result: Value | tuple[Value, ...] = Unknown()
    try:
        result = _result(build, source, node, values)
    except (Refused, GraphError) as error:
        made_up = obstacles.depends_on_stand_in(build, [values.get(name) for name in node.input])
        if not (made_up and isinstance(error, GraphError | Uncertain)):
            problems.add(node, *_reason(build, node, values, error))
        handler = HANDLERS.get((DOMAINS.get(node.domain, "?"), node.op_type), on_activations)
        if handler in MAKERS or handler is on_activations:
            result = obstacles.stand_ins(build, node, values, source.opset)
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        problems.add(node, f"is malformed ({type(error).__name__})", "export the model again")
    results = result if isinstance(result, tuple) else (result,)
    refused = any(isinstance(value, Unknown) for value in results)
    for index, name in enumerate(node.output):
        values[name] = results[index] if index < len(results) else Unknown()
        if index >= len(results) and name and source.uses[name] and not refused:
            problems.add(node, f"its output {index} is used", "use only the first output")


def _reason(
    build: Builder, node: onnx.NodeProto, values: dict[str, Value], error: Refused | GraphError
) -> tuple[str, str]:
    """Why a node is refused, and the remedy."""
    if isinstance(error, Refused):
        return error.why, error.remedy
    edges = [value for name in node.input if isinstance(value := values.get(name), Edge)]
    widest = max((build.tensors[edge.name].width for edge in edges), default=0)
    if widest <= UNQUANTIZED_BITS:
        return str(error), "change the layer's sizes or bit widths"
    if node.op_type in ("Add", "Sum", "Sub"):
        return "nothing quantizes the sum of the residual path", "put a QuantIdentity behind it"
    return f"nothing quantizes what comes in, which has {widest} bits by now", "put a QuantIdentity in front of it"


def _result(
    build: Builder, source: Source, node: onnx.NodeProto, values: dict[str, Value]
) -> Value | tuple[Value, ...]:
    """Apply the node's handler to its inputs. Raises Refused, or the error that a malformed node leads to."""
    handler, call = _handler(node), _call(source, node, values)
    attributes.check(call, handler)
    if handler in ALIKE and (heads := sharing.through(build, handler, call)):
        return heads
    activations = not any(isinstance(value, Constant) for value in call.inputs)
    if handler not in MOVES | PICKS:
        for name, value in zip(call.tensors, call.inputs, strict=True):
            if isinstance(value, Shared) and not (handler in PRODUCTS and activations and value.signs is None):
                values[name] = sharing.read(build, value)
        call = _call(source, node, values)
    if handler in MOVES_INTEGERS and any(isinstance(value, Steps) for value in call.inputs):
        return qcdq.moved(build, handler, call)
    constant = folded(call) if DOMAINS[node.domain] == "" else None
    return handler(build, call) if constant is None else constant


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
