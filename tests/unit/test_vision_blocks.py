"""A vision transformer of Brevitas' own modules: structure and float meaning together, in both file formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from vision_blocks import OPSETS, SHAPE, export

from accel import onnx_import
from accel.errors import UnsupportedModel


@pytest.mark.parametrize(
    ("packed", "dynamo"), [(False, False), (True, False), (False, True)], ids=["", "packed", "dynamo"]
)
@pytest.mark.parametrize("form", OPSETS)
def test_every_operator_is_within_a_step_of_the_file(tmp_path: Path, form: str, packed: bool, dynamo: bool) -> None:
    """Of both of torch's exporters; dynamo exports no quantizers within packed projections."""
    imported = onnx_import.read(export(tmp_path, form, packed, dynamo))
    kinds = [node.op.kind for node in imported.graph]
    assert imported.graph.input.shape == (16, 4)  # patches of 2 × 2
    assert (kinds.count("window"), kinds.count("softmax"), kinds.count("norm"), kinds.count("lookup")) == (2, 1, 3, 1)
    images = np.random.default_rng(0).normal(size=(6, *SHAPE)).astype(np.float32)
    found = onnx_import.deviations(imported, imported.samples(images))
    assert len(found) == 13
    for deviation in found:
        assert deviation.max_lsb <= 1, deviation
        assert deviation.differing <= 0.1, deviation


def test_quantizers_that_dynamo_writes_out_are_refused(tmp_path: Path) -> None:
    path = export(tmp_path, packed=True, dynamo=True)
    with pytest.raises(
        UnsupportedModel, match=r"its quantizers are written out \(Round\); export with .* dynamo=False"
    ):
        onnx_import.read(path)
