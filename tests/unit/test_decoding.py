"""A causal graph token by token: every edge equals the whole sequence's, or the graph is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import random_blocks
import random_causal
import torch

from accel import reference
from accel.building import Builder
from accel.errors import UserError
from accel.graph import Graph, Node
from accel.op import Op
from accel.ops import Add, Dense, Embedding, MatMul, Mul, Pool, Position, Rescale, Rotary, Softmax, Window
from accel.ops.softmax.op import exp_table
from accel.reference import decoding, generation, native
from accel.reference.sequences import shared
from accel.tensor import Tensor

FEW, MANY = range(40), range(40, 400)
TOKENS = 4


def samples(graph: Graph, seed: int) -> np.ndarray:
    return random_blocks.samples(graph.input, np.random.default_rng(seed))


def decoded_wrong(graph: Graph, seed: int, device: str = "cpu") -> str:
    x, steps = samples(graph, seed), random_causal.steps(graph.input.tokens, seed)
    return random_causal.difference(graph, reference.decode(graph, device=device), x, steps)


def check_causal(seeds: Sequence[int], device: str = "cpu") -> None:
    wrong = {seed: found for seed in seeds if (found := decoded_wrong(random_causal.causal(seed), seed, device))}
    assert not wrong


def check_loose(seeds: range) -> None:
    decoded = 0
    for seed in seeds:
        graph = random_causal.loose(seed)
        try:
            reference.decode(graph)
        except UserError:
            continue
        decoded += 1
        assert not decoded_wrong(graph, seed), seed
    assert len(seeds) // 8 < decoded < len(seeds)


def test_random_causal_graphs() -> None:
    check_causal(FEW)


def test_random_graphs_are_decoded_right_or_refused() -> None:
    check_loose(FEW)


def test_more_random_graphs() -> None:
    check_causal(MANY)
    check_loose(MANY)


@pytest.mark.parametrize(
    "seeds",
    [
        range(2),
        range(2, 12),
        pytest.param(range(12, 212), marks=pytest.mark.slow),
    ],
)
def test_compiled_random_causal_graphs(seeds: range) -> None:
    check_causal(seeds, "native")


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_compiled_rows_in_parts(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than go through the graph together."""
    monkeypatch.setattr(native, "ROWS", rows)
    for seed in range(2):
        graph = random_causal.causal(seed)
        x, steps = samples(graph, seed), [graph.input.tokens]
        assert not random_causal.difference(graph, reference.decode(graph, device="native"), x, steps)


def test_edges_share_memory_when_nothing_reads_them_any_more() -> None:
    places, lines = shared([2, 3, 2, 1, 4], [(0, 2), (1, 2), (2, 3), (3, 9), (4, 9)])
    assert (places, lines) == ([0, 2, 5, 0, 1], 7)


@pytest.mark.parametrize("op", [Position, Rotary, Softmax])
def test_rows_at_another_place_are_found(op: type[Op], monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison fails when an operator takes every row for the first."""
    right = op.evaluate_rows
    monkeypatch.setattr(op, "evaluate_rows", lambda self, first, tokens, *inputs: right(self, 0, tokens, *inputs))
    assert any(decoded_wrong(random_causal.causal(seed), seed) for seed in range(12))


def test_an_edge_that_is_not_kept_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding._Torch, "_remember", lambda self, name, first, end: None)
    assert any(decoded_wrong(random_causal.causal(seed), seed) for seed in range(3))


@pytest.fixture
def graph() -> Graph:
    return attention(Softmax(TOKENS, 8, exp_table(1 / 8, 8, 256), 1))


def attention(*between: Op) -> Graph:
    """x as queries, keys and values; `between` scores and values."""
    nodes = [
        Node("scores", MatMul(1, "scores"), ("x", "x")),
        Node("logits", Rescale([1], 3, "floor", -50, 50), ("scores",)),
    ]
    for number, op in enumerate(between):
        nodes.append(Node(f"between{number}", op, (nodes[-1].name,)))
    nodes.append(Node("context", MatMul(1, "values"), (nodes[-1].name, "x")))
    return Graph("attention", {"x": Tensor((TOKENS, 3), -7, 9)}, tuple(nodes), "context")


def ended(graph: Graph, op: Op) -> Graph:
    return replace(graph, nodes=(*graph.nodes, Node("end", op, (graph.output,))), outputs="end")


def test_what_needs_later_tokens_is_refused(graph: Graph) -> None:
    shares = graph.nodes[2].op
    square = np.ones((TOKENS, TOKENS), np.int64)
    for refused, text in (
        (
            ended(graph, Pool()),
            r"attention cannot go token by token: node 'end' \(pool\): a sum over tokens needs all of them",
        ),
        (ended(graph, Window(-1, np.zeros((TOKENS, 3)))), r"node 'end' \(window\): a window of the sequence"),
        (attention(replace(shares, causal=0)), r"node 'between0' \(softmax\): it looks at scores of later tokens"),
        (attention(), r"node 'context' \(matmul\): it adds up values of later tokens"),
        (attention(shares, Position(square)), r"node 'context' \(matmul\): it adds up values of later tokens"),
        (attention(Dense(square, square[0]), shares), r"node 'between0' \(dense\): it mixes scores of earlier tokens"),
        (replace(graph, nodes=graph.nodes[:2], outputs="logits"), "output 'logits' has scores of later tokens"),
    ):
        with pytest.raises(UserError, match=text):
            reference.decode(refused)


def test_masks_by_tables_are_causal() -> None:
    """Attention without a Softmax: a product with zeros for later keys, for all heads or for each."""
    ones = np.ones((TOKENS, TOKENS), np.int64)
    for gate, causal in ((np.tril(ones), True), (np.tril(ones, 1), False), (ones, False)):
        graph = attention(Rotary(gate, 0 * gate))
        if causal:
            assert not decoded_wrong(graph, 0)
        else:
            with pytest.raises(UserError, match="it adds up values of later tokens"):
                reference.decode(graph)


@pytest.mark.parametrize("device", ["cpu", "native"])
def test_it_goes_on_from_any_token(graph: Graph, device: str) -> None:
    x, decoder = samples(graph, 0), reference.decode(graph, device=device)
    expected = reference.run(graph, x)
    np.testing.assert_array_equal(decoder.append(x[:, :3]), expected[:, :3])
    assert decoder.rewind(x[:, :1]) == 0
    decoder.append(x[:, :3])
    other = x.copy()
    other[-1, 2] = np.where(other[-1, 2] == graph.input.lo, graph.input.lo + 1, graph.input.lo)
    assert decoder.rewind(other) == 2
    assert decoder.rewind(x[:, :2]) == 1
    np.testing.assert_array_equal(decoder.append(x[:, 1:]), expected[:, 1:])
    assert decoder.tokens == TOKENS
    decoder.restart()
    np.testing.assert_array_equal(decoder.append(x[:2]), expected[:2])  # another number of samples
    decoder.restart()
    np.testing.assert_array_equal(decoder.append(x[:2, :3], last=True), expected[:2, 2:3])  # a prompt
    np.testing.assert_array_equal(decoder.append(x[:2, 3:]), expected[:2, 3:])


@pytest.mark.parametrize("device", ["cpu", "native"])
def test_several_inputs_and_outputs_by_name(device: str) -> None:
    build = Builder()
    x, gate = build.input(Tensor((TOKENS, 3), -7, 9), "x"), build.input(Tensor((TOKENS, 3), 0, 5), "gate")
    gated = build.add(Mul(), x, gate)
    logits = build.add(Rescale([1], 3, "floor", -50, 50), build.add(MatMul(1, "scores"), gated, x))
    shares = build.add(Softmax(TOKENS, 8, exp_table(1 / 8, 8, 128), 1), logits)
    graph = build.graph([build.add(MatMul(1, "values"), shares, gated), gated], "gated")
    rng = np.random.default_rng(4)
    given = {name: rng.integers(spec.lo, spec.hi + 1, (5, *spec.shape)) for name, spec in graph.inputs.items()}
    expected, decoder = reference.run(graph, given), reference.decode(graph, device=device)
    for rows in (slice(0, 2), slice(2, 3), slice(3, 4)):
        got = decoder.append({name: array[:, rows] for name, array in given.items()})
        assert list(got) == list(graph.outputs)
        for name, array in got.items():
            np.testing.assert_array_equal(array, expected[name][:, rows])
    decoder.restart()
    with pytest.raises(UserError, match=r"got arrays 'x', expected 'x', 'gate'"):
        decoder.append({"x": given["x"]})
    with pytest.raises(UserError, match=r"input shape is \(5, 1, 3\), expected"):
        decoder.append({"x": given["x"], "gate": given["gate"][:, :1]})


def test_unfit_tokens_are_refused(graph: Graph) -> None:
    x, decoder = samples(graph, 0), reference.decode(graph)
    with pytest.raises(UserError, match=r"input shape is \(8, 3\), expected \(samples, new tokens, 3\)"):
        decoder.append(x[:, 0])
    with pytest.raises(UserError, match=r"input shape is \(8, 0, 3\)"):
        decoder.append(x[:, :0])
    with pytest.raises(UserError, match=r"input values 10\.\.10 leave the declared range -7\.\.9"):
        decoder.append(np.full((1, 1, 3), 10))
    decoder.append(x[:, :3])
    with pytest.raises(UserError, match="2 samples after 8 of them: restart to begin with others"):
        decoder.append(x[:2, 3:])
    with pytest.raises(UserError, match="2 tokens after 3: attention has 4; restart"):
        decoder.append(x[:, :2])
    with pytest.raises(UserError, match="4 tokens cannot be kept of 3"):
        decoder.restart(4)
    with pytest.raises(UserError, match="device 'mars' is not usable"):
        reference.decode(graph, device="mars")


def language() -> Graph:
    """Seven words, five tokens; a word's row is added to what its attention finds."""
    rng, build = np.random.default_rng(8), Builder()
    x = build.add(Embedding(rng.integers(-40, 40, (7, 6))), build.input(Tensor((5, 1), 0, 6)))
    x = build.add(Position(rng.integers(-20, 20, (5, 6))), x)
    logits = build.add(Rescale([1], 4, "floor", -128, 127), build.add(MatMul(2, "scores"), x, x))
    shares = build.add(Softmax(5, 8, exp_table(1 / 16, 8, 256), 1), logits)
    mixed = build.add(Add([256, 1]), x, build.add(MatMul(2, "values"), shares, x))
    return build.graph(build.add(Dense(rng.integers(-7, 8, (7, 6)), rng.integers(-99, 99, 7)), mixed), "language")


@pytest.mark.parametrize("device", ["cpu", "native"])
def test_generated_text_is_that_of_whole_sequences(device: str) -> None:
    """Also when it is longer than the graph, which then sees the last tokens."""
    graph = language()
    for prompt in ([3], [6, 0, 2], [1, 2, 3, 4, 5, 6, 0]):
        text = list(prompt)
        for _ in range(9):
            seen = text[-5:]
            x = np.array(seen + [0] * (5 - len(seen)))[None, :, None]
            text.append(int(reference.run(graph, x)[0, len(seen) - 1].argmax()))
        assert [*prompt, *generation.generate(graph, prompt, 9, device=device)] == text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_random_causal_graphs_on_a_gpu() -> None:
    check_causal(FEW, "cuda")
