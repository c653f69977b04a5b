"""Random graphs of ONNX's operators: what imports has to compute what ONNX Runtime computes."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from random_onnx import drawn, judged, verdicts

BATCHES, EACH = 4, 125
NIGHTLY, LARGE = 40, 500


def hold(seeds: range) -> None:
    found = list(verdicts(seeds))
    wrong = [verdict for verdict in found if verdict.kind == "wrong"]
    assert not wrong, "\n".join(map(str, wrong))
    assert sum(verdict.kind != "refused" for verdict in found) > 0.8 * len(found)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_what_imports_is_right(batch: int) -> None:
    hold(range(batch * EACH, (batch + 1) * EACH))


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(NIGHTLY))
def test_what_imports_is_right_in_twenty_thousand_graphs(batch: int) -> None:
    hold(range(batch * LARGE, (batch + 1) * LARGE))


def test_operators_of_all_kinds_are_drawn() -> None:
    found = {node.op_type for seed in range(200) for node in drawn(seed).judge.graph.node}
    assert {
        "MatMul", "Add", "Sub", "Mul", "Div", "Relu", "Softmax", "Where", "LayerNormalization", "RMSNormalization",
        "Slice", "Gather", "Split", "Concat", "Reshape", "Transpose", "ReduceMean", "Flatten", "QuantizeLinear", "Clip",
    } <= found  # fmt: skip


def test_a_wrong_result_is_noticed() -> None:
    """Files whose real constants are larger than the judge's by 30 % are wrong by more than any allowance."""
    noticed = 0
    for seed in range(30):
        case = drawn(seed)
        wrong = onnx.ModelProto()
        wrong.CopyFrom(case.model)
        for constant in wrong.graph.initializer:
            array = onnx.numpy_helper.to_array(constant)
            if array.dtype == np.float32 and np.abs(array).max(initial=0) < 1e9:
                constant.CopyFrom(
                    onnx.numpy_helper.from_array((array * np.float32(1.3)).astype(np.float32), constant.name)
                )
        noticed += judged(replace(case, model=wrong)).kind == "wrong"
    assert noticed >= 10


def test_a_seed_gives_one_case() -> None:
    assert drawn(7).model == drawn(7).model
