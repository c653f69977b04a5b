"""Masks that a file joins before they reach the scores, as exporters of transformers write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from float_files import check, joined, kinds, linear, refuse, scores
from mask_files import INT64, Hide, T, executed, file, places, samples
from onnx import TensorProto
from qonnx_files import File

import accel

BOOL, FLOAT = TensorProto.BOOL, TensorProto.FLOAT
CAUSAL = np.tril(np.ones((1, 1, T, T), dtype=bool))
WINDOW = (np.abs(np.subtract.outer(np.arange(T), np.arange(T))) < 3) | (np.arange(T) == 0)


def boolean(f: File, mask: str) -> str:
    return f.node("Cast", places(f, mask), to=BOOL)


def table(f: File, values: np.ndarray) -> str:
    return f.const(values, dtype=values.dtype)


def added(f: File, s: str, shown: str, number: float = -np.inf) -> str:
    return f.node("Add", s, f.node("Where", shown, f.const(0.0), f.const(number)))


def summed(f: File, s: str, mask: str) -> str:
    """(1 − mask) · −1e9, plus the causal mask."""
    m = f.node("Sub", f.const(1.0), f.node("Cast", places(f, mask), to=FLOAT))
    return f.node("Add", s, f.node("Add", f.node("Mul", m, f.const(-1e9)), f.const(np.where(CAUSAL, 0.0, -1e9))))


def both(f: File, s: str, mask: str) -> str:
    return added(f, s, f.node("And", boolean(f, mask), table(f, CAUSAL)))


def least(f: File, s: str, mask: str) -> str:
    m = f.node("Cast", places(f, mask), to=FLOAT)
    return added(f, s, f.node("Cast", f.node("Min", m, f.const(CAUSAL)), to=BOOL), -3.4e38)


def product(f: File, s: str, mask: str) -> str:
    """The first key and a window of others, chosen by a comparison."""
    m = f.node("Mul", f.node("Cast", places(f, mask), to=FLOAT), f.const(WINDOW))
    return f.node("Where", f.node("Equal", m, f.const(0.0)), f.const(-1e9), s)


def moved(f: File, s: str, mask: str) -> str:
    """Joined without the axis of the heads, which comes later."""
    m = f.node("And", f.node("Cast", f.node("Unsqueeze", mask, f.ints(1)), to=BOOL), table(f, CAUSAL[0]))
    m = f.node("Expand", f.node("Unsqueeze", m, f.ints(1)), f.ints(1, 1, T, T))
    return added(f, s, f.node("Slice", m, f.ints(0), f.ints(T), f.ints(3)))


def looked_at(f: File, s: str, mask: str) -> str:
    """As transformers' masks are traced: every place of the mask is gathered for every pair of tokens."""
    index = np.stack(np.broadcast_arrays(np.zeros((1, 1, T, T), dtype=np.int64), np.arange(T)), -1)
    m = f.node("GatherND", f.node("Cast", mask, to=BOOL), table(f, index))
    return added(f, s, f.node("And", m, table(f, CAUSAL)))


def prefix(f: File, s: str, mask: str) -> str:
    """The first keys are seen by all, others by later tokens: scores are hidden in two ways."""
    return added(f, s, f.node("Or", boolean(f, mask), table(f, CAUSAL)))


def queries_too(f: File, s: str, mask: str) -> str:
    """Padded queries see everything: a function of both that is no product."""
    m = f.node("Cast", f.node("Unsqueeze", mask, f.ints(1, 3)), to=BOOL)
    return added(f, s, f.node("Or", boolean(f, mask), f.node("Not", m)), -1e9)


HIDES: list[Hide] = [summed, both, least, product, moved, looked_at, prefix, queries_too]


@pytest.mark.parametrize("hide", HIDES)
def test_joined_masks_hide_keys_of_each_sample(tmp_path: Path, hide: Hide) -> None:
    path = file(tmp_path, hide)
    imported = check(path)
    x, mask = samples()
    found = accel.load(path).predict({"in": x, "mask": mask})
    expected = executed(path, x, mask)
    assert np.ptp(expected)
    assert np.abs(found - expected).max() <= 4 / 256
    assert kinds(imported).count("lookup") == (hide in (prefix, queries_too))


@pytest.mark.parametrize("join", ["And", "Or", "Xor", "Max", "Min", "Mul"])
def test_masks_that_come_in_are_joined(tmp_path: Path, join: str) -> None:
    """Every operator on two masks of their own, held to the executed file; each query sees itself."""
    f = File((1, T, 8))
    kind = BOOL if join in ("And", "Or", "Xor") else FLOAT
    a, b = (f.node("Cast", places(f, f.input(name, (1, T), INT64)), to=kind) for name in "ab")
    m = f.node("Or", f.node("Cast", f.node(join, a, b), to=BOOL), table(f, np.eye(T, dtype=bool)[None, None]))
    s = f.node("Where", m, scores(f, f.quant("in", 0.023), T, 8, 2), f.const(-1e9))
    path = f.save(tmp_path, joined(f, f.quant(f.node("Softmax", s, axis=-1), 1 / 256, signed=0)))
    check(path)
    rng = np.random.default_rng(0)
    x, (first, second) = rng.normal(size=(5, T, 8)).astype(np.float32), rng.integers(0, 2, (2, 5, T))
    found = accel.load(path).predict({"in": x, "a": first, "b": second})
    shown = {"Xor": first != second, "Or": first | second, "Max": first | second}.get(join, first & second)
    gone = ~(shown[:, None].astype(bool) | np.eye(T, dtype=bool))
    found = found.reshape(5, T, 2, T)
    assert (found[np.broadcast_to(gone[:, :, None], found.shape)] == 0).all()
    assert (found.sum(-1) > 0.9).all()


def test_a_joined_mask_of_an_attention_node(tmp_path: Path) -> None:
    f = File((1, T, 8), opset=23)
    m = f.node("And", f.node("Unsqueeze", f.input("mask", (1, T), BOOL), f.ints(1, 2)), table(f, CAUSAL))
    x = f.quant("in", 0.023)
    q, k, v = (f.quant(linear(f, x, 8, 8, seed), 0.031) for seed in (1, 2, 3))
    y = f.node("Attention", q, k, v, m, q_num_heads=2, kv_num_heads=2)
    assert "softmax" in kinds(check(f.save(tmp_path, f.quant(y, 0.02)), most=2))


def test_numbers_that_hide_nothing_are_refused(tmp_path: Path) -> None:
    """A bias that differs between elements and samples."""

    def biased(f: File, s: str, mask: str) -> str:
        bias = f.node("Mul", f.node("Exp", f.node("Cast", places(f, mask), to=FLOAT)), f.const(np.arange(T) + 1.0))
        return f.node("Add", s, f.node("Tanh", bias))

    refuse(file(tmp_path, biased), "float island")
