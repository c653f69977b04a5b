"""Random graphs over all forms that import: nothing is wrong, and little is refused."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from import_judge import counted
from random_onnx import drawn

from accel.onnx_import.builder import Builder

BATCHES, EACH, REFUSED = 4, 125, 0.12
NIGHTLY, LARGE = 40, 500
SEVERAL = 60


@pytest.mark.parametrize("batch", range(BATCHES))
def test_what_imports_computes_what_the_file_computes(batch: int) -> None:
    kinds, reasons, wrong = counted(range(batch * EACH, (batch + 1) * EACH))
    assert not wrong
    assert kinds["refused"] <= REFUSED * EACH, reasons
    assert kinds["exact"] > EACH / 2


def test_several_inputs_are_those_of_the_file() -> None:
    """Streams, identifiers and masks; the file's own integers may be a step beyond an edge's range (seed 498)."""
    kinds, reasons, wrong = counted([*range(SEVERAL), 498], 2)
    assert not wrong
    assert kinds["refused"] <= REFUSED * SEVERAL, reasons
    assert kinds["exact"] > SEVERAL / 2


def test_the_judge_is_right_about_single_steps() -> None:
    """A product takes a step beyond an edge's range as it is (2209), and a step may be finer than float64 is (6921)."""
    _, _, wrong = counted([2209, 6921])
    assert not wrong


@pytest.mark.slow
def test_thousands_of_graphs_of_several_inputs() -> None:
    for inputs in (2, 3):
        _, _, wrong = counted(range(2000), inputs)
        assert not wrong


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(NIGHTLY))
def test_twenty_thousand_graphs(batch: int) -> None:
    _, _, wrong = counted(range(batch * LARGE, (batch + 1) * LARGE))
    assert not wrong


def test_operators_of_all_kinds_are_drawn(tmp_path: Path) -> None:
    found = {node.op_type for seed in range(80) for node in onnx.load(drawn(seed, 8, tmp_path)[0]).graph.node}
    assert {
        "MatMul", "Einsum", "Add", "Sub", "Mul", "Div", "Relu", "Softmax", "Where", "LayerNormalization", "Quant",
        "RMSNormalization", "BatchNormalization", "Slice", "Gather", "Split", "Concat", "Reshape", "Transpose",
        "Flatten", "ReduceMean", "ReduceSum", "QuantizeLinear", "Clip", "Sign", "Unsqueeze",
    } <= found  # fmt: skip


def test_a_seed_gives_one_file(tmp_path: Path) -> None:
    first, again = (drawn(7, 8, tmp_path)[0].read_bytes() for _ in range(2))
    assert first == again


def test_a_pending_relu_that_is_lost_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Builder, "settled", lambda self, edge: edge)
    _, _, wrong = counted(range(8))
    assert wrong
    assert "seed" in wrong[0]
