"""Our operators as a qonnx domain, so that qonnx cleans, infers and executes files that contain them.

qonnx imports the module that an ONNX domain names and takes the class called like the op type; the domain is
therefore "accel.qonnx_ops" and the classes are IntSoftmax, IntNorm and so on. They receive real values, divide
by `in_scale`, evaluate the operator of `accel.ops` (the one definition) and multiply by the output's scale.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from onnx import GraphProto, NodeProto, helper
from qonnx.core.datatype import DataType
from qonnx.custom_op.base import CustomOp

from accel.op import Op
from accel.ops.divide.op import Divide
from accel.ops.exponential.op import Exponential
from accel.ops.lookup.op import Lookup
from accel.ops.norm.op import Norm
from accel.ops.softmax.op import Softmax

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

DOMAIN = "accel.qonnx_ops"

__all__ = ["DOMAIN", "IntDivide", "IntExponential", "IntLookup", "IntNorm", "IntSoftmax"]


class _IntegerOp(CustomOp):  # type: ignore[misc]
    """Shapes, execution and scales, the same for all: output shape = input shape, real = integer · scale."""

    def make_shape_compatible_op(self, model: ModelWrapper) -> NodeProto:
        return helper.make_node("Identity", [self.onnx_node.input[0]], [self.onnx_node.output[0]])

    def infer_node_datatype(self, model: ModelWrapper) -> None:
        model.set_tensor_datatype(self.onnx_node.output[0], DataType["FLOAT32"])

    def verify_node(self) -> list[str]:
        return []

    def execute_node(self, context: dict[str, np.ndarray], graph: GraphProto) -> None:
        import torch

        node = self.onnx_node
        x = np.asarray(context[node.input[0]], dtype=np.float64)
        integers = torch.from_numpy(np.rint(x / self.get_nodeattr("in_scale")).astype(np.int64))
        # An operator takes (samples, tokens, channels); the leading axes are all samples to it.
        rows = integers.reshape(-1, *integers.shape[-2:]) if integers.ndim > 1 else integers.reshape(1, 1, -1)
        y = self.operator(x.shape, *(context[name] for name in node.input[1:])).evaluate(rows)
        context[node.output[0]] = (y.reshape(x.shape).numpy() * self.out_scale).astype(np.float32)

    @abstractmethod
    def operator(self, shape: tuple[int, ...], *constants: np.ndarray) -> Op:
        """The operator of this node for an input of `shape`; `constants` are the node's other inputs."""

    @property
    def out_scale(self) -> float:
        return float(self.get_nodeattr("out_scale"))


class IntSoftmax(_IntegerOp):
    """Inputs x, rom. Over the last axis; causal over the last two (queries, keys). Output scale 2^-out_bits."""

    def get_nodeattr_types(self) -> dict[str, object]:
        return {"in_scale": ("f", True, 1.0), "out_bits": ("i", True, 8), "causal": ("i", False, 0, {0, 1})}

    @property
    def out_scale(self) -> float:
        return float(2.0 ** -self.get_nodeattr("out_bits"))

    def operator(self, shape: tuple[int, ...], *constants: np.ndarray) -> Op:
        return Softmax(shape[-1], self.get_nodeattr("out_bits"), constants[0], self.get_nodeattr("causal"))


class IntExponential(_IntegerOp):
    """Inputs x, rom. Over the last axis; causal over the last two (queries, keys)."""

    def get_nodeattr_types(self) -> dict[str, object]:
        return {"in_scale": ("f", True, 1.0), "out_scale": ("f", True, 1.0), "causal": ("i", False, 0, {0, 1})}

    def operator(self, shape: tuple[int, ...], *constants: np.ndarray) -> Op:
        return Exponential(shape[-1], constants[0], self.get_nodeattr("causal"))


class IntDivide(_IntegerOp):
    """Inputs a, b, with one b for the last axis of a; the attributes are the constants of `accel.ops.Divide`."""

    def get_nodeattr_types(self) -> dict[str, object]:
        constants = ("numerator_bits", "least", "fraction", "lo", "hi")
        scales: dict[str, object] = {"in_scale": ("f", True, 1.0), "divisor_scale": ("f", True, 1.0)}
        bits = {"kept": ("i", False, 0), "significant": ("i", False, Divide.most_significant)}
        return scales | dict.fromkeys(constants, ("i", True, 0)) | bits

    def execute_node(self, context: dict[str, np.ndarray], graph: GraphProto) -> None:
        import torch

        node, shape = self.onnx_node, context[self.onnx_node.input[0]].shape
        scales = (self.get_nodeattr(name) for name in ("in_scale", "divisor_scale"))
        reals = (np.asarray(context[name], dtype=np.float64) / s for name, s in zip(node.input, scales, strict=True))
        a, b = (torch.from_numpy(np.rint(x).astype(np.int64)).reshape(1, -1, x.shape[-1]) for x in reals)
        y = self.operator(shape).evaluate(a, b)
        context[node.output[0]] = (y.reshape(shape).numpy() * self.out_scale).astype(np.float32)

    @property
    def out_scale(self) -> float:
        ratio = self.get_nodeattr("in_scale") / self.get_nodeattr("divisor_scale")
        return float(ratio * 2.0 ** -self.get_nodeattr("fraction"))

    def operator(self, shape: tuple[int, ...], *constants: np.ndarray) -> Op:
        names = ("numerator_bits", "least", "fraction", "lo", "hi", "kept", "significant")
        return Divide(**{name: self.get_nodeattr(name) for name in names})


class IntNorm(_IntegerOp):
    """Input x. LayerNorm or RMSNorm over the last axis; the attributes are the constants of `accel.ops.Norm`."""

    def get_nodeattr_types(self) -> dict[str, object]:
        return {
            "in_scale": ("f", True, 1.0),
            "out_scale": ("f", True, 1.0),
            "form": ("s", True, "layer", {"layer", "rms", "l2"}),
            "guard": ("i", True, 8),
            "numerator_bits": ("i", True, 36),
            "shift": ("i", True, 1),
            "lo": ("i", True, -128),
            "hi": ("i", True, 127),
            "offset": ("i", False, 0),
            "gamma": ("i", False, 1),
            "fraction": ("i", False, 0),
        }

    def operator(self, shape: tuple[int, ...], *constants: np.ndarray) -> Op:
        names = ("form", "guard", "numerator_bits", "shift", "lo", "hi", "offset", "fraction")
        return Norm(**{name: self.get_nodeattr(name) for name in names}, gamma=(self.get_nodeattr("gamma"),))


class IntLookup(_IntegerOp):
    """Inputs x, table (integers): y = table[x / in_scale - base] · out_scale, element by element."""

    def get_nodeattr_types(self) -> dict[str, object]:
        return {"in_scale": ("f", True, 1.0), "out_scale": ("f", True, 1.0), "base": ("i", True, 0)}

    def operator(self, shape: tuple[int, ...], *constants: np.ndarray) -> Op:
        return Lookup(constants[0], self.get_nodeattr("base"))
