"""ONNX's own node tests between quantizers: imported and held to the operator, or refused with the reason.

A case's first input becomes the graph's (its leading axes one batch), quantized to 10 bits over its own range; its
other inputs are constants (weights in 8 bits); its output is quantized to 8 bits over the expected output's range.
The queries, keys and values of Attention lie side by side in the graph's input, slices of which the file takes.
ONNX's reference evaluates the case's node on the quantized numbers, so that what is left is the operator's deviation.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
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

OPERATORS = ("LayerNormalization", "RMSNormalization", "Gelu", "Softmax", "MatMul", "Attention")
EXPANDED = ("softmax", "gelu")
"""Cases whose expansion into other operators is taken, too."""

#: Why a case has no integer operator → how many cases.
REFUSALS = {
    r"(Layer|RMS)Normalization 'Y': normalizes over the axes from -?\d on; normalize over the last axis alone": 24,
    r"MatMul 'c': its weights have shape \(.*\); use one weight matrix": 3,
    r"MatMul 'c': it does not contract the channel axis; keep \(batch, tokens, channels\)": 2,
    r"Attention 'Y': has a cache of keys and values; export it for whole sequences": 20,
    r"Attention 'Y': hides keys behind a length of each sample; give it a constant mask instead": 9,
    r"Attention 'Y': caps its scores \(softcap\); write it out as MatMul, Softmax and MatMul with quantizers": 10,
    r"Attention 'Y': looks at a window of keys; give it a constant mask instead": 4,
    r"Attention 'Y': has a mask that hides every key of a query; let every query see a key, as itself": 4,
    r"Attention 'Y': its constant differs between samples; export with a constant that is the same for all": 4,
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
        if ("expanded" not in name and case.model.graph.node[0].op_type in OPERATORS and is_float32(case))
        or ("expanded" in name and name.startswith(tuple(f"test_{op}" for op in EXPANDED)))
    ]
    return {name: found[name] for name in names}


def is_float32(case) -> bool:
    """The cases of other types repeat these."""
    return case.model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def arrays(case) -> tuple[list[np.ndarray], np.ndarray]:
    """Inputs and first output."""
    inputs, outputs = case.data_sets[0]
    found = [numpy_helper.to_array(x) if isinstance(x, onnx.TensorProto) else x for x in (*inputs, outputs[0])]
    return found[:-1], found[-1]


def by_tokens(x: np.ndarray) -> np.ndarray:
    """(batch, heads, tokens, channels), or heads in the channels → (batch, tokens, heads · channels)."""
    return x if x.ndim == 3 else x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1)


def wrapped_attention(case, folder: Path) -> tuple[Path, list[np.ndarray], float, np.ndarray]:
    """The node between quantizers; its inputs as quantized, the output's scale, the graph's input in steps."""
    given, expected = arrays(case)
    scale = np.float32(max(np.abs(x).max() for x in given[:3]) / 511)
    steps = [np.rint(x / scale) for x in given[:3]]
    parts = [by_tokens(x) for x in steps]
    ends = np.cumsum([0, *(part.shape[2] for part in parts)])
    joined = np.zeros((len(parts[0]), max(part.shape[1] for part in parts), ends[-1]))
    f = File(joined.shape, opset=max(o.version for o in case.model.opset_import if not o.domain))
    whole, tensors = f.quant("in", scale, bits=10), {}
    for i, (part, x) in enumerate(zip(parts, given[:3], strict=True)):
        joined[:, : part.shape[1], ends[i] : ends[i + 1]] = part
        one = f.node("Slice", whole, f.ints(0, ends[i]), f.ints(part.shape[1], ends[i + 1]), f.ints(1, 2))
        if x.ndim == 4:
            one = f.node("Reshape", one, f.ints(len(x), x.shape[2], x.shape[1], x.shape[3]))
            one = f.node("Transpose", one, perm=[0, 2, 1, 3])
        tensors[case.model.graph.input[i].name] = one
    for value, array in zip(case.model.graph.input[3:], given[3:], strict=True):
        tensors[value.name] = f.const(array, dtype=array.dtype)
    node = onnx.NodeProto()
    node.CopyFrom(case.model.graph.node[0])
    node.input[:] = [tensors.get(name, name) for name in node.input]
    f.nodes.append(node)
    y, step = node.output[0], np.float32(np.abs(expected).max() / 127)
    if expected.ndim == 4:
        y = f.node("Reshape", f.node("Transpose", y, perm=[0, 2, 1, 3]), f.ints(*by_tokens(expected).shape))
    quantized = [x.astype(np.float32) * scale for x in steps]
    return f.save(folder, f.quant(y, step)), [*quantized, *given[3:]], float(step), joined


def wrapped(case, folder: Path) -> tuple[Path, list[np.ndarray], float, np.ndarray]:
    """The same of any other case."""
    model, (given, expected) = case.model, arrays(case)
    names = [value.name for value in model.graph.input]
    shape = given[0].shape
    merged = (-1, *shape[-2:]) if len(shape) > 2 else (-1, shape[-1])
    f = File(given[0].reshape(merged).shape, opset=max(o.version for o in model.opset_import if not o.domain))
    scale = np.float32(np.abs(given[0]).max() / 511)
    tensors = {names[0]: f.node("Reshape", f.quant("in", scale, bits=10), f.ints(*shape))}
    quantized = [np.rint(given[0] / scale).astype(np.float32) * scale]
    for name, array in zip(names[1:], given[1:], strict=True):
        constant = f.const(array)
        if model.graph.node[0].op_type == "MatMul":
            unit = np.float32(np.abs(array).max() / 127)
            constant, array = f.quant(constant, unit), np.rint(array / unit).astype(np.float32) * unit
        tensors[name] = constant
        quantized.append(array)
    for node in model.graph.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:] = [tensors.get(name, name) for name in node.input]
        f.nodes.append(copy)
    step = np.float32(np.abs(expected).max() / 127)
    path = f.save(folder, f.quant(model.graph.output[0].name, step))
    return path, quantized, float(step), np.rint(given[0] / scale)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float | str]:
    """Per case, the largest deviation in LSB, or the text of the refusal."""
    found: dict[str, float | str] = {}
    for name, case in cases().items():
        attention = case.model.graph.node[0].op_type == "Attention"
        wrap = wrapped_attention if attention else wrapped
        path, inputs, step, x = wrap(case, tmp_path_factory.mktemp("case"))
        try:
            imported = onnx_import.read(path)
        except UserError as error:
            found[name] = str(error)
            continue
        names = (value.name for value in case.model.graph.input)
        real = ReferenceEvaluator(case.model).run(None, dict(zip(names, inputs, strict=True)))[0]
        real = by_tokens(real) if attention else real
        graph = imported.graph
        assert graph.view is not None
        got = reference.run(graph, graph.samples(x.astype(np.int64).reshape(graph.view.inputs[0].shape)))
        expected = imported.origins[graph.output].layout.to_edge(np.clip(real / step, -128, 127))
        found[name] = float(np.abs(got - expected).max())
    return found


def test_cases_keep_to_the_operator(outcomes) -> None:
    """At most 1 LSB of the operator, and half a step for the output's own rounding; measured: 0.55 altogether."""
    kept = {name: value for name, value in outcomes.items() if not isinstance(value, str)}
    assert max(kept.values()) <= 1.0, kept
    ops = [
        next(op for op in ("attention", "layer_norm", "rms_norm", "gelu", "softmax", "matmul") if op in name)
        for name in kept
    ]
    assert Counter(ops) == {"layer_norm": 7, "rms_norm": 7, "gelu": 8, "softmax": 21, "matmul": 1, "attention": 31}


def test_all_other_cases_are_refused_with_the_reason(outcomes) -> None:
    refused = {name: value for name, value in outcomes.items() if isinstance(value, str)}
    for reason, count in REFUSALS.items():
        assert len([name for name, text in refused.items() if re.search(reason, text)]) == count, refused
    assert len(refused) == sum(REFUSALS.values())
    assert len(outcomes) == len(cases())
