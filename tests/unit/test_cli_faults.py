"""Full disks, graphs of other designs, locales without UTF-8: one line each, and nothing half-written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command import accel, assert_refused

from accel import storage
from accel.graph import Graph, Node
from accel.ops import Rescale
from accel.verbs.lower import lower


@pytest.fixture
def folders(tiny_graph: Graph, tmp_path: Path) -> Path:
    """A design and an HLS project whose graph was replaced by another one."""
    lower(tiny_graph, "rtl", tmp_path / "rtl")
    lower(tiny_graph, "vitis", tmp_path / "hls")
    more = Node("more", Rescale([1], 1, "half_even", -8, 7), (tiny_graph.output,))
    other = Graph("other", {tiny_graph.input_name: tiny_graph.input}, (*tiny_graph.nodes, more), "more")
    for name in ("rtl", "hls"):
        storage.save(other, tmp_path / name / "graph.accel")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ("simulate", "rtl"),
        ("simulate", "hls"),
        ("report", "rtl"),
        ("compare", "MODEL", "rtl"),
        ("compare", "MODEL", "hls"),
        ("bitstream", "rtl"),
        ("board", "serve", "ulx3s-85f", "rtl"),
        ("board", "run", "rtl", "--port", "virtual", "--input", "x.npy", "--out", "y.npy"),
        ("build", "hls"),
    ],
    ids=" ".join,
)
def test_a_graph_of_another_design_is_refused(
    folders: Path, tiny_model: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folders)
    np.save("x.npy", np.zeros((1, 3, 4)))
    before = sorted(folders.rglob("*"))
    result = accel(*(tiny_model if word == "MODEL" else word for word in arguments))
    assert_refused(result, "graph.accel is not the graph that", "`accel lower`")
    assert sorted(folders.rglob("*")) == before


def test_a_design_without_its_graph_can_still_be_built(tiny_graph: Graph, tmp_path: Path) -> None:
    from accel.design import Design

    lower(tiny_graph, "rtl", tmp_path / "rtl")
    (tmp_path / "rtl" / "graph.accel").unlink()
    assert Design.load(tmp_path / "rtl").graph


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("arguments", "breaks"),
    [
        (("lower", "MODEL", "--target", "rtl", "--out", "out"), "accel.files.os.replace"),
        (("lower", "MODEL", "--target", "vitis", "--out", "out"), "hls.projects.conversion.convert"),
        (("explore", "MODEL", "--points", "2", "--out", "out"), "accel.cli.explore.write"),
        (("report", "rtl"), "pathlib.Path.write_text"),
        (("board", "run", "rtl", "--input", "x.npy", "--out", "y.npy"), "accel.cli.board.run"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_full_disk_is_named_with_its_folder(
    tiny_graph: Graph,
    tiny_model: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    breaks: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    lower(tiny_graph, "rtl", "rtl")
    np.save("x.npy", np.zeros((1, 3, 4)))
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(breaks, full)
    result = accel(*(tiny_model if word == "MODEL" else word for word in arguments))
    monkeypatch.undo()
    assert_refused(result, f"no space left in {tmp_path}", ": free some there", code=2)
    assert ".accel-" not in result.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("verb", ["report", "doctor", "boards"])
def test_a_locale_without_utf8(tiny_graph: Graph, tmp_path: Path, verb: str) -> None:
    lower(tiny_graph, "rtl", tmp_path / "rtl")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    arguments = [str(tmp_path / "rtl")] if verb == "report" else []
    done = subprocess.run(
        [sys.executable, "-m", "accel", verb, *arguments], capture_output=True, env=os.environ | plain, check=False
    )
    assert done.returncode == 0, done.stderr
    if verb == "report":
        assert "×" in (tmp_path / "rtl" / "report.html").read_text(encoding="utf-8")
