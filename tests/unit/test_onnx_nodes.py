"""ONNX's own node tests between quantizers: imported and held to the operator, or refused with the reason.

A case's first input becomes the graph's (its leading axes one batch), quantised to 10 bits over its own range; its
other inputs are constants (weights in 8 bits); its output is quantised to 8 bits over the expected output's range.
ONNX's reference evaluates the case's node on the quantised numbers, so that what is left is the operator's deviation.
"""

from __future__ import annotations

import re
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from qonnx_files import File

from accel import onnx_import, reference
from accel.errors import UserError

OPERATORS = ("LayerNormalization", "RMSNormalization", "Gelu", "Softmax", "MatMul")
EXPANDED = ("softmax", "gelu")
"""Cases whose expansion into other operators is taken, too."""

#: Why a case has no integer operator → how many cases.
REFUSALS = {
    r"(Layer|RMS)Normalization 'Y': normalises over the axes from -?\d on; normalise over the last axis alone": 24,
    r"Softmax 'y': normalises over an axis that is not the last; take the softmax over the last axis": 6,
    r"MatMul 'c': its weights have shape \(.*\); use one weight matrix": 3,
    r"MatMul 'c': it does not contract the channel axis; keep \(batch, tokens, channels\)": 2,
    r"MatMul 'c': weights \(2, 4, 2\) do not fit input \(3, 1, 3, 4\)": 1,
}


@cache
def cases() -> dict[str, onnx.ModelProto]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        found = {case.name: case for case in collect_testcases(None)}
    names = [
        name
        for name, case in found.items()
        if ("expanded" not in name and case.model.graph.node[0].op_type in OPERATORS)
        or ("expanded" in name and name.startswith(tuple(f"test_{op}" for op in EXPANDED)))
    ]
    return {name: found[name] for name in names}


def wrapped(case, folder: Path) -> tuple[Path, onnx.ModelProto, list[np.ndarray], float]:
    """The case's nodes between quantizers; its model, its inputs as quantised, the output's scale."""
    model, (inputs, outputs) = case.model, case.data_sets[0]
    given = [numpy_helper.to_array(x) if isinstance(x, onnx.TensorProto) else x for x in inputs]
    expected = numpy_helper.to_array(outputs[0]) if isinstance(outputs[0], onnx.TensorProto) else outputs[0]
    names = [value.name for value in model.graph.input]
    shape = given[0].shape
    merged = (-1, *shape[-2:]) if len(shape) > 2 else (-1, shape[-1])
    f = File(given[0].reshape(merged).shape, opset=max(o.version for o in model.opset_import if not o.domain))
    scale = np.float32(np.abs(given[0]).max() / 511)
    tensors = {names[0]: f.node("Reshape", f.quant("in", scale, bits=10), f.ints(*shape))}
    quantised = [np.rint(given[0] / scale).astype(np.float32) * scale]
    for name, array in zip(names[1:], given[1:], strict=True):
        constant = f.const(array)
        if model.graph.node[0].op_type == "MatMul":
            unit = np.float32(np.abs(array).max() / 127)
            constant, array = f.quant(constant, unit), np.rint(array / unit).astype(np.float32) * unit
        tensors[name] = constant
        quantised.append(array)
    for node in model.graph.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:] = [tensors.get(name, name) for name in node.input]
        f.nodes.append(copy)
    step = np.float32(np.abs(expected).max() / 127)
    path = f.save(folder, f.quant(model.graph.output[0].name, step))
    return path, model, quantised, float(step)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float | str]:
    """Per case, the largest deviation in LSB, or the text of the refusal."""
    found: dict[str, float | str] = {}
    for name, case in cases().items():
        path, model, inputs, step = wrapped(case, tmp_path_factory.mktemp("case"))
        try:
            graph = onnx_import.load(path)
        except UserError as error:
            found[name] = str(error)
            continue
        real = ReferenceEvaluator(model).run(None, dict(zip((v.name for v in model.graph.input), inputs, strict=True)))
        x = np.rint(inputs[0] / np.float32(graph.input.scale)).astype(np.int64)
        got = reference.run(graph, x.reshape(-1, *graph.input.shape))
        found[name] = float(np.abs(got.reshape(real[0].shape) - np.clip(real[0] / step, -128, 127)).max())
    return found


def test_cases_keep_to_the_operator(outcomes) -> None:
    """At most 1 LSB of the operator, and half a step for the output's own rounding; measured: 0.51 altogether."""
    kept = {name: value for name, value in outcomes.items() if not isinstance(value, str)}
    assert max(kept.values()) <= 1.0, kept
    counts = {op: sum(op in name for name in kept) for op in ("layer_norm", "rms_norm", "gelu", "softmax", "matmul")}
    assert counts == {"layer_norm": 7, "rms_norm": 7, "gelu": 8, "softmax": 15, "matmul": 1}


def test_all_other_cases_are_refused_with_the_reason(outcomes) -> None:
    refused = {name: value for name, value in outcomes.items() if isinstance(value, str)}
    for reason, count in REFUSALS.items():
        assert len([name for name, text in refused.items() if re.search(reason, text)]) == count, refused
    assert len(refused) == sum(REFUSALS.values())
    assert len(outcomes) == len(cases())
