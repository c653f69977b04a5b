"""Exports of Brevitas' stock float-scale quantizers: every operator alone within one step of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFloat,
    ShiftedUint8ActPerTensorFloat,
)
from float_blocks import export
from torch import nn

from accel import onnx_import

FRONT = "norm dense rescale dense rescale dense rescale matmul rescale softmax rescale matmul rescale"
BACK = "dense rescale add rescale norm dense rescale lookup dense rescale add rescale"


@pytest.mark.parametrize(
    ("opset", "activation", "act", "weight", "bits", "causal"),
    [
        (20, nn.GELU(), Int8ActPerTensorFloat, Int8WeightPerChannelFloat, 8, False),
        (16, nn.GELU(), Int8ActPerTensorFloat, Int8WeightPerChannelFloat, 8, True),
        (16, nn.GELU(approximate="tanh"), ShiftedUint8ActPerTensorFloat, Int8WeightPerChannelFloat, 8, False),
        (20, nn.SiLU(), ShiftedUint8ActPerTensorFloat, Int8WeightPerTensorFloat, 4, True),
        (20, nn.Tanh(), Int8ActPerTensorFloat, Int8WeightPerTensorFloat, 2, False),
    ],
)
def test_blocks(tmp_path: Path, opset, activation, act, weight, bits, causal) -> None:
    """opset 16 has norms and GELU written out."""
    options = {"activation": activation, "act": act, "weight": weight, "bits": bits, "causal": causal}
    imported = onnx_import.read(export(tmp_path, opset=opset, **options))
    graph = imported.graph
    kinds = [node.op.kind for node in graph]
    without = [kind for kind in kinds if kind != "position"]  # where weights have 2 bits, of biases between steps
    if weight is Int8WeightPerChannelFloat:
        # A Rescale gives a norm finer steps where rows are so even that epsilon counts.
        assert " ".join(without).replace("rescale norm", "norm") == f"{FRONT} {BACK}"
    assert [node.op.causal for node in graph if node.op.kind == "softmax"] == [int(causal)]
    x = np.random.default_rng(0).integers(graph.input.lo, graph.input.hi, (8, *graph.input.shape), endpoint=True)
    for found in onnx_import.deviations(imported, x):
        assert found.max_lsb <= 1, found
        assert found.differing <= 0.1, found
