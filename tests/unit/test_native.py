"""The compiled reference: what a library depends on, products of 8 bits of every kind, threads that share samples."""

from __future__ import annotations

import numpy as np
import pytest
from encoders import Shape, encoder, samples

from accel import reference
from accel.building import Builder, Edge
from accel.constants import Constant
from accel.graph import Graph, Node
from accel.ops import BlockFloat, Dense, Divide, Exponential, MatMul, Window
from accel.ops.dense.packed import pack
from accel.ops.exponential.op import table
from accel.reference import native
from accel.reference.edges import storage
from accel.reference.kernels import kernel, source
from accel.rows import Rows
from accel.tensor import Tensor


def test_libraries_depend_neither_on_weights_nor_on_layers() -> None:
    """Every edge of the encoder has one range whatever its weights are, so only their values differ."""
    first, second, deeper = (_code(encoder(Shape(layers=layers), seed)) for layers, seed in ((1, 1), (1, 2), (4, 3)))
    assert first == second
    assert first == deeper


@pytest.mark.parametrize("march", ["native", "haswell", "x86-64"])
def test_products_of_8_bits_are_exact_at_their_extremes(march: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two products of the largest operands exceed 16 bits, where some instructions saturate."""
    flags = tuple(flag.replace("=native", f"={march}") for flag in native.FLAGS)
    monkeypatch.setattr(native, "FLAGS", flags)
    graph = _extreme()
    x = np.concatenate([np.full((2, 5, 7), end) for end in (-128, 127)] + [samples(graph, 9)])
    found = native.Native(graph).run({graph.input_name: x}, tuple(graph.tensors))
    expected = reference.trace(graph, x)
    assert all(np.array_equal(found[name], expected[name]) for name in graph.tensors)


@pytest.mark.parametrize("march", ["native", "haswell", "x86-64"])
def test_factors_of_groups_are_found_and_exact(march: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of 4 and 8 bits with and without offsets, rows of few and of many bits, shared by threads."""
    import torch

    flags = tuple(flag.replace("=native", f"={march}") for flag in native.FLAGS)
    monkeypatch.setattr(native, "FLAGS", flags)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    graph = _grouped()
    assert [kernel(graph, node).path for node in graph] == ["dense/native_grouped.h"] * 4
    x = samples(graph, 3, 1)
    x[0] = x[0] >> 12 << 12  # one exponent in a row, as a BlockFloat leaves it
    x[1, :3] = [[0], [graph.input.lo], [graph.input.hi]]
    expected = reference.trace(graph, x)
    found = native.Native(graph).run({graph.input_name: x}, tuple(graph.tensors))
    assert all(np.array_equal(found[name], expected[name]) for name in graph.tensors)
    decoder = reference.decode(graph, device="native")
    for end in (1, 6, 7):
        rows = decoder.trace(x[:, decoder.tokens : end])
        assert all(np.array_equal(rows[name], expected[name][:, end - rows[name].shape[1] : end]) for name in rows)


@pytest.mark.parametrize("march", ["native", "haswell", "x86-64"])
def test_rows_with_exponents_of_groups_are_exact(march: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mantissas of 8 to 16 bits with exponents that lie closely and far apart, and edges of 32 and 64 bits."""
    flags = tuple(flag.replace("=native", f"={march}") for flag in native.FLAGS)
    monkeypatch.setattr(native, "FLAGS", flags)
    graph = _blocks()
    dense = [kernel(graph, node).path for node in graph if node.op.kind == "dense"]
    assert dense == ["dense/native_grouped.h"] * 12
    rng = np.random.default_rng(1)
    size = rng.integers(0, 41, (4, 5, 24)).repeat(16, axis=2)
    size[1], size[2] = size[1] // 3, np.where(size[2] > 20, 38, 0)
    x = np.clip(rng.integers(-(1 << 40), 1 << 40, size.shape) >> (40 - size), graph.input.lo, graph.input.hi)
    x[3, :2] = [[graph.input.lo], [graph.input.hi]]
    found = native.Native(graph).run({graph.input_name: x}, tuple(graph.tensors))
    expected = reference.trace(graph, x)
    assert all(np.array_equal(found[name], expected[name]) for name in graph.tensors)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("heads", [(1, 1, 20), (6, 2, 16), (4, 4, 13), (8, 1, 4)])
def test_attention_over_many_keys(heads: tuple[int, int, int], threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows one by one and together, keys and values of 8 bits and of more; long enough that threads share a row."""
    import torch

    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    graph = _attention(*heads)
    paths = [kernel(graph, node).path for node in graph if node.op.kind == "dense"]
    assert "dense/native_sums.h" in paths
    assert [storage(graph, name).channels for name in ("q", "k", "v")] == [1, heads[2], heads[2]]
    x = samples(graph, 2, 3)
    expected = reference.trace(graph, x)
    decoder = reference.decode(graph, device="native")
    for end in (1, 2, 70, 75, 76, 300):
        first = decoder.tokens
        rows = decoder.trace(x[:, first:end])
        for name, how in decoder.rows.items():
            width = -1 if how is Rows.SCORES else expected[name].shape[2]
            for t in range(first, end):
                row, want = (
                    values.reshape(2, heads[0], -1)[:, :, : t + 1] if width < 0 else values
                    for values in (rows[name][:, t - first], expected[name][:, t])
                )
                assert np.array_equal(row, want), (name, t)
    found = native.Native(graph).run({graph.input_name: x}, tuple(graph.tensors))
    assert all(np.array_equal(found[name], expected[name]) for name in graph.tensors)


@pytest.mark.parametrize("weight", [4095 * np.eye(64, dtype=int), np.arange(64 * 40).reshape(64, 40)])
def test_other_weights_have_no_packed_form(weight: np.ndarray) -> None:
    """Offsets of q beyond 16 bits, and rows that end within a group."""
    weight = weight if weight.shape[1] % 32 else weight + 30000 * np.arange(64)[:, None] ** 2
    assert pack(Constant(weight), Constant(np.zeros(64, int))) is None


def test_threads_share_the_rows_of_few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    graph = _extreme()
    monkeypatch.setattr(native, "SHARED", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    for count in (1, 2, 4):
        x = samples(graph, count, count)
        found = native.compiled(graph).run({graph.input_name: x}, tuple(graph.tensors))
        expected = reference.trace(graph, x)
        assert all(np.array_equal(found[name], expected[name]) for name in graph.tensors)


def _code(graph: Graph) -> str:
    kernels = {one.code: one for one in (kernel(graph, node) for node in graph)}
    return source([kernels[code] for code in sorted(kernels)])


def _grouped() -> Graph:
    """Matrices in series of inputs of 32 with factors, side by side; 37 outputs are no whole blocks."""
    rng, build = np.random.default_rng(0), Builder()
    x = build.input(Tensor((7, 96), -(1 << 29), (1 << 29) - 1), "x")
    ends: list[Edge] = []
    for bits, signed in ((4, False), (4, True), (8, False), (8, True)):
        lo = -(1 << (bits - 1)) if signed else 0
        q = rng.integers(lo, lo + (1 << bits), (37, 3, 32))
        q[:, :, 0], q[:, :, 1] = lo, lo + (1 << bits) - 1
        offset = 0 if signed else rng.integers(-2000, 100, (37, 3, 1))
        weight = (q * rng.integers(1, 120, (37, 3, 1)) + offset).reshape(37, 96)
        ends.append(build.add(Dense(weight, rng.integers(-9, 9, 37)), x, scale=1.0, name=f"y{len(ends)}"))
    return build.graph(ends, "grouped")


def _blocks() -> Graph:
    """Matrices of 4 and 8 bits that read blocks of 16 to 128 inputs."""
    rng, build = np.random.default_rng(0), Builder()
    x = build.input(Tensor((5, 384), -(1 << 40), (1 << 40) - 1), "x")
    narrow = build.requantize(x, 2.0**10, (-(1 << 30) - 5, (1 << 31) - 1), "floor", "narrow")
    ends: list[Edge] = []
    for edge in (x, narrow):
        for group, bits in ((16, 8), (32, 8), (32, 14), (64, 10), (128, 16), (0, 10)):
            q = rng.integers(0, 16 if group % 64 else 256, (19, 12, 32))
            q[:, :, 0], q[:, :, 1] = 0, q.max() if group % 64 else 255
            weight = (q * rng.integers(1, 100, (19, 12, 1)) + rng.integers(-2000, 100, (19, 12, 1))).reshape(19, -1)
            block = build.add(BlockFloat(bits, group), edge, scale=edge.scale, name=f"x{len(ends)}")
            ends.append(
                build.add(Dense(weight, rng.integers(-9, 9, 19)), block, scale=edge.scale, name=f"y{len(ends)}")
            )
    return build.graph(ends, "blocks")


def _attention(heads: int, kv_heads: int, size: int) -> Graph:
    """Causal attention of 300 tokens whose softmax divides behind the values."""
    tokens, rng, build = 300, np.random.default_rng(0), Builder()
    x = build.input(Tensor((tokens, 24), -99, 99), "x")
    q, k, v = (
        build.add(BlockFloat(bits, size), dense, scale=1.0, name=name)
        for name, count, bits in (("q", heads, 12), ("k", kv_heads, 8), ("v", kv_heads, 8))
        for dense in [
            build.add(
                Dense(rng.integers(-9, 9, (count * size, 24)), np.zeros(count * size)), x, scale=1.0, name=f"{name}_"
            )
        ]
    )
    scores = build.add(MatMul(heads, "scores", kv_heads), q, k, scale=1.0, name="scores")
    narrow = build.requantize(scores, 2.0**16, (-(1 << 15), (1 << 15) - 1), "half_up", "narrow")
    shares = build.add(Exponential(tokens, table(1 / 16, 12, 4096), causal=1), narrow, name="shares")
    ones = np.repeat(np.eye(heads, dtype=np.int64), tokens, axis=1)
    sums = build.add(Dense(ones, np.zeros(heads, np.int64)), shares, name="sums")
    values = build.add(MatMul(heads, "values", kv_heads), shares, v, scale=1.0, name="values")
    divide = Divide.of(build.tensor(sums), 2, -(1 << 15), (1 << 15) - 1, least=11)
    return build.graph(build.add(divide, values, sums, scale=1.0, name="mixed"), "attention")


def _extreme() -> Graph:
    """Weights of −128 and 127 in an odd shape, products of two edges, and constants beside a sequence."""
    rng = np.random.default_rng(0)
    weight = np.where(rng.random((37, 7)) < 0.5, -128, 127)
    weight[0], weight[1] = -128, 127
    nodes = (
        Node("y", Dense(weight, rng.integers(-9, 9, 37)), ("x",)),
        Node("scores", MatMul(1, "scores"), ("x", "x")),
        Node("cut", Window(2, np.zeros((5, 5), int)), ("scores",)),
        Node("values", MatMul(1, "values"), ("cut", "y")),
    )
    return Graph("extreme", {"x": Tensor((5, 7), -128, 127)}, nodes, ("values",))
