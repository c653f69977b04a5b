"""The files in examples/ do what they say, and their networks import as their docstrings promise."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from accel import onnx_import

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str) -> ModuleType:
    spec = spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> onnx_import.Imported:
    path = tmp_path_factory.mktemp("example") / "block.onnx"
    example("brevitas_block").export(str(path))
    return onnx_import.read(path)


def test_the_block_imports_with_all_its_operators(block: onnx_import.Imported) -> None:
    kinds = [node.op.kind for node in block.graph]
    assert {kind: kinds.count(kind) for kind in ("softmax", "norm", "matmul", "dense")} == {
        "softmax": 1, "norm": 2, "matmul": 2, "dense": 8,
    }  # fmt: skip


def test_every_operator_of_the_block_is_within_a_step(block: onnx_import.Imported) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(block.graph.input.lo, block.graph.input.hi, (4, *block.graph.input.shape), endpoint=True)
    found = onnx_import.deviations(block, x)
    assert len(found) > 10
    assert max(deviation.max_lsb for deviation in found) <= 1


def test_the_widths_are_those_that_are_asked_for() -> None:
    from accel import brevitas

    assert brevitas.attention(bits=6, weight_bits=4)["in_proj_weight_quant"].bit_width == 4
    assert brevitas.attention(bits=6)["attn_output_weights_quant"].bit_width == 6
    assert brevitas.activation(5)["act_quant"].bit_width == 5
