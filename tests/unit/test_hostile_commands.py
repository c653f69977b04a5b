"""Hostile files through the real command line, under limits; and that the harness notices what it is there for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hostile_files import OUT, Case, cases, examine, judge_all, summary
from qonnx_files import File
from sandbox import Limits, Sandbox


@cache
def every_case() -> list[Case]:
    return cases()


@pytest.mark.parametrize("files", [12, 40])
def test_a_subset_is_refused_clearly_or_harmless(files: int) -> None:
    chosen = every_case()[:: len(every_case()) // files]
    verdicts = list(judge_all(chosen))
    wrong = [f"{v.kind}: {v.case.name}: {v.text}" for v in verdicts if v.kind not in ("clear_error", "still_valid")]
    assert not wrong, "\n".join(wrong)
    found = summary(verdicts)
    assert found["files"] == found["clear_errors"] >= files // 2


@pytest.mark.slow
def test_all_are_refused_clearly_or_harmless() -> None:
    wrong = [v for v in judge_all(every_case()) if v.kind not in ("clear_error", "still_valid")]
    assert not wrong, "\n".join(f"{v.kind}: {v.case.name}: {v.text}" for v in wrong)


def test_there_are_enough_and_they_are_the_same_every_time() -> None:
    assert len(every_case()) >= 600
    names = [case.name for case in every_case()]
    assert len(set(names)) == len(names)
    again = {case.name: case for case in cases()}
    for case in every_case()[:: len(names) // 20]:
        assert _content(case) == _content(again[case.name])


def _content(case: Case) -> dict[str, bytes]:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        work = Path(name) / "work"
        work.mkdir()
        case.write(work)
        return {str(path.relative_to(work)): path.read_bytes() for path in work.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def small_box() -> Iterator[Sandbox]:
    with Sandbox(Limits(cpu_s=3, wall_s=8, memory=600 << 20)) as box:
        yield box


def model(last: str | None = None, scale: float = 0.5) -> bytes:
    """One Dense; behind it, perhaps an operator that nobody knows."""
    f = File()
    y = f.dense(f.quant("in", scale), np.arange(-8, 8).reshape(4, 4), 0.5)
    return bytes(f.proto(f.node(last, y) if last else y).SerializeToString())


def case(content: bytes, must_refuse: bool = False) -> Case:
    return Case("planted", lambda folder: _write(folder / "model.onnx", content), must_refuse=must_refuse)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("plant", "kind", "text"),
    [
        ("traceback", "traceback", "AssertionError: planted"),
        ("killed", "traceback", "exit code -6"),
        ("busy", "timeout", " s, "),
        ("asleep", "timeout", " s, "),
        ("greedy", "memory", " MB"),
        ("escape", "escape", "escaped"),
        ("leftover", "escape", "work/half"),
        ("overwrite", "escape", "work/model.onnx"),
        ("program", "escape", "os.system"),
        ("chatter", "unclear", "debug"),
    ],
)
def test_what_a_refused_file_must_not_do_is_noticed(small_box: Sandbox, plant: str, kind: str, text: str) -> None:
    refused = case(model("Mystery"), must_refuse=True)
    assert examine(small_box, refused).kind == "clear_error"
    verdict = examine(small_box, refused, f"hostile_plants:{plant}")
    assert (verdict.kind, text in verdict.text) == (kind, True), verdict


def test_what_was_accepted_wrongly_is_noticed(small_box: Sandbox) -> None:
    assert examine(small_box, case(model())).kind == "still_valid"
    assert examine(small_box, case(model(), must_refuse=True)).kind == "accepted"
    nan = case(model(scale=np.nan), must_refuse=True)
    assert examine(small_box, nan).kind == "clear_error"
    assert examine(small_box, nan, "hostile_plants:lenient").kind in ("accepted", "mismatch", "traceback")
    verdict = examine(small_box, case(model()), "hostile_plants:wrong")
    assert verdict.kind == "mismatch"
    assert "reference: layer" in verdict.text


def test_output_that_a_failed_command_leaves_is_noticed(small_box: Sandbox) -> None:
    lower = ("lower", "model.onnx", "--target", "rtl", "--out", OUT)
    check = ("check", "model.onnx", "--levels", "reference", "--seed", "x")
    fails_late = Case("late", lambda folder: _write(folder / "model.onnx", model()), (lower, check))
    verdict = examine(small_box, fails_late)
    assert verdict.kind == "escape"
    assert "out/made/design.json" in verdict.text
