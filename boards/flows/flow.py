"""Common parts of tool flows: a job becomes a plan, and its tools' reports become figures or a clear error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from accel.build_plan import BuildPlan
from accel.errors import ToolError
from accel.image import Content
from accel.target import Cells
from boards.board import Board, Pinout
from boards.clocking import Clock


@dataclass(frozen=True)
class Job:
    """A top module for a board: its files (name → content), the core clock that is made, the placement's seed.

    `pins` are None on boards whose core is reached over AXI; `beat_bytes` then are those of its streams, in and out,
    and `programs` are files for the computer beside it.
    """

    board: Board
    files: dict[str, Content]
    top: str
    clock: Clock
    pins: Pinout | None
    seed: int
    beat_bytes: tuple[int, int] = (0, 0)
    programs: dict[str, str] = field(default_factory=dict)

    @property
    def sources(self) -> list[str]:
        """Files that synthesis reads, packages first; the other files are memories' contents."""
        found = sorted(name for name in self.files if name.endswith(".sv") or name == f"{self.top}.v")
        return sorted(found, key=lambda name: not name.endswith("_pkg.sv"))


@dataclass(frozen=True)
class Hop:
    """A step of a path between two registers: a delay in ns of a `kind` as the tool calls it, and where it ends."""

    kind: str
    delay_ns: float
    cell: str


@dataclass(frozen=True)
class Flow:
    """A tool flow. `free`: all its `tools` are installed with this package.

    After the step named "synthesis", `synthesized` reads what the design needs; at the end, `results` reads the
    clock that is guaranteed (MHz) and what is used. `explain` makes a user's error of a tool's. `critical_path` reads
    from the folder of a finished build what limits its clock, where the tool says it.
    """

    free: bool
    tools: tuple[str, ...]
    bitstream: str
    plan: Callable[[Job], BuildPlan]
    synthesized: Callable[[Path, Job], Cells]
    results: Callable[[Path, Job], tuple[float, Cells]]
    explain: Callable[[ToolError, Path, Job], ToolError]
    critical_path: Callable[[Path], tuple[Hop, ...]] = lambda folder: ()
