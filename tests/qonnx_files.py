"""QONNX files built by hand, node by node: small pieces, whole random encoders, and files that are wrong on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from accel.ops import Norm
from accel.ops.softmax.op import exp_table
from accel.tensor import Tensor

QUANT, ACCEL = "qonnx.custom_op.general", "accel.qonnx_ops"


class File:
    """A graph with an input "in"; methods add a node, or another input, and return its output's name."""

    def __init__(self, shape: tuple[Any, ...] = (1, 3, 4), opset: int = 13) -> None:
        self.inputs = [helper.make_tensor_value_info("in", TensorProto.FLOAT, shape)]
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.opset = opset

    def input(self, name: str, shape: tuple[Any, ...], kind: int = TensorProto.FLOAT) -> str:
        """One more input of the file."""
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def const(self, values: Any, name: str | None = None, dtype: Any = np.float32) -> str:
        name = name or f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def ints(self, *values: int) -> str:
        return self.const(values, dtype=np.int64)

    def node(self, op: str, *inputs: str, domain: str = "", name: str | None = None, **attributes: Any) -> str:
        name = name if name is not None else f"/{op}_{len(self.nodes)}"
        out = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [out], name=name, domain=domain, **attributes))
        return out

    def quant(
        self,
        x: str,
        scale: Any,
        bits: float = 8,
        signed: int = 1,
        narrow: int = 0,
        zero: float = 0,
        mode: str = "ROUND",
        name: str | None = None,
    ) -> str:
        params = self.const(scale), self.const(zero), self.const(bits)
        attributes = {"signed": signed, "narrow": narrow, "rounding_mode": mode}
        return self.node("Quant", x, *params, domain=QUANT, name=name, **attributes)

    def weight(self, integers: Any, scale: Any, bits: int = 4) -> str:
        return self.quant(self.const(np.asarray(integers) * np.asarray(scale)), scale, bits)

    def dense(self, x: str, weight: Any, scale: Any, bias: Any = None, bias_scale: Any = None) -> str:
        """`weight` (in, out) integers; `bias` integers at `bias_scale`."""
        y = self.node("MatMul", x, self.weight(weight, scale))
        if bias is None:
            return y
        return self.node("Add", y, self.quant(self.const(np.asarray(bias) * bias_scale), bias_scale, 32))

    def proto(self, output: str, *more: str) -> onnx.ModelProto:
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in (output, *more)]
        graph = helper.make_graph(self.nodes, "g", self.inputs, outputs, self.initializers)
        domains = {"": self.opset, QUANT: 1, ACCEL: 1, **{node.domain: 1 for node in self.nodes if node.domain}}
        return helper.make_model(graph, opset_imports=[helper.make_opsetid(*domain) for domain in domains.items()])

    def save(self, folder: Path, output: str, *more: str) -> Path:
        path = folder / "model.onnx"
        path.write_bytes(self.proto(output, *more).SerializeToString())
        return path


@dataclass(frozen=True)
class Encoder:
    """Options of a random encoder; `features` come in, `classes` go out."""

    batch: int = 1
    tokens: int = 4
    features: int = 3
    channels: int = 8
    heads: int = 2
    hidden: int = 6
    classes: int = 5
    form: str = "layer"
    gelu: bool = False
    causal: bool = False
    per_channel: bool = True
    merged: bool = False  # batch and heads share an axis, as torch's own attention does it


def encoder(options: Encoder, seed: int = 0) -> tuple[File, str]:
    """A file with one transformer block, pooling and a head; its output tensor's name."""
    return _Encoder(options, seed).build()


class _Encoder:
    def __init__(self, options: Encoder, seed: int) -> None:
        self.o, self.rng = options, np.random.default_rng(seed)
        self.f = File((options.batch, options.tokens, options.features))

    def linear(self, x: str, inputs: int, outputs: int, scale: float, per_channel: bool | None = None) -> str:
        many = self.o.per_channel if per_channel is None else per_channel
        step = 2.0 ** self.rng.integers(-6, -2, (1, outputs) if many else ())
        weight = self.rng.integers(-8, 8, (inputs, outputs))
        bias = self.rng.integers(-60, 60, outputs)
        return self.f.dense(x, weight, step, bias, np.reshape(step * scale, outputs if many else ()))

    def heads(self, x: str, transposed: bool = False) -> str:
        o, f = self.o, self.f
        depth = o.channels // o.heads
        x = f.node("Reshape", x, f.ints(o.batch, -1, o.heads, depth))
        if not o.merged:
            return f.node("Transpose", x, perm=[0, 2, 3, 1] if transposed else [0, 2, 1, 3])
        x = f.node("Transpose", x, perm=[0, 2, 1, 3])
        x = f.node("Reshape", x, f.ints(o.batch * o.heads, o.tokens, depth))
        return f.node("Transpose", x, perm=[0, 2, 1]) if transposed else x

    def attention(self, x: str, scale: float) -> str:
        o, f = self.o, self.f
        q, k, v = (f.quant(self.linear(x, o.channels, o.channels, scale), 2.0**-3) for _ in range(3))
        scores = f.node("Mul", f.node("MatMul", self.heads(q), self.heads(k, True)), f.const(0.5))
        if o.causal and o.merged:
            scores = f.node("Reshape", scores, f.ints(o.batch, o.heads, o.tokens, o.tokens))
        scores = f.quant(scores, 2.0**-2)
        rom = f.const(exp_table(2.0**-2, 8, 256))
        p = f.node("IntSoftmax", scores, rom, domain=ACCEL, in_scale=2.0**-2, out_bits=8, causal=int(o.causal))
        if o.causal and o.merged:
            p = f.node("Reshape", p, f.ints(o.batch * o.heads, o.tokens, o.tokens))
        context = f.node("MatMul", p, self.heads(v))
        if o.merged:
            context = f.node("Reshape", context, f.ints(o.batch, o.heads, o.tokens, -1))
        context = f.node("Transpose", context, perm=[0, 2, 1, 3])
        return f.quant(f.node("Reshape", context, f.ints(o.batch, o.tokens, o.channels)), 2.0**-4)

    def norm(self, x: str, scale: float) -> str:
        op = Norm.of(Tensor((self.o.tokens, self.o.channels), -128, 127), self.o.form, 5, 8)
        names = ("form", "guard", "numerator_bits", "shift", "lo", "hi", "offset")
        attributes = {name: getattr(op, name) for name in names}
        return self.f.node("IntNorm", x, domain=ACCEL, in_scale=scale, out_scale=2.0**-5, **attributes)

    def feed_forward(self, x: str, scale: float) -> str:
        o, f = self.o, self.f
        up = self.linear(x, o.channels, o.hidden, scale)
        if not o.gelu:
            return self.linear(f.quant(f.node("Relu", up), 2.0**-4, signed=0), o.hidden, o.channels, 2.0**-4)
        table = f.const(np.maximum(np.arange(-128, 128), -8))
        inner = f.quant(up, 2.0**-4)
        y = f.node("IntLookup", inner, table, domain=ACCEL, in_scale=2.0**-4, out_scale=2.0**-4, base=-128)
        return self.linear(y, o.hidden, o.channels, 2.0**-4)

    def build(self) -> tuple[File, str]:
        o, f = self.o, self.f
        x = self.linear(f.quant("in", 2.0**-3), o.features, o.channels, 2.0**-3)
        position = f.quant(f.const(self.rng.normal(size=(o.tokens, o.channels))), 2.0**-5)
        x = f.quant(f.node("Add", x, position), 2.0**-4)
        attended = self.linear(self.attention(self.norm(x, 2.0**-4), 2.0**-5), o.channels, o.channels, 2.0**-4)
        x = f.quant(f.node("Add", x, attended), 2.0**-3)
        x = f.quant(f.node("Add", self.feed_forward(self.norm(x, 2.0**-3), 2.0**-5), x), 2.0**-3)
        pooled = f.node("ReduceSum", self.norm(x, 2.0**-3), f.ints(1), keepdims=0)
        weight = self.rng.integers(-8, 8, (o.classes, o.channels))
        bias = self.rng.integers(-99, 99, o.classes) * 2.0**-9
        return f, f.node("Gemm", pooled, f.weight(weight, 2.0**-4), f.quant(f.const(bias), 2.0**-9, 32), transB=1)
