"""Output that is either complete or absent, and is known to be possible before the work starts."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accel import scratch
from accel.errors import ToolError, UserError
from accel.files import FULL, no_space, writing


def require_writable(folder: Path) -> None:
    """Raise UserError when files cannot be written into `folder`, which need not exist yet."""
    with _scratch(Path(os.path.abspath(folder))):
        pass


@contextmanager
def whole_file(out: Path) -> Iterator[Path]:
    """A path to write to; the file appears as `out` when the block ends well, and nothing is left when it does not.

    Raises UserError at once when `out` cannot be written.
    """
    out = Path(os.path.abspath(out))
    if out.is_dir():
        raise UserError(f"--out {out} is a folder; name a file")
    with _scratch(out.parent) as work:
        yield work / out.name
        os.replace(work / out.name, out)


@contextmanager
def whole_folder(out: Path, marker: str, *, keep_failed: bool = False) -> Iterator[Path]:
    """Like `whole_file`, for a folder. An existing one is replaced if it is empty or an earlier run's: it has `marker`.

    With `keep_failed`, what a failed tool leaves (logs) is moved to `<out>.failed` until the next success.
    Raises UserError at once when `out` cannot be written or holds something else.
    """
    out = Path(os.path.abspath(out))
    if os.path.lexists(out) and not out.is_dir():
        raise UserError(f"--out {out} is a file; name a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / marker).exists():
        raise UserError(f"--out {out} holds other files (no {marker}): choose a new or empty folder")
    failed = out.with_name(f"{out.name}.failed")
    with _scratch(out.parent) as work:
        new = work / out.name
        new.mkdir()
        try:
            yield new
        except ToolError as error:
            if not keep_failed:
                raise
            shutil.rmtree(failed, ignore_errors=True)
            os.rename(new, failed)
            raise ToolError(str(error).replace(str(new), str(failed))) from None
        if out.exists():
            os.rename(out, work / "replaced")
        os.rename(new, out)
        if keep_failed:
            shutil.rmtree(failed, ignore_errors=True)


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    """A temporary folder inside `parent`; folders made for it go away again when they stay empty."""
    missing = [folder for folder in (parent, *parent.parents) if not folder.exists()]
    blocking = [folder for folder in (parent, *parent.parents) if folder.is_file()]
    if blocking:
        raise UserError(f"cannot write into {parent}: {blocking[0]} is not a folder; choose another --out")
    try:
        with writing(parent, "choose another --out"):
            parent.mkdir(parents=True, exist_ok=True)
        with scratch.folder(parent, "choose another --out") as path:
            try:
                yield path
            except UserError as error:
                if str(path) in str(error):  # nobody knows that folder, and it is gone
                    raise UserError(str(error).replace(str(path), str(parent))) from None
                raise
    except OSError as error:
        if error.errno in FULL:
            raise no_space(parent) from None
        raise
    finally:
        with contextlib.suppress(OSError):
            for folder in missing:
                folder.rmdir()
