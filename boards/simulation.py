"""Board-level simulation: the board top of the bitstream, Verilated, behind its serial pins.

What differs from the bitstream: the PLL is a wire (boards/shell/simulation), and the generated package
has 8 clocks per bit and a short time-out instead of the real baud rate's.
"""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from types import TracebackType

import numpy as np

from accel import image, scratch, tools
from accel.design import Design
from accel.errors import ToolError
from accel.image import Content
from boards import clocking, shell
from boards.board import Board
from boards.host import Host
from boards.pins import pinout
from hls.simulation import verilator

_NO_STOP_BIT = 3  # exit code of the simulation program
_FOREVER = (1 << 64) - 1
_EVERYTHING = (1 << 32) - 1
LIMIT = 20_000_000  # cycles that one answer may take


class SimulatedBoard:
    """A board in Verilator, as a context manager; reads and writes like a serial port.

    `cycles` counts since the start, `quiet` those in a row without a byte on the line or a sample running.
    """

    def __init__(self, design: Design, board: Board, *, limit: int = LIMIT, seed: int = 1) -> None:
        self._design, self._board, self._limit, self._seed = design, board, limit, seed
        self._silence = 2 * shell.Timing.simulated().timeout
        self._pending = b""
        self.cycles = 0
        self.quiet = 0

    def __enter__(self) -> SimulatedBoard:
        self._folder = scratch.folder()
        folder = self._folder.__enter__()
        self._log = folder / "simulation.log"
        try:
            program = self._build(folder)
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    [program, str(self._seed)], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
                )
        except BaseException:
            self._folder.__exit__(None, None, None)
            raise
        return self

    def _build(self, folder: Path) -> Path:
        """Write the sources into `folder`; returns the program that runs there."""
        files = self._sources() | shell.simulation_files()
        for name, content in files.items():
            image.write(folder / name, content)
        return self._compile(folder, shell.sources(files))

    def _sources(self) -> dict[str, Content]:
        pins = pinout(self._board)
        clock = clocking.plan(self._board.flow, pins.oscillator_mhz, self._board.clock_mhz)
        return shell.files(self._design, self._board, pins, clock, shell.Timing.simulated())

    def _compile(self, folder: Path, sources: list[str]) -> Path:
        ports = pinout(self._board).ports
        levels = {name: int(not ports[f"{name}_pin"].inverted) for name in ("reset", "led")}
        defines = [f"{name.upper()}_LEVEL={level}" for name, level in levels.items()]
        defines.append(f"CLOCKS_PER_BIT={shell.SIMULATION_CLOCKS_PER_BIT}")
        return verilator.build(folder, sources, shell.TOP, shell.harness(), defines=defines)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.__exit__(None, None, None)

    def write(self, data: bytes) -> None:
        """Queue bytes for the board; they go out with the next `read`."""
        self._pending += data

    def read(self, count: int) -> bytes:
        """Simulate until `count` bytes came back; fewer when the line stays silent or the cycle limit is spent."""
        return self._exchange(count, self._silence, self._limit)

    def idle(self, cycles: int) -> bytes:
        """Simulate `cycles` cycles; returns what came back."""
        return self._exchange(_EVERYTHING, _FOREVER, cycles)

    def settle(self, quiet: int, most: int) -> bytes:
        """Simulate until the board was quiet for `quiet` cycles, for at most `most`; returns the answer."""
        return self._exchange(_EVERYTHING, quiet, most)

    def _exchange(self, wanted: int, quiet: int, most: int) -> bytes:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = struct.pack("<IIQQ", len(self._pending), wanted, quiet, most) + self._pending
        self._pending = b""
        try:
            self._process.stdin.write(request)
            self._process.stdin.flush()
            self.cycles, self.quiet, count = struct.unpack("<QQI", self._process.stdout.read(20))
            return self._process.stdout.read(count)
        except (OSError, struct.error):
            code = self._process.wait()
            reason = "the board sent a byte without a stop bit" if code == _NO_STOP_BIT else f"exit code {code}"
            name, text = self._design.name, tools.tail(self._log)
            raise ToolError(f"board simulation of {name} ended: {reason}\n{text}".rstrip()) from None


def simulate(design: Design, board: Board, samples: np.ndarray, *, limit: int = LIMIT, seed: int = 1) -> np.ndarray:
    """Samples (N, …) of integers in stream order → results int64 (N, beats, lanes), through the serial pins.

    `limit` bounds the cycles of one answer, `seed` fills registers that have no reset. Raises ToolError when
    the board does not answer in time, UserError when samples do not fit the design's input.
    """
    with SimulatedBoard(design, board, limit=limit, seed=seed) as link:
        host = Host(link, design, attempts=1)
        try:
            host.check()
            return host.run(samples)
        except ToolError as error:
            raise ToolError(f"{error} ({link.cycles} cycles simulated, at most {limit} per answer)") from None
