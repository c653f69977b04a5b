"""Design + board → bitstream, or the complete project of a vendor's tool that makes one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path

from accel.build_plan import BuildPlan
from accel.design import Design
from accel.errors import ToolError, UserError
from accel.files import require_ordinary, write_atomic
from accel.progress import Progress
from accel.target import Cells
from boards import axi, clocking, fitting, flows, host_files, shell
from boards.board import Board
from boards.flows.flow import Job
from boards.pins import pinout

RESULT = "build.json"


@dataclass(frozen=True)
class BuildResult:
    """A finished build; `clock_mhz` is what the clock generator makes, `fmax_mhz` what place and route guarantees.

    `title` to `capacity` are those of the board, so that nobody needs its file to read a result.
    `baud` is that of the serial port; None where the core is reached over AXI.
    """

    board: str
    title: str
    source: str
    flow: str
    target: str
    capacity: Cells
    design_hash: str
    plan_hash: str
    bitstream: Path
    clock_mhz: float
    fmax_mhz: float
    resources: Cells
    baud: float | None
    seed: int
    seconds: dict[str, float]

    def as_dict(self) -> dict[str, object]:
        """Plain data, for JSON."""
        cells = {"capacity": self.capacity.to_json(), "resources": self.resources.to_json()}
        return {**asdict(self), **cells}

    @classmethod
    def load(cls, folder: Path) -> BuildResult:
        """Read the RESULT of a build in `folder`. Raises UserError when it is missing or another file."""
        path = folder / RESULT
        require_ordinary(path)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            parts = {
                "bitstream": folder / content["bitstream"],
                "resources": Cells.from_json(content["resources"]),
                "capacity": Cells.from_json(content["capacity"]),
            }
            return cls(**{**content, **parts})
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}; `accel bitstream` writes it") from None
        except (ValueError, TypeError, LookupError, RecursionError):
            raise UserError(f"{path}: not the result of a build; run `accel bitstream` again") from None


def build(
    design: Design,
    board: Board,
    out: Path,
    *,
    clock_mhz: float | None = None,
    seed: int = 1,
    progress: Progress | None = None,
) -> BuildResult:
    """Build the bitstream into folder `out`, which also keeps sources, constraints, reports and logs.

    The core clock is the fastest that the board can make without exceeding `clock_mhz` (default: the board's);
    `progress` is called with each step's name. Raises ToolError when a tool is missing or fails, or when
    the design does not fit or misses timing; UserError on a request that cannot be carried out.
    """
    out = Path(out)
    flow, job = flows.get(board.flow), _job(design, board, clock_mhz, seed)
    plan = flow.plan(job)

    found: list[tuple[float, Cells]] = []

    def check(step: str, folder: Path) -> None:
        if step == "synthesis":
            fitting.require(flow.synthesized(folder, job), board, design)
        if step == plan.steps[-1].name:
            found.append(flow.results(folder, job))

    try:
        seconds = plan.execute(out, progress, stale=(RESULT,), check=check)
    except ToolError as error:
        raise flow.explain(error, out, job) from None
    fmax, resources = found[0]
    result = BuildResult(
        board=board.name,
        title=board.title,
        source=board.source,
        flow=board.flow,
        target=board.target,
        capacity=board.capacity,
        design_hash=design.hash,
        plan_hash=plan.hash,
        bitstream=out / flow.bitstream,
        clock_mhz=float(job.clock.mhz),
        fmax_mhz=fmax,
        resources=resources,
        baud=_baud(job),
        seed=seed,
        seconds=seconds,
    )
    write_atomic(out / RESULT, json.dumps({**result.as_dict(), "bitstream": flow.bitstream}, indent=1))
    return result


def plan(design: Design, board: Board, *, clock_mhz: float | None = None, seed: int = 1) -> BuildPlan:
    """Plan that `build` executes: `plan(…).write(folder)` writes the project without running a tool."""
    return flows.get(board.flow).plan(_job(design, board, clock_mhz, seed))


def _job(design: Design, board: Board, clock_mhz: float | None, seed: int) -> Job:
    wanted = board.clock_mhz if clock_mhz is None else clock_mhz
    if board.pins is None:
        clock = clocking.plan(board.flow, Fraction(board.source_mhz), wanted)
        sizes = axi.data_bytes(design.input), axi.data_bytes(design.output)
        job = Job(board, axi.files(design), axi.TOP, clock, None, seed, sizes)
        return replace(job, programs=host_files.files(design, board.flow))
    pins = pinout(board)
    clock = clocking.plan(board.flow, pins.oscillator_mhz, wanted)
    files = shell.files(design, board, pins, clock, shell.Timing.of(board, clock.mhz))
    return Job(board, files, shell.TOP, clock, pins, seed)


def _baud(job: Job) -> float | None:
    if job.pins is None:
        return None
    return float(job.clock.mhz * 1_000_000 / shell.Timing.of(job.board, job.clock.mhz).clocks_per_bit)
