"""Scratch folders: what a killed process leaves behind is removed by the next one that works in the same place.

The owner of a scratch folder holds a lock on it. The lock goes with the process, however that ends, so a folder that
can be locked has no owner any more. Names and times alone would not tell: process numbers come again, and builds take
hours.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from accel.files import writing

PREFIX = ".accel-"
YOUNG_S = 60
"""A folder is not locked yet in the moment after it was made."""


@contextlib.contextmanager
def folder(parent: Path | str | None = None, remedy: str = "choose another folder") -> Iterator[Path]:
    """A new folder inside `parent` (default: the temporary folder of the system), which is gone afterwards.

    Folders there that lost their owner go first. The block may move its folder elsewhere. Raises UserError, with
    the remedy, when none can be made.
    """
    home = Path(parent or tempfile.gettempdir())
    path = home / f"{PREFIX}{secrets.token_hex(8)}"  # named before it is made: an interruption may come in between
    lock = None
    try:
        _sweep(home)
        with writing(home, remedy):
            path.mkdir(mode=0o700)
        lock = _lock(path)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def discard(path: Path) -> None:
    """Remove a file or a folder that others may be about to use: for them it is whole or gone."""
    with contextlib.suppress(OSError), folder(path.parent) as gone:  # another process may be faster
        os.rename(path, gone / path.name)


def _lock(path: Path) -> int | None:
    """Keep others from removing the folder; the descriptor to close, None where the file system has no locks."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _sweep(home: Path) -> None:
    """Remove the scratch folders in `home` whose owner is gone."""
    with contextlib.suppress(OSError), os.scandir(home) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False):
                _sweep_one(entry)


def _sweep_one(entry: os.DirEntry[str]) -> None:
    with contextlib.suppress(OSError):  # another process sweeps too, or the folder is another user's
        if time.time() - entry.stat(follow_symlinks=False).st_mtime < YOUNG_S:
            return
        if (lock := _lock(Path(entry.path))) is not None:
            shutil.rmtree(entry.path, ignore_errors=True)
            os.close(lock)
