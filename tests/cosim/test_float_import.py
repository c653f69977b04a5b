"""A block with float scales, softmax, norms and GELU, once it is integers: reference == C simulation == RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from float_blocks import export

from accel import onnx_import, reference
from hls import project, rtl, simulate


def test_every_edge_of_an_imported_float_block(tmp_path: Path) -> None:
    graph = onnx_import.load(export(tmp_path, tokens=4, channels=8, causal=True))
    x = np.random.default_rng(0).integers(graph.input.lo, graph.input.hi, (6, *graph.input.shape), endpoint=True)
    expected = reference.trace(graph, x)
    written = project.write(graph, tmp_path / "project")
    written.compile()
    edges = {"csim": written.trace(x), "rtl": simulate.run(rtl.lower(graph), x, trace=True).edges}
    for level, found in edges.items():
        assert graph.output in found
        for name, integers in found.items():
            np.testing.assert_array_equal(integers, expected[name], err_msg=f"{level}: {name}")
