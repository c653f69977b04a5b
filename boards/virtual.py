"""The virtual board: a board's top level in Verilator behind a pseudo-terminal, for the unchanged host driver."""

from __future__ import annotations

import os
import select
import threading
import tty
from types import TracebackType

from accel.design import Design
from accel.errors import AccelError
from boards import shell
from boards.board import Board
from boards.simulation import SimulatedBoard

_SLICE = 20_000  # cycles between two looks at the terminal while the board is at work
_TICK_S = 0.001  # of a silent line, in which the board sees a tenth of its time-out pass
_LOOK_S = 0.1  # how soon a stop is noticed on a line where nothing can happen any more
_CHUNK = 4096
_KEPT = 1 << 20  # bytes for a host that does not read; a real board's serial chip keeps fewer


class VirtualBoard:
    """A simulated board at serial port `port`, from `with` until its end; it computes in a thread.

    Simulated time follows what happens on the line: while the board is at work it runs as fast as it can, and a
    silent line lets time pass slowly, so that a host may pause inside a frame as it may on a real board.
    """

    port: str

    def __init__(self, design: Design, board: Board, *, seed: int = 1) -> None:
        self._board = SimulatedBoard(design, board, seed=seed)
        self._patience = 2 * shell.Timing.simulated().timeout  # after so much silence nothing can happen
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="virtual board", daemon=True)
        self._error: AccelError | None = None

    def __enter__(self) -> VirtualBoard:
        self._board.__enter__()
        # This end of the terminal stays open here, too: hosts may come and go.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port = os.ttyname(self._slave)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)
        self._board.__exit__(kind, error, trace)

    def wait(self, seconds: float) -> None:
        """Let the board work. Raises ToolError when its simulation has ended."""
        self._thread.join(seconds)
        if self._error:
            raise self._error

    def _serve(self) -> None:
        try:
            answer = b""
            while not self._stopping.is_set():
                answer = answer[-_KEPT:] + self._simulate(self._request(answer))
                answer = answer[self._sent(answer) :]
        except AccelError as error:
            self._error = error

    def _request(self, answer: bytes) -> bytes:
        """Read what the host has written; waits a little when the board has nothing to do but its `answer` to send."""
        quiet = self._board.quiet
        wait = _LOOK_S if quiet > self._patience else _TICK_S if quiet else 0
        readable, _, _ = select.select([self._master], [self._master] if answer else [], [], wait)
        return os.read(self._master, _CHUNK) if readable else b""

    def _simulate(self, request: bytes) -> bytes:
        """The board's answer to some bytes, or to a tick of silence as long as that can make a difference."""
        quiet = 0 if request else self._board.quiet
        if quiet > self._patience:
            return b""
        self._board.write(request)
        return self._board.settle(quiet + self._patience // 20, _SLICE)

    def _sent(self, answer: bytes) -> int:
        try:
            return os.write(self._master, answer) if answer else 0
        except BlockingIOError:
            return 0
