"""A step of the import: the meanings of a node's inputs go to its handler, and a refusal to the problems."""

from __future__ import annotations

import onnx
from onnx import helper

from accel.errors import GraphError
from accel.onnx_import import attention, attributes, functions, joined_masks, mask_inputs, obstacles, qcdq, sharing
from accel.onnx_import.builder import Builder
from accel.onnx_import.constants import folded, on_activations
from accel.onnx_import.handlers import (
    ALIKE,
    DOMAINS,
    MAKERS,
    MASKED,
    MOVES,
    MOVES_INTEGERS,
    PICKS,
    PRODUCTS,
    READERS,
    handler_of,
    known_handler,
)
from accel.onnx_import.obstacles import Problems
from accel.onnx_import.source import Source
from accel.onnx_import.values import (
    Call,
    Constant,
    Edge,
    Function,
    Joined,
    Refused,
    Shared,
    Steps,
    Uncertain,
    Unknown,
    Value,
)
from accel.scales import TooFar

#: An edge of more bits has passed several sums or products without a quantizer.
UNQUANTIZED_BITS = 32


def visit(build: Builder, source: Source, node: onnx.NodeProto, values: dict[str, Value], problems: Problems) -> None:
    """Import one node: its output's meaning goes to `values`, a refusal to `problems`."""
    result: Value | tuple[Value, ...] = Unknown()
    try:
        result = _result(build, source, node, values)
    except (Refused, GraphError) as error:
        made_up = obstacles.depends_on_stand_in(build, [values.get(name) for name in node.input])
        if not (made_up and isinstance(error, GraphError | Uncertain)):
            problems.add(node, *_reason(build, node, values, error))
        if known_handler(node) in MAKERS | {on_activations, None}:
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
    if isinstance(error, TooFar):
        return error.WHY, error.REMEDY
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
    handler, call = handler_of(node), _call(source, node, values)
    attributes.check(call, handler)
    if handler in ALIKE and (heads := sharing.through(build, handler, call)):
        return heads
    if (joint := joined_masks.result(build, handler, call)) is not None:
        return joint
    if handler != attention.attention and any(isinstance(value, Joined) for value in call.inputs):
        values = values | joined_masks.plain_values(call)  # a copy: other readers may look for masks
        call = _call(source, node, values)
    activations = not any(isinstance(value, Constant) for value in call.inputs)
    if handler not in MOVES | PICKS:
        for name, value in zip(call.tensors, call.inputs, strict=True):
            if isinstance(value, Shared) and not (handler in PRODUCTS and activations and value.signs is None):
                values[name] = sharing.read(build, value)
        call = _call(source, node, values)
    if handler in READERS and any(isinstance(value, Function) for value in call.inputs):
        _made_edges(build, call, values, handler in MASKED)
        call = _call(source, node, values)
    if handler in MOVES_INTEGERS and any(isinstance(value, Steps) for value in call.inputs):
        return qcdq.moved(build, handler, call)
    constant = folded(call) if DOMAINS[node.domain] == "" else None
    return handler(build, call) if constant is None else constant


def _made_edges(build: Builder, call: Call, values: dict[str, Value], masked: bool) -> None:
    """Functions of integers as edges, for this node and for all behind it; but masks where `masked` says so."""
    for name, value in zip(call.tensors, call.inputs, strict=True):
        if masked and mask_inputs.is_function(value, build):
            continue
        if isinstance(value, Function) and (edge := functions.as_edge(build, value)) is not None:
            values[name] = edge
            if edge.name not in build.origins and not edge.relu:
                build.note(edge, name)


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
