"""What a written HLS project holds besides its firmware: a README and a sample for the test bench."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from encoders import Shape, encoder

from accel import reference
from hls.projects import project
from hls.projects.backends import BACKENDS
from hls.projects.readme import text


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> project.Project:
    folder = tmp_path_factory.mktemp("hls") / "project"
    return project.write(encoder(Shape()), folder, part="xcku5p-ffvb676-2-e", clock_period_ns=4)


def test_the_test_bench_has_a_sample_and_its_right_answer(written: project.Project) -> None:
    graph = written.graph
    x, y = (
        np.loadtxt(written.folder / name, ndmin=2).astype(np.int64)
        for name in (project.BENCH_INPUTS, project.BENCH_OUTPUTS)
    )
    assert x.any()
    assert np.array_equal(reference.run(graph, x.reshape(-1, *graph.input.shape)).reshape(len(x), -1), y)


def test_the_top_functions_ports_are_x_and_y(written: project.Project) -> None:
    header = (written.folder / "firmware" / "accel_model.h").read_text(encoding="utf-8")
    ports = header[header.index("void accel_model(") :]
    assert "&x" in ports.replace("& ", "&")
    assert "&y" in ports.replace("& ", "&")
    assert "layer" not in ports.partition(");")[0]


def test_the_readme_says_what_to_run(written: project.Project) -> None:
    readme = (written.folder / "README.md").read_text(encoding="utf-8")
    assert "vitis-run --mode hls --tcl build_prj.tcl" in readme
    assert "xcku5p-ffvb676-2-e, 4 ns" in readme


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=lambda backend: backend.name)
def test_every_back_end_has_a_readme(backend, tmp_path: Path) -> None:
    assert "by hand with" in text(encoder(Shape()), backend, "y", backend.part, "io_parallel", 5)
