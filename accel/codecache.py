"""The cache of compiled code: simulations, C simulations, compiled references and precompiled headers.

An entry is a folder in the user's cache, named by a hash of everything that its files are made of: sources, flags,
compiler, versions. It is whole or not there. Processes may share the cache; one of several that want the same entry
makes it. What was used longest ago is dropped when all entries together pass LIMIT bytes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from accel import scratch, tools
from accel.errors import ToolError
from accel.files import writing

LIMIT = 2 << 30
"""Bytes. A precompiled header has up to 90 MB, a simulation less than one."""
RECENT_S = 600
"""What was used so recently stays: somebody may be about to start or load it."""
REMEDY = "set XDG_CACHE_HOME to a writable folder"


def entry(parts: Iterable[str | bytes], make: Callable[[Path], Sequence[Path]]) -> Path:
    """The folder of the files that are made of `parts`; `make` is called when the cache does not hold them.

    `make` gets an empty folder to work in and returns the files in it that are kept; their names stay. Raises
    UserError when the cache cannot be written and what `make` raises; the log that a ToolError names is kept then.
    """
    home = tools.cache_folder("compiled")
    place = home / digest(parts)
    if _use(place):
        return place
    with writing(home, REMEDY), _alone(place), scratch.folder(home) as work:
        if _use(place):  # another process has made it meanwhile
            return place
        try:
            kept = make(work)
        except ToolError as error:
            raise ToolError(_keep_logs(str(error), work, place)) from None
        (work / "entry").mkdir()
        for file in kept:
            os.replace(file, work / "entry" / file.name)
        with contextlib.suppress(FileExistsError):
            os.rename(work / "entry", place)
    _prune(home)
    return place


def digest(parts: Iterable[str | bytes]) -> str:
    """A name for what is made of `parts`; where one ends and the next begins makes a difference."""
    state = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        state.update(len(raw).to_bytes(8, "little") + raw)
    return state.hexdigest()[:32]


def contents(root: Path, files: Iterable[Path]) -> Iterator[str | bytes]:
    """Name below `root` and bytes of every file, in the order of their names."""
    for file in sorted(files):
        yield str(file.relative_to(root))
        yield file.read_bytes()


def compiler() -> list[str]:
    """Everything about the C++ compiler that its output depends on. Raises ToolError without one."""
    return [str(tools.require("g++")), tools.compiler_version(), platform.machine()]


@cache
def processor() -> str:
    """The instructions that -march=native stands for; empty where the system does not list them."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(sorted({line for line in lines if line.startswith(("flags", "Features", "model name"))}))
    return platform.processor()


def precompiled(headers: Sequence[str], flags: Sequence[str], made_of: Iterable[str | bytes]) -> list[str]:
    """Arguments with which the compiler has read `headers` already; they go before the source, behind `flags`.

    `headers` are lines of C++, `flags` what the source is compiled with as well, its folders of headers included, and
    `made_of` says what lies there. Empty at the first call, because precompiling takes as long as reading the headers
    four times, and always for other compilers than GCC: the sources include everything themselves.
    """
    if "clang" in tools.compiler_version().lower():
        return []
    text = "".join(f"{line}\n" for line in headers)

    def make(work: Path) -> list[Path]:
        header, made = work / "headers.h", work / "headers.h.gch"
        header.write_text(text, encoding="utf-8")
        command: list[str | Path] = [tools.require("g++"), *flags, "-x", "c++-header", header, "-o", made]
        tools.run(command, work, work / "headers.log")
        return [header, made]

    own = [flag for flag in flags if not flag.startswith("-I")]
    parts = [*compiler(), text, *own, *made_of]
    if _is_new([*parts, "wanted"]):
        return []
    return ["-include", str(entry(parts, make) / "headers.h")]


def _is_new(parts: Iterable[str | bytes]) -> bool:
    """Is this the first time that somebody asks for `parts`? They leave an empty entry."""
    home = tools.cache_folder("compiled")
    place = home / digest(parts)
    if _use(place):
        return False
    with writing(home, REMEDY):
        place.mkdir(exist_ok=True)
    return True


def _use(place: Path) -> bool:
    """Is the entry there? If it is, this was its last use."""
    try:
        os.utime(place)
    except PermissionError:  # a cache that somebody else fills
        return place.is_dir()
    except FileNotFoundError:
        return False
    return True


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One process at a time makes an entry. Where the file system has no locks several may: the first one wins."""
    path = place.with_suffix(".lock")
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _keep_logs(text: str, work: Path, place: Path) -> str:
    """Move the log that an error names out of the scratch folder; returns the text with its new path."""
    for log in work.glob("*.log"):
        if str(log) in text:
            kept = place.with_suffix(".log")
            os.replace(log, kept)
            text = text.replace(str(log), str(kept))
    return text


def _prune(home: Path) -> None:
    """Drop what was used longest ago."""
    found = []
    with contextlib.suppress(FileNotFoundError), os.scandir(home) as entries:  # others may prune at the same time
        for item in entries:
            if not item.name.startswith(scratch.PREFIX) and not item.name.endswith(".lock"):
                files = Path(item.path).iterdir() if item.is_dir() else [Path(item.path)]
                found.append((item.stat().st_mtime, sum(file.stat().st_size for file in files), Path(item.path)))
    total = sum(size for _, size, _ in found)
    for used, size, path in sorted(found):
        if total <= LIMIT or time.time() - used < RECENT_S:
            return
        scratch.discard(path)
        total -= size
