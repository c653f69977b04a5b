"""Scratch folders go with their block, or with the next one when their owner was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from accel import scratch
from accel.errors import UserError


def age(folder: Path) -> None:
    os.utime(folder, (time.time() - 2 * scratch.YOUNG_S,) * 2)


def test_a_folder_exists_while_its_block_runs(tmp_path: Path) -> None:
    with scratch.folder(tmp_path) as one, scratch.folder(tmp_path) as other:
        (one / "file").touch()
        assert one != other
        assert one.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    code = "import sys; from accel import scratch\nwith scratch.folder(sys.argv[1]):\n print(flush=True); input()"
    owner = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    owner.stdout.readline()
    (left,) = tmp_path.iterdir()
    age(left)
    with scratch.folder(tmp_path):
        assert left.exists()  # its owner is alive
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    with scratch.folder(tmp_path):
        assert not left.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_being_made_and_what_is_not_ours_stay(tmp_path: Path) -> None:
    (tmp_path / ".accel-young").mkdir()
    for name in (".accel-file", ".other"):
        (tmp_path / name).touch() if name.endswith("file") else (tmp_path / name).mkdir()
        age(tmp_path / name)
    with scratch.folder(tmp_path):
        pass
    assert len(list(tmp_path.iterdir())) == 3


def test_no_folder_can_be_made(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"cannot write .*absent: No such file or directory; choose"),
        scratch.folder(tmp_path / "absent"),
    ):
        raise AssertionError
