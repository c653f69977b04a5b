"""Convolutions in front of a transformer: windows that overlap, are padded, dilated or grouped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from float_files import check, linear, refuse
from qonnx_files import File


def conv(f: File, x: str, inputs: int, outputs: int, kernel: tuple[int, ...], seed: int = 0, **attributes) -> str:
    rng, group = np.random.default_rng(seed), attributes.get("group", 1)
    weight = rng.normal(size=(outputs, inputs // group, *kernel)) / np.sqrt(inputs // group * np.prod(kernel))
    step = np.abs(weight).max(axis=tuple(range(1, weight.ndim)), keepdims=True) / 127
    bias = f.const(rng.normal(size=outputs) / 4)
    return f.node("Conv", x, f.quant(f.const(weight), step), bias, kernel_shape=list(kernel), **attributes)


CASES = {
    "same": ((1, 3, 6), (3,), {"pads": [1, 1]}),
    "stride": ((1, 3, 8), (3,), {"pads": [1, 1], "strides": [2]}),
    "wide": ((1, 3, 12), (7,), {"pads": [2, 3], "strides": [4]}),
    "dilated": ((1, 3, 6), (3,), {"pads": [2, 2], "dilations": [2]}),
    "grouped": ((1, 4, 6), (3,), {"pads": [1, 1], "group": 2}),
    "image": ((1, 2, 4, 6), (3, 3), {"pads": [1, 1, 1, 1]}),
    "image stride": ((1, 2, 4, 8), (3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    "patches": ((1, 2, 4, 6), (2, 3), {"strides": [2, 3]}),
}


@pytest.mark.parametrize("case", CASES)
def test_one_convolution(tmp_path: Path, case: str) -> None:
    shape, kernel, attributes = CASES[case]
    f = File(shape, opset=18)
    y = f.quant(conv(f, f.quant("in", 0.03), shape[1], 4, kernel, **attributes), 0.02)
    y = f.node("Transpose", f.node("Reshape", y, f.ints(1, 4, -1)), perm=[0, 2, 1])
    check(f.save(tmp_path, f.quant(linear(f, y, 4, 3, 1), 0.02)))


def test_the_stem_of_whisper(tmp_path: Path) -> None:
    """Two convolutions with a GELU each, the second with stride 2, positions, a Dense."""
    f = File((1, 3, 8), opset=20)
    x = f.quant("in", 0.03)
    y = f.quant(f.node("Gelu", conv(f, x, 3, 4, (3,), 1, pads=[1, 1])), 0.02)
    y = f.quant(f.node("Gelu", conv(f, y, 4, 6, (3,), 2, pads=[1, 1], strides=[2])), 0.02)
    y = f.node("Add", f.node("Transpose", y, perm=[0, 2, 1]), f.const(np.random.default_rng(3).normal(size=(4, 6))))
    imported = check(f.save(tmp_path, f.quant(linear(f, f.quant(y, 0.03), 6, 5, 4), 0.02)))
    assert imported.graph.input.shape == (4, 6)


def test_a_convolution_that_leaves_no_whole_patches_is_refused(tmp_path: Path) -> None:
    f = File((1, 3, 8), opset=18)
    y = f.quant(conv(f, f.quant("in", 0.03), 3, 4, (3,)), 0.02)
    refuse(
        f.save(tmp_path, f.node("Transpose", y, perm=[0, 2, 1])), "makes 6 columns of 8 with stride 1; pad it so that"
    )
