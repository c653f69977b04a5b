"""A build plan is a value: files, and the steps of a tool flow as a table. Executing it is a separate act."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from accel import image, scratch, tools
from accel.errors import ToolError
from accel.files import writing
from accel.image import Content
from accel.progress import Progress

SCRIPT = "build.sh"


@dataclass(frozen=True)
class Step:
    """One tool call: `tool` as `accel.tools` knows it, its arguments, and the files or folders that it must leave.

    A tool like "./simulation" is a program that an earlier step made.
    """

    name: str
    tool: str
    args: tuple[str, ...]
    products: tuple[str, ...]


@dataclass(frozen=True)
class BuildPlan:
    """Files (name → content) and the steps that run in their folder; all names are relative to it."""

    files: Mapping[str, Content]
    steps: tuple[Step, ...]

    @property
    def hash(self) -> str:
        """SHA-256 of everything that is executed."""
        digests = {name: image.digest(content) for name, content in self.files.items()}
        content = {"files": digests, "steps": [asdict(step) for step in self.steps]}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Write the files into `folder`, which is created, and the steps as SCRIPT, for people.

        Raises UserError when it is not writable.
        """
        make_folder(folder)
        for name, content in {**self.files, SCRIPT: self._script()}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            image.write(folder / name, content)

    def _script(self) -> str:
        lines = [shlex.join((step.tool, *step.args)) for step in self.steps]
        return "#!/bin/sh\n# Generated: builds what lies in this folder.\nset -e\n" + "\n".join(lines) + "\n"

    def execute(
        self,
        out: Path,
        progress: Progress | None = None,
        stale: Sequence[str] = (),
        check: Callable[[str, Path], None] | None = None,
    ) -> dict[str, float]:
        """Run every step in a fresh folder and move files, products and logs to `out`; returns seconds per step.

        A tool never sees what an earlier run left. When a step fails, only the logs reach `out`; what an
        earlier run left there under the names of files, products or `stale` is gone either way.
        `check` gets each finished step's name and the folder with its products; what it raises ends the run.
        Raises ToolError when a tool is missing (before the first step), fails, or leaves a product out.
        """
        commands = [[*_command(step.tool), *step.args] for step in self.steps]
        out = make_folder(out)
        made = [name for step in self.steps for name in (*step.products, _log(step))]
        for old in [*self.files, SCRIPT, *made, *stale]:
            _remove(out / old)
        with scratch.folder(out) as work:
            self.write(work)
            seconds = {}
            for step, command in zip(self.steps, commands, strict=True):
                if progress:
                    progress(step.name)
                started = time.perf_counter()
                _run(step, command, work, out)
                seconds[step.name] = time.perf_counter() - started
                if check:
                    check(step.name, work)
            plain = [entry.name for entry in work.iterdir() if entry.is_file()]
            for name in {*plain, *self.files, *made} - {_log(step) for step in self.steps}:  # others are the tools' own
                (out / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(work / name, out / name)
            return seconds


def make_folder(folder: Path) -> Path:
    """Create a folder; returns its absolute path. Raises UserError when that is not possible."""
    with writing(folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    return Path(folder).resolve()


def _command(tool: str) -> list[str]:
    return [tool] if tool.startswith("./") else tools.command(tool)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _log(step: Step) -> str:
    return f"{step.name}.log"


def _run(step: Step, command: list[str], work: Path, out: Path) -> None:
    log = out / _log(step)
    tools.run(command, work, log)
    for product in step.products:
        if not (work / product).exists():
            raise ToolError(f"{step.tool} left no {product}; log: {log}\n{tools.tail(log)}")
