"""Commands in processes of their own, forked from a server that has imported what nearly all of them need.

The server only imports: a fork of a process whose libraries have started threads may wait for them for ever.
`sandbox` forks as well, but under limits, and forbids what a documented command may do.
"""

from __future__ import annotations

import multiprocessing
import os
import shlex
import subprocess
import sys
from pathlib import Path

PRELOAD = ["accel.cli", "torch", "torch.export", "onnx", "onnxruntime", "qonnx.core.onnx_exec", "scipy.optimize"]
SHELL = set("$`|&;<>*?[]~(){}\\#")
"""Characters that may mean more to a shell than to `shlex`."""
HELPERS = [Path(__file__).parents[1] / name for name in ("tests", "benchmarks", "scripts")]
"""Folders that pytest imports from, and a user does not."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(PRELOAD)


def words(step: list[str]) -> list[str] | None:
    """The words of a shell line that is one `accel` command, or of a Python program; None where a shell is needed."""
    if step[0] == sys.executable:
        return step[1:]
    line = step[-1]
    return shlex.split(line) if line.startswith("accel ") and not set(line) & SHELL else None


def run(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `accel` with arguments, or `-c` with a program, in `folder`."""
    outputs = [folder / f".{name}" for name in ("stdout", "stderr")]
    process = _context.Process(target=_main, args=(command, folder, outputs, environment))
    process.start()
    process.join()
    texts = [path.read_text() for path in outputs]
    for path in outputs:
        path.unlink()
    assert process.exitcode is not None
    return subprocess.CompletedProcess(command, process.exitcode, *texts)


def _main(command: list[str], folder: Path, outputs: list[Path], environment: dict[str, str]) -> None:
    """Make this fork equal to a process of a user, who has no folder of tests to import from, and run `command`."""
    for number, path in enumerate(outputs, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = [path for path in sys.path if not any(map(Path(path).is_relative_to, HELPERS))]
    if command[0] == "accel":
        from accel.cli import main

        sys.argv = command
        main()
    else:
        sys.argv = command[:1]
        sys.path.insert(0, "")
        exec(compile(command[-1], "<string>", "exec"), {"__name__": "__main__"})
