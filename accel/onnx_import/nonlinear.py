"""ReLU and the operators of our own domain: IntSoftmax, IntExponential, IntDivide, IntNorm, IntLookup."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accel.onnx_import import functions
from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder
from accel.onnx_import.linear import RELAYOUT, is_unknown
from accel.onnx_import.turning import tokens_last
from accel.onnx_import.values import Call, Constant, Edge, Refused, Unknown, Value
from accel.ops.divide.op import Divide
from accel.ops.exponential.op import Exponential
from accel.ops.lookup.op import Lookup
from accel.ops.norm.op import Norm
from accel.ops.softmax.op import Softmax


def relu(build: Builder, call: Call) -> Value:
    (x,) = call.take(1)
    if not isinstance(x, Edge):
        return functions.elementwise(build, call)
    return x if build.tensors[x.name].lo >= 0 else replace(x, relu=True)


@understands("in_scale", "causal", "out_bits")
def softmax(build: Builder, call: Call) -> Value:
    x, rom = call.take(2)
    if is_unknown(x, rom):
        return Unknown()
    edge, causal = _scores(build, call, x)
    bits = call.integer("out_bits")
    op = Softmax(edge.layout.shape[-1], bits, _integers(rom, "rom"), causal)
    return build.add(call.name, op, (edge,), np.asarray(2.0**-bits), edge.layout, call.output)


@understands("in_scale", "out_scale", "causal")
def exponential(build: Builder, call: Call) -> Value:
    x, rom = call.take(2)
    if is_unknown(x, rom):
        return Unknown()
    edge, causal = _scores(build, call, x)
    op = Exponential(edge.layout.shape[-1], _integers(rom, "rom"), causal)
    return build.add(call.name, op, (edge,), _out_scale(call), edge.layout, call.output)


def _scores(build: Builder, call: Call, x: Value | None) -> tuple[Edge, int]:
    """Rows of scores, and whether a query sees no later keys."""
    edge = tokens_last(build, call.name, _input(build, call, x))
    row, last = edge.layout.shape[-1], edge.layout.axes[-1]
    if any(f.role != "channel" or f.stride != 1 or f.size != row for f in last):
        raise Refused("its last axis is not the keys of one head", RELAYOUT)
    causal = int(call.flag("causal", 0))
    if causal and not edge.layout.is_whole(len(edge.layout.axes) - 2, "token"):
        raise Refused("is causal and its last but one axis is not the queries", RELAYOUT)
    return edge, causal


@understands("in_scale", "divisor_scale", "numerator_bits", "least", "fraction", "lo", "hi", "kept", "significant")
def divide(build: Builder, call: Call) -> Value:
    x, divisors = call.take(2)
    if is_unknown(x, divisors):
        return Unknown()
    a, b = _input(build, call, x), _input(build, call, divisors, "divisor_scale")
    last = a.layout.axes[-1]
    is_head = not last or (last[0].role == "channel" and last[0].stride == 1 and len(last) == 1)
    if not is_head or a.layout.without(-1).packed("channel") != b.layout.without(-1) or b.layout.shape[-1] != 1:
        raise Refused("its divisors are not one for every head", RELAYOUT)
    names = ("numerator_bits", "least", "fraction", "lo", "hi")
    bits = {"kept": call.integer("kept", 0), "significant": call.integer("significant", Divide.most_significant)}
    op = Divide(**{name: call.integer(name) for name in names}, **bits)
    scale = np.asarray(float(a.scale) / float(b.scale) * 2.0**-op.fraction)
    return build.add(call.name, op, (a, b), scale, a.layout, call.output)


@understands(
    "form", "guard", "numerator_bits", "shift", "lo", "hi", "offset", "gamma", "fraction", "in_scale", "out_scale"
)
def norm(build: Builder, call: Call) -> Value:
    (x,) = call.take(1)
    if is_unknown(x):
        return Unknown()
    edge = _input(build, call, x)
    if not edge.layout.is_whole(len(edge.layout.axes) - 1, "channel"):
        raise Refused("its last axis is not the channels of a token", RELAYOUT)
    guard, numerator, shift = (call.integer(name) for name in ("guard", "numerator_bits", "shift"))
    lo, hi, offset = call.integer("lo"), call.integer("hi"), call.integer("offset", 0)
    gamma, fraction = call.integer("gamma", 1), call.integer("fraction", 0)
    op = Norm(call.text("form"), guard, numerator, shift, lo, hi, offset, (gamma,), fraction=fraction)
    return build.add(call.name, op, (edge,), _out_scale(call), edge.layout, call.output)


@understands("base", "in_scale", "out_scale")
def lookup(build: Builder, call: Call) -> Value:
    x, table = call.take(2)
    if is_unknown(x, table):
        return Unknown()
    edge = _input(build, call, x)
    op = Lookup(_integers(table, "table"), call.integer("base"))
    return build.add(call.name, op, (edge,), _out_scale(call), edge.layout, call.output)


def _input(build: Builder, call: Call, x: Value | None, name: str = "in_scale") -> Edge:
    """The operand at one scale, which must be the one that the operator was trained with."""
    if not isinstance(x, Edge):
        raise Refused("acts on a constant", "fold constants before exporting (qonnx cleanup)")
    edge, trained = build.uniform(x), call.number(name)
    if float(edge.scale) != trained:
        raise Refused(
            f"was exported for inputs of scale {trained:.6g} and gets {float(edge.scale):.6g}",
            "quantize its input with the quantizer it was trained with",
        )
    return edge


def _out_scale(call: Call) -> np.ndarray:
    scale = call.number("out_scale")
    if not np.isfinite(scale) or scale <= 0 or np.frexp(scale)[0] != 0.5:
        raise Refused(f"its out_scale is {scale:.6g}", "use a power of two")
    return np.asarray(scale)


def _integers(value: Value | None, what: str) -> np.ndarray:
    if not isinstance(value, Constant) or value.value.ndim != 1 or not value.value.size:
        raise Refused(f"its {what} is no constant list", "export the model again")
    numbers = value.value.astype(np.float64)
    if not np.isfinite(numbers).all() or (numbers != np.rint(numbers)).any() or (np.abs(numbers) >= 1 << 53).any():
        raise Refused(f"its {what} holds numbers that are no integers", "export the model again")
    return numbers.astype(np.int64)
