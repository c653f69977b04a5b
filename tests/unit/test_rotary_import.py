"""Rotary embeddings as exporters write them, held to the file's own execution operator by operator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from float_files import check, linear
from qonnx_files import File

from accel.onnx_import import Imported

T, C, HEADS = 5, 16, 2
D = C // HEADS


def tables(size: int, interleaved: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines (tokens, size)."""
    angle = np.outer(np.arange(T), 100.0 ** -(np.arange(0, size, 2) / size))
    angle = np.repeat(angle, 2, 1) if interleaved else np.concatenate([angle, angle], 1)
    return np.cos(angle), np.sin(angle)


def cut(f: File, x: str, start: int, end: int, step: int = 1) -> str:
    return f.node("Slice", x, f.ints(start), f.ints(end), f.ints(3), f.ints(step))


def halves(f: File, x: str, size: int, inner: float | None) -> str:
    """Concat(−x[half:], x[:half])."""
    low, high = cut(f, x, 0, size // 2), cut(f, x, size // 2, np.iinfo(np.int64).max)
    return f.node("Concat", between(f, f.node("Neg", high), inner), low, axis=-1)


def parts(f: File, x: str, size: int, inner: float | None) -> str:
    """The same with Split."""
    low = f.node("Split", x, f.ints(size // 2, size // 2), axis=3)
    f.nodes[-1].output.append(f"{low}_high")
    return f.node("Concat", between(f, f.node("Neg", f"{low}_high"), inner), low, axis=-1)


def neighbours(f: File, x: str, size: int, inner: float | None) -> str:
    """Stacked pairs (−x[1::2], x[::2])."""
    even, odd = cut(f, x, 0, size, 2), cut(f, x, 1, size, 2)
    pair = [f.node("Unsqueeze", one, f.ints(-1)) for one in (f.node("Neg", odd), even)]
    return f.node("Reshape", f.node("Concat", *pair, axis=-1), f.ints(1, -1, T, size))


def between(f: File, x: str, step: float | None) -> str:
    return x if step is None else f.quant(x, step)


def turned(f: File, x: str, rotated, size: int = D, inner: float | None = None, rank: int = 2) -> str:
    cos, sin = (f.const(t.reshape((1,) * (rank - 2) + t.shape)) for t in tables(size, rotated is neighbours))
    half = between(f, rotated(f, x, size, inner), inner)
    one, other = (between(f, f.node("Mul", a, b), inner) for a, b in ((x, cos), (half, sin)))
    return f.quant(f.node("Add", one, other), 0.04)


def split(f: File, x: str, seed: int, heads: int = HEADS) -> str:
    y = f.quant(linear(f, x, C, heads * D, seed), 0.031)
    return f.node("Transpose", f.node("Reshape", y, f.ints(1, T, heads, D)), perm=[0, 2, 1, 3])


def attended(f: File, q: str, k: str, v: str) -> str:
    s = f.quant(f.node("MatMul", q, f.node("Transpose", k, perm=[0, 1, 3, 2])), 0.07)
    p = f.quant(f.node("Softmax", s, axis=-1), 1 / 256, signed=0)
    y = f.quant(f.node("MatMul", p, v), 0.03)
    return f.node("Reshape", f.node("Transpose", y, perm=[0, 2, 1, 3]), f.ints(1, T, C))


def counts(imported: Imported) -> dict[str, int]:
    found = [node.op.kind for node in imported.graph]
    return {kind: found.count(kind) for kind in set(found)}


@pytest.mark.parametrize("rank", [2, 4])
@pytest.mark.parametrize("rotated", [halves, parts, neighbours])
def test_a_rotary_embedding_is_one_operator(tmp_path: Path, rotated, rank: int) -> None:
    """Only rows of the Dense are put in another order: both products of attention take the same."""
    f = File((1, T, C))
    x = f.quant("in", 0.03)
    q, k = (turned(f, split(f, x, seed), rotated, rank=rank) for seed in (1, 2))
    imported = check(f.save(tmp_path, attended(f, q, k, split(f, x, 3))))
    found = counts(imported)
    assert found == {"dense": 3, "rescale": found["rescale"], "rotary": 2, "matmul": 2, "softmax": 1}
    assert all(node.op.period == D for node in imported.graph if node.op.kind == "rotary")


@pytest.mark.parametrize("rotated", [halves, parts])
@pytest.mark.parametrize("inner", [0.031, 0.037])
def test_quantizers_within_a_rotary_embedding_are_kept(tmp_path: Path, rotated, inner: float) -> None:
    f = File((1, T, C))
    x = f.quant("in", 0.03)
    q, k = (turned(f, split(f, x, seed), rotated, inner=inner) for seed in (1, 2))
    check(f.save(tmp_path, attended(f, q, k, split(f, x, 3))))


def test_constants_in_steps_are_exact(tmp_path: Path) -> None:
    """Cosines and sines of 8 bits, as onnxruntime quantizes them, are the tables themselves."""
    f = File((1, T, C))
    x = split(f, f.quant("in", 0.03), 1)
    cos, sin = (f.quant(f.const(t), 1 / 127) for t in tables(D))
    y = f.node("Add", f.node("Mul", x, cos), f.node("Mul", halves(f, x, D, None), sin))
    y = f.node("Reshape", f.node("Transpose", f.quant(y, 0.04), perm=[0, 2, 1, 3]), f.ints(1, T, C))
    imported = check(f.save(tmp_path, f.quant(linear(f, y, C, 4, 5), 0.05)))
    (op,) = (node.op for node in imported.graph if node.op.kind == "rotary")
    assert np.array_equal(np.sort(op.cos[:, ::2]), np.sort(np.rint(127 * tables(D)[0])[:, : D // 2]))


def test_shared_keys_turn_before_they_are_repeated(tmp_path: Path) -> None:
    f = File((1, T, C))
    x = f.quant("in", 0.03)
    q, k, v = turned(f, split(f, x, 1), halves), turned(f, split(f, x, 2, 1), halves), split(f, x, 3, 1)
    k, v = (f.node("Expand", one, f.ints(1, HEADS, T, D)) for one in (k, v))
    imported = check(f.save(tmp_path, attended(f, q, k, v)))
    assert {node.op.kv_heads for node in imported.graph if node.op.kind == "matmul"} == {1}
    assert counts(imported)["rotary"] == 2


def test_some_channels_of_a_head_do_not_turn(tmp_path: Path) -> None:
    f = File((1, T, C))
    x = f.quant("in", 0.03)

    def partly(y: str) -> str:
        turning, rest = cut(f, y, 0, D // 2), cut(f, y, D // 2, D)
        return f.quant(f.node("Concat", turned(f, turning, halves, D // 2), rest, axis=3), 0.04)

    q, k = (partly(split(f, x, seed)) for seed in (1, 2))
    check(f.save(tmp_path, attended(f, q, k, split(f, x, 3))))


def test_a_gate_of_constants_and_a_difference(tmp_path: Path) -> None:
    """x · table − y: any constant of tokens and channels multiplies, and an activation is subtracted."""
    f = File((1, T, C))
    x = f.quant("in", 0.03)
    rng = np.random.default_rng(4)
    a, b = f.quant(linear(f, x, C, C, 1), 0.03), f.quant(linear(f, x, C, C, 2), 0.03)
    gated = f.node("Mul", a, f.const(rng.normal(size=(T, C))))
    y = f.quant(f.node("Sub", gated, b), 0.0517)
    imported = check(f.save(tmp_path, f.quant(f.node("Add", y, f.node("Neg", b)), 0.0613)))
    assert counts(imported)["rotary"] == 3


@pytest.mark.parametrize("form", ["LayerNormalization", "RMSNormalization"])
def test_queries_and_keys_that_are_normalized_per_head(tmp_path: Path, form: str) -> None:
    """QK norm in front of a rotary embedding: rows of a head, whose channels change places in the Dense before."""
    f = File((1, T, C), opset=23)
    x, gamma = f.quant("in", 0.03), np.random.default_rng(6).uniform(0.5, 2, D)

    def normalized(y: str) -> str:
        return f.quant(f.node(form, y, f.const(gamma), axis=-1, epsilon=1e-6), 0.03)

    q, k = (turned(f, normalized(split(f, x, seed)), halves) for seed in (1, 2))
    imported = check(f.save(tmp_path, attended(f, q, k, split(f, x, 3))))
    assert [node.op.row for node in imported.graph if node.op.kind == "norm"] == [D, D]
    assert counts(imported)["dense"] == 3
