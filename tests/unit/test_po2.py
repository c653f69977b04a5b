"""Scales rounded to powers of two at import."""

import float_blocks
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from accel import onnx_import
from accel.onnx_import.po2 import power_of_two, with_powers_of_two


def test_the_next_power_of_two():
    scales = np.array([1.0, 0.9, 1.1, 2.0**-20, 3.0], dtype=np.float32)
    assert power_of_two(scales).tolist() == [1.0, 1.0, 2.0, 2.0**-20, 4.0]


@pytest.mark.parametrize(("dtype", "zero"), [(np.int8, 0), (np.uint8, 128)])
def test_stored_weights_keep_their_values_within_half_a_step(dtype, zero):
    rng = np.random.default_rng(0)
    stored = (rng.integers(-100, 100, (4, 3)) + zero).astype(dtype)
    scale, offset = np.array([0.011, 0.5, 0.03], dtype=np.float32), np.full(3, zero, dtype=dtype)
    constants = {"w": stored, "s": scale, "z": offset}
    graph = helper.make_graph(
        [helper.make_node("DequantizeLinear", ["w", "s", "z"], ["y"], axis=1)],
        "stored", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, (4, 3))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    rounded = with_powers_of_two(helper.make_model(graph))
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in rounded.graph.initializer}
    w, s, _ = (found[name] for name in rounded.graph.node[0].input)
    assert s.tolist() == [2.0**-6, 0.5, 2.0**-5]
    assert w.dtype == dtype
    real = (w.astype(float) - zero) * s
    assert (np.abs(real - (stored.astype(float) - zero) * scale) <= s / 2).all()


def multiplied(graph):
    """Rescales that are more than shifts, which may differ per channel."""
    return sum((n.op.multiplier.wide() & (n.op.multiplier.wide() - 1)).any() for n in graph if n.op.kind == "rescale")


def test_a_file_with_float_scales_becomes_shifts_and_says_what_that_costs(tmp_path):
    path = float_blocks.export(tmp_path)
    original, rounded = onnx_import.read(path), onnx_import.read(path, po2_scales=True)
    assert multiplied(original.graph) > 5
    assert multiplied(rounded.graph) == 2  # 1 / sqrt(8) of the scores, and the range of GELU's table: no quantizers'
    spec = rounded.graph.input
    assert power_of_two(np.array(spec.scale)) == spec.scale
    x = np.random.default_rng(0).integers(spec.lo, spec.hi + 1, (8, *spec.shape))
    found = onnx_import.rounding(rounded, original, x)
    assert 0 < found.mean < found.largest < 0.5
    assert onnx_import.rounding(original, original, x).largest < found.largest
