"""The largest table that a Lookup has: every entry in RTL and in C simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from accel import reference
from accel.building import Builder
from accel.ops import Lookup
from accel.tensor import Tensor
from hls import rtl
from hls.projects import project
from hls.simulation import simulate


def test_sixteen_bits(tmp_path: Path) -> None:
    every = np.random.default_rng(0).permutation(1 << 16) - (1 << 15)
    built = Builder()
    x = built.input(Tensor((256, 16), -(1 << 15), (1 << 15) - 1))
    graph = built.graph(built.add(Lookup(every, -(1 << 15)), x))
    x = np.arange(-(1 << 15), 1 << 15).reshape(16, 256, 16)
    expected = reference.run(graph, x)
    assert sorted(expected.reshape(-1)) == sorted(every)
    np.testing.assert_array_equal(simulate.run(rtl.lower(graph), x).outputs, expected)
    written = project.write(graph, tmp_path / "project", io_type="io_stream")
    written.compile()
    np.testing.assert_array_equal(written.predict(x), expected)
