"""Design + board → bitstream, or a Vivado project that makes one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from accel.design import Design, write_atomic
from accel.errors import ToolError, UserError
from boards import clocking, shell
from boards.board import Board, Resources
from boards.clocking import Clock
from boards.flows import ecp5, vivado
from boards.flows.plan import BuildPlan, Progress
from boards.pins import Pinout, pinout

_RESULT = "build.json"


@dataclass(frozen=True)
class BuildResult:
    """A finished build; `clock_mhz` is what the PLL makes, `fmax_mhz` what place and route guarantees."""

    board: str
    design_hash: str
    plan_hash: str
    bitstream: Path
    clock_mhz: float
    fmax_mhz: float
    resources: Resources
    baud: float
    seed: int
    seconds: dict[str, float]


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

    The core clock is the fastest that the PLL can make without exceeding `clock_mhz` (default: the board's);
    `progress` is called with each step's name. Raises ToolError when a tool is missing or fails, or when
    the design does not fit or misses timing; UserError on a request that cannot be carried out.
    """
    if board.flow != "ecp5":
        raise UserError(f"board {board.name} needs Vivado, which is not run from here: write its project instead")
    out = Path(out)
    _, clock, timing = _settings(board, clock_mhz)
    plan = ecp5_plan(design, board, clock_mhz=clock_mhz, seed=seed)
    try:
        seconds = plan.execute(out, progress, stale=(_RESULT,))
    except ToolError as error:
        raise ecp5.explain(error, out / "place-and-route.log", clock) from None
    fmax, resources = ecp5.results(out, clock)
    baud = float(clock.mhz * 1_000_000 / timing.clocks_per_bit)
    bitstream = out / ecp5.BITSTREAM
    result = BuildResult(
        board.name, design.hash, plan.hash, bitstream, float(clock.mhz), fmax, resources, baud, seed, seconds
    )
    write_atomic(out / _RESULT, json.dumps({**asdict(result), "bitstream": bitstream.name}, indent=1))
    return result


def write_vivado(design: Design, board: Board, out: Path, *, clock_mhz: float | None = None) -> Path:
    """Write everything Vivado needs into `out`: sources, XDC and `build.tcl`; returns the script's path.

    Raises UserError when the board is not one for Vivado or the folder cannot be written.
    """
    if board.flow != "vivado":
        raise UserError(f"board {board.name} is not built with Vivado but with {board.flow} tools: build its bitstream")
    pins, clock, timing = _settings(board, clock_mhz)
    files = shell.files(design, board, pins, clock, timing)
    vivado.plan(files, shell.sources(files), shell.TOP, pins, clock).write(Path(out))
    return Path(out) / "build.tcl"


def _settings(board: Board, clock_mhz: float | None) -> tuple[Pinout, Clock, shell.Timing]:
    pins = pinout(board)
    clock = clocking.plan(board.flow, pins.oscillator_mhz, clock_mhz or board.clock_mhz)
    return pins, clock, shell.Timing.of(board, clock.mhz)


def ecp5_plan(design: Design, board: Board, *, clock_mhz: float | None = None, seed: int = 1) -> BuildPlan:
    """What `build` executes, as a value."""
    pins, clock, timing = _settings(board, clock_mhz)
    files = shell.files(design, board, pins, clock, timing)
    return ecp5.plan(files, shell.sources(files), shell.TOP, pins, seed)
