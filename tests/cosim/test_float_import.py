"""Files of other people's models, once they are integers: reference == C simulation == RTL, on every edge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import float_blocks
import form_blocks
import numpy as np
import pytest
import vision_blocks

from accel import onnx_import, reference
from hls import rtl
from hls.projects import project
from hls.simulation import simulate


@pytest.mark.parametrize(
    "export",
    [
        pytest.param(lambda folder: float_blocks.export(folder, tokens=4, channels=8, causal=True), id="causal block"),
        pytest.param(vision_blocks.export, id="vision transformer"),
        pytest.param(form_blocks.export, id="rotary node, Where, norm with quantizers, pooling"),
    ],
)
def test_every_edge_of_an_imported_model(tmp_path: Path, export: Callable[[Path], Path]) -> None:
    graph = onnx_import.load(export(tmp_path))
    x = np.random.default_rng(0).integers(graph.input.lo, graph.input.hi, (6, *graph.input.shape), endpoint=True)
    expected = reference.trace(graph, x)
    written = project.write(graph, tmp_path / "project")
    written.compile()
    edges = {"csim": written.trace(x), "rtl": simulate.run(rtl.lower(graph), x, trace=True).edges}
    for level, found in edges.items():
        assert graph.output in found
        for name, integers in found.items():
            np.testing.assert_array_equal(integers, expected[name], err_msg=f"{level}: {name}")
