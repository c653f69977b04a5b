"""A block of rarer forms: rotary nodes, Where, a norm with quantizers inside, pooling by Mul and ReduceSum."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from qdq_files import I8, U8, linear, quantized
from qonnx_files import File

T, HEADS, D = 4, 2, 4
C = HEADS * D


def export(folder: Path) -> Path:
    """Write the file; its output is one token."""
    f = File((1, T, C), opset=23)
    x = quantized(f, "in", 0.03, I8)
    y = quantized(f, f.node("Add", x, _attended(f, x)), 0.04, I8)
    y = quantized(f, f.node("Mul", y, _inverse(f, y)), 0.03, I8)
    scores = quantized(f, linear(f, y, C, 1, 5), 0.05, I8)
    p = quantized(f, f.node("Softmax", scores, axis=1), 1 / 255, U8)
    pooled = f.node("ReduceSum", quantized(f, f.node("Mul", y, p), 0.02, I8), f.ints(1), keepdims=0)
    return f.save(folder, quantized(f, pooled, 0.02, I8))


def _attended(f: File, x: str) -> str:
    """Attention of rotary queries and keys, whose later scores are −3."""
    angle = np.outer(np.arange(T), 10.0 ** -(np.arange(0, D, 2) / D))
    tables = [f.const(table[None]) for table in (np.cos(angle), np.sin(angle))]
    q, k, v = (quantized(f, linear(f, x, C, C, seed), 0.03, I8) for seed in (1, 2, 3))
    q, k = (quantized(f, f.node("RotaryEmbedding", one, *tables, num_heads=HEADS), 0.04, I8) for one in (q, k))
    q, k, v = (
        f.node("Transpose", f.node("Reshape", one, f.ints(1, T, HEADS, D)), perm=perm)
        for one, perm in ((q, [0, 2, 1, 3]), (k, [0, 2, 3, 1]), (v, [0, 2, 1, 3]))
    )
    s = quantized(f, f.node("MatMul", q, k), 0.05, I8)
    s = f.node("Where", f.const(np.triu(np.ones((T, T)), 1), dtype=bool), f.const(-3.0), s)
    p = quantized(f, f.node("Softmax", s, axis=-1), 1 / 255, U8)
    y = f.node("Transpose", quantized(f, f.node("MatMul", p, v), 0.03, I8), perm=[0, 2, 1, 3])
    return f.node("Reshape", y, f.ints(1, T, C))


def _inverse(f: File, x: str) -> str:
    mean = quantized(f, f.node("ReduceMean", f.node("Pow", x, f.const(2.0)), f.ints(-1), keepdims=1), 0.03, I8)
    return quantized(f, f.node("Reciprocal", f.node("Sqrt", mean)), 0.0471, I8)
