"""The import of a file: in each reading of its input, with as little precision as is enough, or with all refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from accel.arrays import Arrays, named
from accel.errors import GraphError, UnsupportedModel
from accel.model import Model
from accel.onnx_import import errors, mask_inputs, patterns, reordering, sharing
from accel.onnx_import.builder import Builder, Origin
from accel.onnx_import.ending import FINAL, finished, without_endings
from accel.onnx_import.entry import MASK, Given, Spans, ranges
from accel.onnx_import.foreign import QUANTIZE, RUN_TIME
from accel.onnx_import.handlers import DOMAINS, MOVES, QUANTIZERS, QUANTIZING, SCALES, handler_of, known_handler
from accel.onnx_import.inputs import Reading, Readings, batch_of, cut, readings, result_shape, samples_axis, uncut
from accel.onnx_import.layout import Layout
from accel.onnx_import.obstacles import MAX_REASONS, Failure, Problems
from accel.onnx_import.po2 import with_powers_of_two
from accel.onnx_import.source import CONTROL_FLOW, Ending, FileInput, Source, open_source, parse, title, unfit
from accel.onnx_import.standard import nodes_of
from accel.onnx_import.values import (
    ISLAND_REMEDY,
    Constant,
    Deferred,
    Edge,
    Real,
    Refused,
    Shared,
    Steps,
    Unknown,
    Value,
    maker,
)
from accel.onnx_import.walk import visit
from accel.scales import are_powers_of_two
from accel.spelling import printable, shortened
from accel.view import View

#: Bits of precision that are tried one after the other (`Builder.precision`).
PRECISIONS = 0, 4, 8


@dataclass(frozen=True)
class Imported:
    """An integer graph with the file it came from, and how each of the file's inputs is read.

    `entered` maps inputs of the file to those of the graph, which has only what it needs. `origins` maps edges to ONNX
    tensors; alignments have none. `approximate` names the edges whose integers the import
    had to choose, because the file's are real numbers; `turned` those whose tokens were channels in the edge before.
    """

    graph: Model
    origins: dict[str, Origin]
    source: Source
    readings: Readings
    entered: Mapping[str, str]
    approximate: frozenset[str] = frozenset()
    turned: frozenset[str] = frozenset()

    @property
    def is_exact(self) -> bool:
        """True when the file's own execution, in float32, gives the graph's integers: scales are powers of two."""
        powers = (are_powers_of_two(origin.scale) for origin in self.origins.values())
        return not self.approximate and all(powers)

    def samples(self, x: Arrays) -> np.ndarray | Any:
        """Samples of the file's shapes as (samples, tokens, channels), as `Model.samples` has them."""
        return self.graph.samples(x)

    @property
    def ending(self) -> tuple[str, ...]:
        """Operators at the ends of the file that stay with the host, such as a softmax: `results` computes them."""
        return tuple(node.op_type for end in self.source.endings for node in end.nodes if node.op_type in FINAL)

    def results(self, y: Arrays) -> np.ndarray | Any:
        """Integers of the graph's outputs (samples, tokens, channels) → what the file gives, its endings included.

        A file of several outputs gives a dict by their names there. Where no axis of an output counts samples, the
        outputs of its runs are stacked.
        """
        edges = {origin.tensor: name for name, origin in self.origins.items() if name in self.graph.outputs}
        given = named(self.graph.outputs, y)
        found = {end.output: self._result(end, edges[end.tensor], given) for end in self.source.endings}
        return found if len(found) > 1 else next(iter(found.values()))

    def _result(self, end: Ending, edge: str, y: Mapping[str, np.ndarray]) -> np.ndarray:
        origin, values, batch = self.origins[edge], y[edge], batch_of(self.readings)
        padded = np.concatenate([values, np.zeros((-len(values) % batch, *values.shape[1:]), dtype=values.dtype)])
        real = padded * origin.scale
        parts = [
            finished(self.source, end, origin.layout.from_edge(real[start : start + batch]))
            for start in range(0, len(real), batch)
        ]
        axis = samples_axis(self.readings, origin.layout)
        return np.stack(parts) if axis is None else np.concatenate(parts, axis).take(range(len(values)), axis)


def read(
    path: Path | str,
    *,
    input_scale: Given[float] = None,
    input_bits: Given[int | str] = None,
    po2_scales: bool = False,
) -> Imported:
    """Import a QONNX or QCDQ file.

    A float input that the file does not quantize needs a range: it takes integers of `input_bits` bits (8, or "u8" for
    numbers from 0 on; default 8) times `input_scale`. Where there are several inputs, both are dicts by name. With
    `po2_scales` all scales are rounded up to powers of two first (see `po2.rounding`). Raises UserError when the file
    is missing, damaged or not of the right form, and UnsupportedModel that lists every node that the integer graph
    cannot express, with reason and remedy.
    """
    model = parse(Path(path))
    reasons = [*unfit(model), *_float(model)]
    if reasons:
        raise UnsupportedModel(f"{path}: {' | '.join([*reasons, *_unknown_operators(model)])}")
    model = with_powers_of_two(model) if po2_scales else model
    source, failures = without_endings(patterns.fused(open_source(Path(path), model))), list[Failure]()
    cuts, found = {given.name: _cut(source, given) for given in source.inputs}, list[Imported]()
    for spans in ranges(source, input_scale, input_bits):
        for reading in readings(source, cuts):
            try:
                found.append(_precisely(source, reading, spans, not failures))
            except Failure as failure:
                failures.append(failure)
            if found and not found[-1].turned:
                return found[-1]
    if found:  # in the likeliest of the readings that need the fewest turns
        return min(found, key=lambda one: len(one.turned))
    raise UnsupportedModel(f"{path}: {max(failures, key=lambda failure: failure.progress)}")


def _cut(source: Source, given: FileInput) -> Reading | None:
    """The reading in which what reads the moved and quantized input first has the channels in its last axis."""
    values = _known(source, {given.name: uncut(given.shape)})
    build, problems = Builder(), Problems()
    for node in source.nodes:
        inputs = (values.get(name) for name in node.input)
        read = next((value for value in inputs if isinstance(value, Edge | Real)), None)
        handler = known_handler(node)
        if read is not None and not given.is_integer and handler not in MOVES | QUANTIZERS | SCALES:
            return cut(given.shape, read.layout)
        if isinstance(read, Real) and handler in SCALES:
            values[node.output[0]] = read  # whatever it is scaled with
            continue
        visit(build, source, node, values, problems)
    return None


def _precisely(source: Source, readings: Readings, spans: Spans, likeliest: bool) -> Imported:
    """The graph with the least precision that keeps every quantizer within a step of the file's. Raises Failure.

    Where none does, or what would is beyond 62 bits, the failure names the quantizer.
    """
    for precision, last in zip(PRECISIONS, (False, False, True), strict=True):
        try:
            return _import(source, readings, spans, likeliest, Builder(precision, last))
        except errors.Imprecise:
            continue
        except Failure:
            if not precision or last:
                raise
            break
    return _import(source, readings, spans, likeliest, Builder(PRECISIONS[0]))


def _import(source: Source, readings: Readings, spans: Spans, likeliest: bool, build: Builder) -> Imported:
    """The graph for one reading of the inputs, whose numbers may have given ranges. Raises Failure, or Imprecise."""
    layouts = {name: reading.layout for name, reading in readings.items()}
    values = _known(source, layouts)
    problems, before, understood = Problems(), 0, 0
    for given in source.inputs:
        span = spans.get(given.name)
        if span is not None:
            edge = span.enter(build, given.name, layouts[given.name])
            values[given.name] = mask_inputs.entered(edge, given.name, given.dtype) if span == MASK else edge
    for node in source.nodes:
        known = len(problems)
        visit(build, source, node, values, problems)
        before += not problems
        understood += len(problems) == known and not any(isinstance(values[name], Unknown) for name in node.output)
    progress = -problems.contradictions, before, understood
    if problems:
        raise Failure(str(problems), progress)
    try:
        outputs = {name: reordering.plain(build, name, _output(build, values[name])) for name in source.outputs}
        graph = build.finish(printable(source.path.stem), readings, outputs)
    except (GraphError, Refused) as error:
        progress = -1, before if likeliest else -1, understood  # any other reading is wrong then
        why = (error.why, error.remedy) if isinstance(error, Refused) else (str(error), "add quantized layers")
        raise Failure("; ".join(why), progress) from None
    entered = {name: edge for name, edge in build.entered.items() if edge in graph.inputs}
    shapes = tuple(result_shape(readings, output.layout) for output in outputs.values())
    forms = {edge: replace(readings[name].form, whole=_is_whole(source, name, spans)) for name, edge in entered.items()}
    model = Model.of(graph, View(tuple(forms[name] for name in graph.inputs), shapes))
    chosen = frozenset(build.approximate), frozenset(build.turned)
    return Imported(model, build.origins, source, readings, entered, *chosen)


def _is_whole(source: Source, name: str, spans: Spans) -> bool:
    """True for an input of identifiers or of a mask, which nothing quantizes."""
    given = next(given for given in source.inputs if given.name == name)
    return given.is_identifiers if name not in spans else given.is_mask and spans[name] == MASK


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


def _known(source: Source, layouts: Mapping[str, Layout]) -> dict[str, Value]:
    """Meaning of the file's tensors before its first node; `layouts` are those of inputs, others are unknown."""
    values: dict[str, Value] = {name: Constant(array) for name, array in source.constants.items()}
    for given in source.inputs:
        known = layouts.get(given.name)
        values[given.name] = Real(given.name, known, given.is_integer) if known else Unknown()
    return values


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
                handler_of(node)
            except Refused as refusal:
                operators = found.setdefault(refusal.remedy, {})
                operators.setdefault(printable(node.op_type), []).append(repr(title(node, 40)))
    return [
        "unsupported operators: "
        + shortened([f"{op} {shortened(names, 1)}" for op, names in operators.items()], MAX_REASONS)
        + f"; {remedy}"
        for remedy, operators in found.items()
    ]
