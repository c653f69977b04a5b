"""Quantized network → QONNX file, through Brevitas' exporter. Node names are the module paths."""

from __future__ import annotations

import copy
import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from accel import scratch
from accel.errors import UserError
from accel.files import write_atomic
from models.accumulators import BoundedLinear
from models.encoder import Encoder, blank

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto
    from qonnx.core.modelwrapper import ModelWrapper

OPSET = 20
QUANTIZERS = ["Quant", "BipolarQuant"]


def export(model: Encoder, path: Path | str) -> Path:
    """Write `model` as cleaned QONNX that takes one sample. The file is complete or absent; equal weights, equal bytes.

    Raises UserError for a float network and for a place that cannot be written.
    """
    if not model.config.quantized:
        raise UserError("a float network has no integers to export: quantize it first (models.encoder.quantize)")
    path = Path(path)
    exported = copy.deepcopy(model).float().eval()
    for module in exported.modules():
        if isinstance(module, BoundedLinear):
            module.round_weights()
    raw = _traced(exported)
    write_atomic(path, _cleaned(raw).model.SerializeToString(deterministic=True))
    return path


def check_accumulators(model: Encoder) -> None:
    """Raises UserError, naming the first Dense of a block whose sums are too wide in the exported graph."""
    import accel

    bits = model.config.accumulator_bits
    with scratch.folder() as folder:
        graph = accel.load(export(model, folder / "model.onnx"))
    for node in graph:
        width = graph.tensors[node.name].width
        if node.op.kind == "dense" and node.name.startswith("blocks") and width > bits:
            raise UserError(
                f"{node.name}: sums take {width} bits, EncoderConfig.accumulator_bits is {bits}: "
                "run one batch in train mode, or raise it"
            )


def _traced(model: Encoder) -> ModelProto:
    """The TorchScript route: the one that keeps Quant nodes and custom operators."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    try:
        logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the route is deprecated upstream, and tracing is meant
            import torch
            from brevitas.export import export_qonnx

            # torch lints its graph between passes, in a time that is quadratic in the number of nodes
            with patch.object(torch._C, "_jit_pass_lint", lambda graph: None):
                return export_qonnx(
                    model,
                    args=blank(model.config, 1),
                    dynamo=False,
                    opset_version=OPSET,
                    input_names=["input"],
                    output_names=["logits"],
                )
    finally:
        logger.setLevel(level)


def _cleaned(raw: ModelProto) -> ModelWrapper:
    """qonnx's `cleanup_model` without its renaming: reports show these names, so they say which layer a node is of."""
    from qonnx.transformation.fold_constants import FoldConstants
    from qonnx.transformation.general import GiveUniqueParameterTensors
    from qonnx.transformation.quant_constant_folding import FoldTransposeIntoQuantInit

    from models.indexing import with_shapes

    wrapper: ModelWrapper = with_shapes(raw)
    for transformation in (
        GiveUniqueParameterTensors(),
        FoldConstants(exclude_op_types=QUANTIZERS),
        FoldTransposeIntoQuantInit(),
    ):  # `raw` is ours, and one tidying behind them all is enough
        wrapper = wrapper.transform(transformation, make_deepcopy=False, cleanup=False)
    _rename(wrapper.cleanup().graph)
    return wrapper


def _rename(graph: GraphProto) -> None:
    """Nodes by module path, output tensors by their node, parameters by node and place; graph ends stay."""
    names = {end.name: end.name for end in (*graph.input, *graph.output)}
    parameters = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        parts = [part for part in node.name.split("/") if part not in ("", "act_quant", "export_handler")]
        node.name = "/".join(parts)
        names |= {name: f"{node.name}.{index}" for index, name in enumerate(node.input) if name in parameters}
        names.setdefault(node.output[0], node.name)
    for node in graph.node:
        node.input[:], node.output[:] = ([names.get(n, n) for n in part] for part in (node.input, node.output))
    for tensor in (*graph.initializer, *graph.value_info):
        tensor.name = names.get(tensor.name, tensor.name)
    for annotation in graph.quantization_annotation:
        annotation.tensor_name = names.get(annotation.tensor_name, annotation.tensor_name)
