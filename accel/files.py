"""Files and folders that a user names: which ones may be read, and the error for one that cannot be written."""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path

from accel.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)
"""The disk or the user's quota is used up."""
NOTHING = 1 << 16
"""Free bytes with which no program can write its output."""


def require_ordinary(path: Path | str) -> None:
    """Raise UserError when `path` is a device, a pipe or a socket: they can be endless, or never say anything.

    A missing file and a folder pass: reading them shows what they are.
    """
    try:
        special = Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir())
    except (OSError, ValueError):
        return
    if special:
        raise UserError(f"cannot read {path}: it is a device or a pipe; name an ordinary file")


def forget(pages: mmap.mmap) -> None:
    """Give the memory of pages back that were read; they are read again where they are asked for."""
    if hasattr(mmap, "MADV_DONTNEED"):
        pages.madvise(mmap.MADV_DONTNEED)


@contextmanager
def writing(place: Path | str, remedy: str = "choose another folder") -> Iterator[None]:
    """Turn an OSError of the block into the UserError that names `place` and the remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise no_space(place) from None
        raise UserError(f"cannot write {place}: {error.strerror}; {remedy}") from None


def require_place(path: Path | str, *sources: Path | str) -> None:
    """Raise UserError unless a file can be written to `path`: not over a device, a folder or one of its `sources`.

    Long work asks first, so that nothing is lost for a place that does not exist.
    """
    path = Path(path)
    with writing(path):
        if path.is_dir():
            raise UserError(f"cannot write {path}: it is a folder; name a file in it")
        if path.exists():
            if not path.is_file():
                raise UserError(f"cannot write {path}: it is a device or a pipe; name an ordinary file")
            if any(Path(source).exists() and path.samefile(source) for source in sources):
                raise UserError(f"cannot write {path}: it is read from; name another file")
        os.stat(f"{path.parent}/")  # its error says what is wrong


@contextmanager
def replacing(path: Path) -> Iterator[BufferedRandom]:
    """Give a stream to write to and read from; the file takes its content at the end, completely or not at all.

    Raises UserError when the place is not writable.
    """
    require_place(path)
    with writing(path):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
        try:
            with os.fdopen(handle, "w+b") as stream:
                yield stream
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


def write_atomic(path: Path, data: str | bytes) -> None:
    """Write a file so that it is either complete or absent. Raises UserError when the place is not writable."""
    with replacing(path) as stream:
        stream.write(data.encode() if isinstance(data, str) else data)


def no_space(*places: Path | str) -> UserError:
    """The refusal after a full disk: names the folder among `places` and the temporary one that has the least room.

    An error of the operating system often carries no file name, and the temporary folder fills up as well.
    """
    folders = [*map(_existing, places), Path(tempfile.gettempdir())]
    fullest = min(folders, key=lambda folder: shutil.disk_usage(folder).free)
    return UserError(f"no space left in {fullest}: free some there, or choose a folder on another disk")


def is_full(text: str, *places: Path | str) -> bool:
    """Did a program fail for want of space: by its own words, or because a folder that it writes to has none left?"""
    if any(os.strerror(code) in text for code in FULL):
        return True
    folders = {*map(_existing, places), Path(tempfile.gettempdir())}
    return any(shutil.disk_usage(folder).free < NOTHING for folder in folders)


def _existing(place: Path | str) -> Path:
    """The innermost folder of a path that exists."""
    path = Path(os.path.abspath(place))
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def kind(path: Path | str, raw: bytes) -> str | None:
    """The name of a kind of file that a user may take for a model, by its first bytes and its name; None for others."""
    head, suffix = raw[:200], Path(path).suffix.lower()
    zipped = head.startswith(b"PK")
    pickled = head.startswith(b"\x80\x02") and head[2:3] != b"\0"  # 80 02 00 00 is a llama2.c model of 640 channels
    if pickled or (zipped and (b".pkl" in head or suffix in (".pt", ".pth"))):
        return "a PyTorch file"
    if head.startswith(b"\x89HDF") or (zipped and suffix == ".keras"):
        return "a Keras file"
    if head.startswith(b"\x93NUMPY") or (zipped and suffix == ".npz"):
        return "a NumPy file"
    if zipped and head[30:40] == b"header.npy":
        return "a graph file of accel"
    if head.startswith(b"GGUF"):
        return "a GGUF file"
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite file"
    names = {
        ".py": "a Python program",
        ".ipynb": "a notebook",
        ".safetensors": "a safetensors file",
        ".onnx": "an ONNX file",
    }
    return names.get(suffix, "a zip archive" if zipped else "a text file" if _is_text(head) else None)


def _is_text(head: bytes) -> bool:
    text = head.decode("utf-8", errors="ignore")
    return bool(head) and len(text.encode()) > len(head) - 4 and all(c.isprintable() or c in "\t\r\n" for c in text)
