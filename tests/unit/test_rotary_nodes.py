"""Rotary embeddings that a file has as one node, ONNX's own and onnxruntime's, held to onnxruntime's execution."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from float_files import check, kinds, refuse
from onnx import helper
from qdq_files import I8, as_file, linear, normal, quantized
from qonnx_files import File

T, HEADS, D = 5, 2, 8
C = HEADS * D
MICROSOFT = "com.microsoft"


def caches(f: File, turned: int, places: int = T + 4) -> list[str]:
    angle = np.outer(np.arange(places), 100.0 ** -(np.arange(0, turned, 2) / turned))
    return [f.const(np.cos(angle)), f.const(np.sin(angle))]


def standard(f: File, x: str, turned: int, **attributes: Any) -> str:
    places = f.const(np.arange(2, T + 2)[None], dtype=np.int64)
    return f.node("RotaryEmbedding", x, *caches(f, turned), places, **attributes)


def whole(f: File, x: str, turned: int, **attributes: Any) -> str:
    """Caches of every token, without positions."""
    tables = [f.node("Unsqueeze", one, f.ints(0)) for one in caches(f, turned, T)]
    return f.node("RotaryEmbedding", x, *tables, **attributes)


def runtimes(f: File, x: str, turned: int, **attributes: Any) -> str:
    places = f.const(np.arange(T)[None], dtype=np.int64)
    return f.node("RotaryEmbedding", x, places, *caches(f, turned), domain=MICROSOFT, **attributes)


def offset(f: File, x: str, turned: int, **attributes: Any) -> str:
    """onnxruntime's other way to say positions: that of the first token."""
    return f.node("RotaryEmbedding", x, f.ints(3), *caches(f, turned), domain=MICROSOFT, **attributes)


Embed = Callable[..., str]


def built(embed: Embed, flat: bool, turned: int, interleaved: bool) -> tuple[File, str]:
    f = File((1, T, C), opset=23)
    x = quantized(f, linear(f, quantized(f, "in", 0.03, I8), C, C, 1), 0.03, I8)
    attributes: dict[str, Any] = {"interleaved": int(interleaved)}
    if flat or turned < D:
        attributes["num_heads"] = HEADS
    if turned < D:
        attributes["rotary_embedding_dim"] = turned
    if not flat:
        x = f.node("Transpose", f.node("Reshape", x, f.ints(1, T, HEADS, D)), perm=[0, 2, 1, 3])
    y = quantized(f, embed(f, x, turned, **attributes), 0.04, I8)
    if not flat:
        y = f.node("Reshape", f.node("Transpose", y, perm=[0, 2, 1, 3]), f.ints(1, T, C))
    return f, quantized(f, linear(f, y, C, 4, 2), 0.05, I8)


def saved(f: File, output: str, folder: Path) -> Path:
    model = f.proto(output)
    model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("turned", [D, D // 2])
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("embed", [standard, whole, runtimes, offset])
def test_a_rotary_embedding_as_one_node(
    tmp_path: Path, embed: Embed, flat: bool, turned: int, interleaved: bool
) -> None:
    path = saved(*built(embed, flat, turned, interleaved), tmp_path)
    imported = check(path, samples=4)
    assert kinds(imported).count("rotary") == 1
    got, right = as_file(path, normal(1, T, C))
    assert np.abs(got - right).max() <= 2  # of an input that is a step off


def test_a_node_that_is_not_understood_says_so(tmp_path: Path) -> None:
    f = File((1, T, C), opset=23)
    y = runtimes(f, quantized(f, "in", 0.03, I8), D, num_heads=HEADS, scale=0.5)
    refuse(saved(f, quantized(f, y, 0.04, I8), tmp_path), "RotaryEmbedding .*attributes that change it; export with")
