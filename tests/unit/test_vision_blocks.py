"""A vision transformer of Brevitas' own modules: structure and float meaning together, in both file formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from vision_blocks import OPSETS, SHAPE, export

from accel import onnx_import


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", OPSETS)
def test_every_operator_is_within_a_step_of_the_file(tmp_path: Path, form: str, packed: bool) -> None:
    imported = onnx_import.read(export(tmp_path, form, packed))
    kinds = [node.op.kind for node in imported.graph]
    assert imported.graph.input.shape == (16, 4)  # patches of 2 × 2
    assert (kinds.count("window"), kinds.count("softmax"), kinds.count("norm"), kinds.count("lookup")) == (2, 1, 3, 1)
    images = np.random.default_rng(0).normal(size=(6, *SHAPE)).astype(np.float32)
    found = onnx_import.deviations(imported, imported.samples(images))
    assert len(found) == 13
    for deviation in found:
        assert deviation.max_lsb <= 1, deviation
        assert deviation.differing <= 0.1, deviation
