"""Masks that come in with the samples: what tests of them share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from float_files import joined, scores
from onnx import TensorProto
from onnx_session import opened
from qonnx_files import File

from accel import onnx_import
from accel.onnx_import.runner import QonnxRunner

T = 6
INT64 = TensorProto.INT64
Hide = Callable[[File, str, str], str]


def places(f: File, mask: str) -> str:
    """(1, tokens) → (1, 1, 1, tokens)."""
    return f.node("Unsqueeze", mask, f.ints(1, 2))


def file(folder: Path, hide: Hide, kind: int = INT64, shape: tuple[int, ...] = (1, T)) -> Path:
    """Attention whose scores `hide` hides by a mask that comes in."""
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
    if any(node.domain for node in onnx.load(path).graph.node):
        imported = onnx_import.read(path)
        runner, output = QonnxRunner(imported), imported.source.outputs[0]
        pairs = zip(x, mask, strict=True)
        return np.concatenate([runner.run_part({"in": a[None], "mask": m[None]})[output] for a, m in pairs])
    session = opened(path)
    pairs = zip(x, mask, strict=True)
    return np.concatenate([session.run(None, {"in": a[None], "mask": m[None]})[0] for a, m in pairs])
