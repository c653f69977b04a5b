"""Files whose meaning is float, held to their own execution operator by operator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qonnx_files import File

from accel import onnx_import
from accel.errors import UnsupportedModel
from accel.onnx_import import Imported
from accel.verbs.inputs import load_samples


def check(path: Path, samples: int = 24, seed: int = 0, most: int = 1) -> Imported:
    """Import a file and hold every operator alone to `most` steps of its output; the import."""
    imported = onnx_import.read(path)
    found = onnx_import.deviations(imported, load_samples(imported.graph, None, samples, seed))
    assert found[-1].layer == imported.graph.output
    for one in found:
        assert one.max_lsb <= most, one
        assert one.differing <= 0.1, one
    return imported


def kinds(imported: Imported) -> list[str]:
    return [node.op.kind for node in imported.graph]


def refuse(path: Path, match: str) -> None:
    with pytest.raises(UnsupportedModel, match=match):
        onnx_import.read(path)


def linear(f: File, x: str, inputs: int, outputs: int, seed: int, bits: int = 8, per_channel: bool = True) -> str:
    """Weights and bias as a float network has them, the weights quantized with the usual scales."""
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(inputs, outputs)) / np.sqrt(inputs)
    top = np.abs(weight).max(axis=0 if per_channel else None, keepdims=True)
    y = f.node("MatMul", x, f.quant(f.const(weight), top / ((1 << (bits - 1)) - 1), bits))
    return f.node("Add", y, f.const(rng.normal(size=outputs) / 4))


def scores(f: File, x: str, tokens: int, channels: int, heads: int) -> str:
    def split(seed: int, perm: list[int]) -> str:
        y = f.quant(linear(f, x, channels, channels, seed), 0.031)
        return f.node("Transpose", f.node("Reshape", y, f.ints(1, tokens, heads, channels // heads)), perm=perm)

    y = f.node("MatMul", split(1, [0, 2, 1, 3]), split(2, [0, 2, 3, 1]))
    return f.node("Div", y, f.const(np.sqrt(channels / heads)))


def joined(f: File, p: str) -> str:
    """Heads as channels."""
    return f.node("Transpose", p, perm=[0, 2, 1, 3])
