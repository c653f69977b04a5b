"""Masks that are inputs of the model, as exporters use them, held to ONNX Runtime's execution of the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from float_files import check, joined, scores
from onnx import TensorProto
from onnx_session import opened
from qonnx_files import File

import accel

T = 6
INT64, BOOL, FLOAT = TensorProto.INT64, TensorProto.BOOL, TensorProto.FLOAT
Hide = Callable[[File, str, str], str]


def places(f: File, mask: str) -> str:
    """(1, tokens) → (1, 1, 1, tokens)."""
    return f.node("Unsqueeze", mask, f.ints(1, 2))


def bert(f: File, s: str, mask: str) -> str:
    """(1 − mask) · −10000, added."""
    m = f.node("Cast", places(f, mask), to=FLOAT)
    return f.node("Add", s, f.node("Mul", f.node("Sub", f.const(1.0), m), f.const(-10000.0)))


def lowest(f: File, s: str, mask: str) -> str:
    """As newer versions of transformers do it: expanded, inverted, and filled with the lowest number of all."""
    m = f.node("Expand", f.node("Cast", places(f, mask), to=FLOAT), f.ints(1, 1, T, T))
    m = f.node("Sub", f.const(1.0), m)
    return f.node("Add", f.node("Where", f.node("Cast", m, to=BOOL), f.const(-3.4e38), m), s)


def chosen(f: File, s: str, mask: str) -> str:
    shown = f.node("Equal", places(f, mask), f.const(1, dtype=np.int64))
    return f.node("Where", shown, s, f.const(np.full((1, 1, T, T), -np.inf)))


def filled(f: File, s: str, mask: str) -> str:
    """As masked_fill does it."""
    gone = f.node("Not", f.node("Cast", places(f, mask), to=BOOL))
    return f.node("Where", gone, f.const(-1e9), s)


def subtracted(f: File, s: str, mask: str) -> str:
    gone = f.node("Cast", f.node("Equal", places(f, mask), f.const(0, dtype=np.int64)), to=FLOAT)
    return f.node("Sub", s, f.node("Mul", gone, f.const(1e5)))


def in_front(f: File, s: str, mask: str) -> str:
    """Hidden before the scores are quantized."""
    return f.quant(filled(f, s, mask), 0.05)


def causal_too(f: File, s: str, mask: str) -> str:
    return bert(f, f.node("Add", s, f.const(np.triu(np.full((T, T), -3.4e38), 1))), mask)


HIDES = [bert, lowest, chosen, filled, subtracted, in_front, causal_too]


def file(folder: Path, hide: Hide, kind: int = INT64, shape: tuple[int, ...] = (1, T)) -> Path:
    f = File((1, T, 8))
    mask = f.input("mask", shape, kind)
    p = f.quant(f.node("Softmax", hide(f, scores(f, f.quant("in", 0.023), T, 8, 2), mask), axis=-1), 1 / 256, signed=0)
    return f.save(folder, joined(f, p))


def samples(count: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Padded sequences: the first tokens count, at least one."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, T, 8)).astype(np.float32)
    return x, (np.arange(T) < rng.integers(1, T + 1, count)[:, None]).astype(np.int64)


def executed(path: Path, x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Results of ONNX Runtime; a file with nodes of qonnx' domain runs in qonnx."""
    from accel import onnx_import
    from accel.onnx_import.runner import QonnxRunner

    if any(node.domain for node in onnx.load(path).graph.node):
        imported = onnx_import.read(path)
        runner, output = QonnxRunner(imported), imported.source.outputs[0]
        pairs = zip(x, mask, strict=True)
        return np.concatenate([runner.run_part({"in": a[None], "mask": m[None]})[output] for a, m in pairs])
    session = opened(path)
    pairs = zip(x, mask, strict=True)
    return np.concatenate([session.run(None, {"in": a[None], "mask": m[None]})[0] for a, m in pairs])


@pytest.mark.parametrize("hide", HIDES)
def test_a_mask_hides_keys_of_each_sample(tmp_path: Path, hide: Hide) -> None:
    path = file(tmp_path, hide)
    imported = check(path)
    assert [(t.lo, t.hi) for t in imported.graph.inputs.values()][1] == (0, 1)
    x, mask = samples()
    found = accel.load(path).predict({"in": x, "mask": mask})
    expected = executed(path, x, mask)
    assert found.shape == expected.shape
    gone = np.broadcast_to(mask[:, None, None] == 0, (len(x), T, 2, T))
    assert hide is in_front or (found.reshape(gone.shape)[gone] == 0).all()
    assert np.abs(found - expected).max() <= 4 / 256
