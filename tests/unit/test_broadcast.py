"""Operands of different shapes, padding and rolling of tokens, and quantizers of their own for every reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from float_files import check, kinds, linear
from qonnx_files import File

T, C = 5, 6


def pooled(f: File, x: str) -> str:
    return f.quant(f.node("ReduceMean", x, f.ints(1)), 0.02)


def one_channel(f: File, x: str) -> str:
    return f.quant(f.node("Sigmoid", linear(f, x, C, 1, 7)), 1 / 255, signed=0)


def squeezed(f: File, x: str) -> str:
    """Squeeze and excitation: a gate of the whole sequence."""
    return f.quant(f.node("Sigmoid", linear(f, pooled(f, x), C, C, 8)), 1 / 255, signed=0)


def both(f: File, x: str) -> str:
    return f.quant(linear(f, pooled(f, x), C, 1, 9), 0.03)


@pytest.mark.parametrize("op", ["Mul", "Add", "Sub"])
@pytest.mark.parametrize("small", [pooled, one_channel, squeezed, both])
def test_a_smaller_operand_is_repeated(tmp_path: Path, small, op: str) -> None:
    f = File((1, T, C), opset=18)
    x = f.quant("in", 0.03)
    y = f.quant(linear(f, x, C, C, 1), 0.0313)
    check(f.save(tmp_path, f.quant(f.node(op, y, small(f, x)), 0.0417)))


@pytest.mark.parametrize(
    ("pads", "number"), [((0, 2, 0, 0, 1, 0), 0.0), ((0, 0, 1, 0, 0, 2), 0.5), ((0, -1, 0, 0, 2, 0), 0)]
)
def test_padding(tmp_path: Path, pads: tuple[int, ...], number: float) -> None:
    f = File((1, T, C), opset=18)
    x = f.quant(linear(f, f.quant("in", 0.03), C, C, 1), 0.05)
    y = f.node("Pad", x, f.ints(*pads), f.const(number))
    check(f.save(tmp_path, f.quant(y, 0.0517)))


def test_tokens_that_are_rolled(tmp_path: Path) -> None:
    f = File((1, T, C), opset=18)
    x = f.quant("in", 0.03)
    front, back = (f.node("Slice", x, f.ints(a), f.ints(b), f.ints(1)) for a, b in ((0, 2), (2, T)))
    y = f.node("Concat", back, front, axis=1)
    check(f.save(tmp_path, f.quant(linear(f, y, C, 4, 2), 0.05)))


def test_one_norm_for_readers_with_quantizers_of_their_own(tmp_path: Path) -> None:
    f = File((1, T, C), opset=18)
    n = f.node("LayerNormalization", f.quant("in", 0.03), f.const(np.ones(C)), axis=-1)
    parts = [f.quant(linear(f, f.quant(n, 0.02), C, C, seed), 0.03) for seed in range(3)]
    y = f.node("Add", f.node("Add", parts[0], parts[1]), parts[2])
    assert kinds(check(f.save(tmp_path, f.quant(y, 0.0613)))).count("norm") == 1
