"""Arguments that are no files, or not the right ones: one line each, for every verb, and nothing is written."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from command import PREFIX, accel, assert_refused

READERS = {
    "check": (),
    "lower": ("--target", "rtl", "--out", "out"),
    "explore": ("--out", "out"),
    "export": ("--out", "out"),
    "simulate": (),
    "report": (),
    "bitstream": ("--out", "out"),
    "board serve": (),
    "board program": (),
}
"""Verbs that read what their first argument names."""
PATHS = ("folder", "empty", "binary", "-", "none", "a/b", "binary/x", "x" * 300, "loop", "a\x1b[2Jb\u202e", "pipe")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with files and folders of every wrong kind."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(*arguments: object) -> str:
    """The one line with which `accel` refuses, printable and without a remark beside it."""
    result = accel(*arguments)
    assert result.exit_code in (1, 2), result.output
    assert not isinstance(result.exception, Exception)
    assert result.stdout == ""
    assert result.stderr.startswith(PREFIX)
    assert result.stderr.removesuffix("\n").isprintable()
    return result.stderr


@pytest.mark.parametrize("path", PATHS, ids=ascii)
@pytest.mark.parametrize("verb", READERS)
def test_what_cannot_be_read(here: Path, verb: str, path: str) -> None:
    before = sorted(here.rglob("*"))
    assert refusal(*verb.split(), *READERS[verb], "--", path)
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("path", PATHS, ids=ascii)
def test_samples_and_schedules_that_cannot_be_read(here: Path, tiny_model: Path, path: str) -> None:
    before = sorted(here.rglob("*"))
    refusal("check", tiny_model, "--levels", "reference", "--data", path)
    refusal("lower", tiny_model, "--target", "rtl", "--out", "out", "--schedule", path)
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("out", ["binary", "binary/x", "loop", "loop/x", "/dev/null/x", "x" * 300, "taken"])
@pytest.mark.parametrize("verb", ["lower --target rtl", "lower --target vitis", "explore --points 2"])
def test_what_cannot_be_written(here: Path, tiny_model: Path, verb: str, out: str) -> None:
    (here / "taken").mkdir()
    (here / "taken" / "mine").touch()
    before = sorted(here.rglob("*"))
    name, *options = verb.split()
    refusal(name, tiny_model, *options, "--out", out)
    assert sorted(here.rglob("*")) == before


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("exploded"),)  # type: ignore[return-value]


def test_samples_are_never_unpickled(here: Path, tiny_model: Path) -> None:
    np.save("bomb.npy", np.array([Bomb()], dtype=object))
    (here / "bomb.pkl").write_bytes(pickle.dumps(Bomb()))
    np.savez("bomb.npz", x=np.array([Bomb()], dtype=object))
    pickle.loads((here / "bomb.pkl").read_bytes())
    assert (here / "exploded").exists()  # it does work
    (here / "exploded").unlink()
    for path in ("bomb.npy", "bomb.pkl", "bomb.npz"):
        assert "write it with numpy.save" in refusal("check", tiny_model, "--levels", "reference", "--data", path)
        assert refusal("export", path, "--out", "out")
    assert not (here / "exploded").exists()


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (np.zeros((2, 4, 4), complex), "does not hold one array of numbers"),
        (np.zeros((2, 4, 4), "U3"), "does not hold one array of numbers"),
        (np.zeros((2, 4, 4), "M8[s]"), "does not hold one array of numbers"),
        (np.zeros((2, 4, 4), [("a", "f4")]), "does not hold one array of numbers"),
        (np.zeros(()), "does not hold one array of numbers"),
        (np.zeros((0, 4, 4)), "shape"),
        (np.zeros((2, 4, 5)), "shape"),
        (np.zeros((4, 4)), "shape"),
        (np.full((2, 4, 4), np.nan), "input is nan at index (0, 0, 0)"),
        (np.full((2, 4, 4), 1 << 40), "range|integers in"),
        (np.full((2, 4, 4), (1 << 64) - 1, np.uint64), "range|integers in"),
    ],
    ids=lambda value: f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else "",
)
def test_samples_of_the_wrong_kind(here: Path, tiny_model: Path, values: np.ndarray, text: str) -> None:
    np.save("x.npy", values)
    line = refusal("check", tiny_model, "--levels", "reference", "--data", "x.npy")
    assert any(part in line for part in text.split("|")), line


def test_devices_are_not_read(here: Path) -> None:
    assert_refused(
        accel("check", "/dev/zero"), "cannot read /dev/zero: it is a device or a pipe; name an ordinary file"
    )
