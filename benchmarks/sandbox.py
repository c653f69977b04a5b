"""The command `accel` under limits, many times: a server imports everything once and forks for every command.

Every command runs in a folder of its own, as a user would run it, with 10 s of processor time, a minute in all, 2 GB.
An audit hook records what Python would change outside that folder, and forbids it, and which programs it starts.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, NoReturn

ADDRESSES = 8 << 30  # what libraries only reserve is nobody's loss
FINDINGS = 20  # of the audit hook, at most
PRELOAD = ("torch", "onnx", "onnxruntime", "hls.rtl", "accel.verbs.levels", "accel.onnx_import", "boards", "models")
PRELOAD += ("accel.reference", "accel.storage", "accel.dataflow.folding", "accel.verification.levels", "rich.table")
PRELOAD += ("hls.projects.project",)
PRELOAD += ("qonnx.core.onnx_exec", "qonnx.transformation.infer_shapes")
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Limits(NamedTuple):
    """Seconds of processor time, seconds in all (of a command that waits; the machine may be busy), resident bytes."""

    cpu_s: int = 10
    wall_s: int = 60
    memory: int = 2 << 30


@dataclass(frozen=True)
class Ran:
    """The end of a command. `code` is minus the signal that killed it, `stopped` the limit that was passed."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    """of processor time, with its children's"""
    peak: int
    """bytes"""
    stopped: str
    outside: tuple[str, ...]
    """what it changed outside its folder"""
    started: tuple[str, ...]
    """other programs"""


class Sandbox:
    """A context in which `run` is cheap."""

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008  (it is immutable)
        self.limits = limits
        paths = [str(Path(__file__).parents[1]), *filter(None, sys.path)]
        environment = os.environ | THREADS | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            encoding="utf-8",
        )

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()

    def run(self, arguments: Sequence[str], root: Path, plant: str = "") -> Ran:
        """`accel *arguments` with `root`/work as working directory, `root`/home and `root`/tmp as the user's.

        `plant`, "module:function", is called first: a fault that has to be noticed.
        """
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        request = {"arguments": list(arguments), "root": str(root), "plant": plant, "limits": self.limits}
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline())
        stdout, stderr = (
            (root / name).read_text(errors="backslashreplace", encoding="utf-8") for name in ("stdout", "stderr")
        )
        findings = tuple(answer.pop("findings"))
        started = tuple(text for text in findings if text.startswith(STARTS))
        outside = tuple(text for text in findings if text not in started)
        return Ran(stdout=stdout, stderr=stderr, outside=outside, started=started, **answer)


def _serve() -> None:
    sys.dont_write_bytecode = True
    for name in PRELOAD:
        import_module(name)
    from accel.cli import VERBS

    for verb in VERBS:
        import_module(f"accel.cli.{verb}")
    for line in sys.stdin:
        print(json.dumps(_supervise(json.loads(line))), flush=True)


def _supervise(request: dict[str, Any]) -> dict[str, Any]:
    """Fork, wait, and stop what passes a limit."""
    limits = Limits(*request["limits"])
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(readable)
        _work(request, limits, writable)
    os.close(writable)
    start, stopped = time.monotonic(), ""
    while True:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if done:
            break
        stopped = stopped or _exceeded(pid, start, limits)
        if stopped:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
    with os.fdopen(readable, encoding="utf-8") as pipe:
        findings = pipe.read().splitlines()
    code = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss << 10
    if not stopped:
        stopped = "time" if code == -signal.SIGXCPU else "memory" if peak > limits.memory else ""
    seconds = usage.ru_utime + usage.ru_stime
    return {"code": code, "seconds": seconds, "peak": peak, "stopped": stopped, "findings": findings}


def _exceeded(pid: int, start: float, limits: Limits) -> str:
    try:
        resident = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]) * resource.getpagesize()
    except (OSError, IndexError):  # it has just ended
        return ""
    if resident > limits.memory:
        return "memory"
    return "time" if time.monotonic() - start > limits.wall_s else ""


def _work(request: dict[str, Any], limits: Limits, findings: int) -> NoReturn:
    """Run the entry point in the child, after it has been made equal to a fresh process of a user."""
    code = 70
    try:
        root = Path(request["root"])
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 1))
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.chdir(root / "work")
        os.environ.update(
            HOME=str(root / "home"), TMPDIR=str(root / "tmp"), XDG_CACHE_HOME=str(root / "home" / "cache")
        )
        tempfile.tempdir = None  # chosen anew, from TMPDIR
        sys.argv = ["accel", *request["arguments"]]
        _redirect(root)
        sys.addaudithook(_watch(root, findings))
        code = _call(request["plant"])
    finally:
        os._exit(code)


def _redirect(root: Path) -> None:
    for number, name, flags in ((0, "/dev/null", os.O_RDONLY), (1, "stdout", os.O_CREAT), (2, "stderr", os.O_CREAT)):
        handle = os.open(root / name, flags | os.O_WRONLY | os.O_TRUNC if number else flags, 0o644)
        os.dup2(handle, number)
        os.close(handle)


def _call(plant: str) -> int:
    """The exit code of `accel`, by Python's own rules."""
    import traceback

    from accel.cli import main

    try:
        if plant:
            module, _, name = plant.partition(":")
            getattr(import_module(module), name)()
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


#: Audit events that change files: where their paths are among the arguments, and the folders' descriptors.
CHANGES = {
    "os.mkdir": ((0, 2),),
    "os.rename": ((0, 2), (1, 3)),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.utime": ((0, 3),),
}
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _watch(root: Path, findings: int) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook that writes what happens outside `root` to the descriptor `findings`."""
    inside = str(root.resolve()) + os.sep
    count = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if event in STARTS:
            found = [str(arguments[0])]
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
            found = _outside(inside, arguments[0], None)
        elif event in CHANGES:
            places = [(arguments[path], None if at is None else arguments[at]) for path, at in CHANGES[event]]
            found = [path for place in places for path in _outside(inside, *place)]
        else:
            return
        for what in found:
            count += 1
            if count <= FINDINGS:
                os.write(findings, f"{event} {what!a}\n".encode()[:2000])
        if found and event not in STARTS:
            raise PermissionError(errno.EPERM, "outside of the sandbox", found[0])

    return hook


def _outside(inside: str, path: Any, folder: int | None) -> list[str]:
    """The path when it leads out of the folder `inside`; a descriptor was a path before."""
    if isinstance(path, int) or path == os.devnull:
        return []
    base = os.readlink(f"/proc/self/fd/{folder}") if folder is not None and folder >= 0 else os.getcwd()
    full = os.path.realpath(os.path.join(base, os.fsdecode(path)))
    return [] if full.startswith(inside) else [full]


if __name__ == "__main__":
    _serve()
