"""One driver for every board: `connect(...)` gives a `Device` that runs samples, or generates tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from importlib import import_module
from pathlib import Path
from types import TracebackType

import numpy as np

import boards
from accel import reference
from accel.design import Design
from accel.errors import UserError
from boards import generating, protocol
from boards.generating import SampleRunner, TokenChoice
from boards.host import Host
from boards.serial_line import SerialLine, find_port
from boards.virtual import VirtualBoard

VIRTUAL = "virtual"
"""The port's name that means: simulate the board."""


class Device:
    """A board that holds `design`: samples in, results out. Use it in `with`, or call `close` at the end."""

    def __init__(self, runner: SampleRunner, design: Design, resources: ExitStack | None = None) -> None:
        self._runner, self._design = runner, design
        self._resources = resources or ExitStack()
        self._newest: Iterator[int] | None = None
        self.input, self.output, self.view = design.input.tensor, design.output.tensor, design.view

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Real samples, shaped as the model's file takes them → real results (samples, …) as it has them, float64.

        As `accel.load(path).predict`: the input is quantized with the model's own scale and offset, rounded half to
        even and clipped. (samples, tokens, channels) is taken, too. Raises UserError on a wrong shape, NaN or infinity,
        ToolError when the board does not answer.
        """
        return self.real(self.raw(self.quantized(x)))

    def raw(self, x: np.ndarray) -> np.ndarray:
        """Integer samples (N, tokens, channels) → integer results (N, tokens, channels), int64.

        Raises UserError on a wrong shape or values outside the model's input range, ToolError when the board
        does not answer.
        """
        x = self.checked(x)
        return self._runner.run(x).reshape(len(x), *self.output.shape)

    def quantized(self, x: np.ndarray) -> np.ndarray:
        """The integers that the board gets for real samples; raises UserError as `predict` does."""
        return reference.as_integers(self.input, self.view.samples(np.asarray(x)) if self.view else np.asarray(x))

    def checked(self, x: np.ndarray) -> np.ndarray:
        """Integer samples as they are; raises UserError as `raw` does."""
        return reference.checked_for(self.input, x)

    def real(self, y: np.ndarray) -> np.ndarray:
        """Integer results (samples, tokens, channels) in real units and in the file's shape."""
        real = y * np.asarray(self.output.scale)
        return self.view.results(real) if self.view else real

    def generate(
        self,
        prompt: Sequence[int],
        n: int,
        seed: int = 0,
        *,
        temperature: float | None = None,
        top_k: int | None = None,
    ) -> Iterator[int]:
        """The `n` tokens that a decode engine chooses behind the tokens of `prompt`, each as soon as it has come.

        An engine that was lowered with a temperature draws them where it is given a `seed` from 1 to 65535; the same
        seed gives the same tokens. Where the engine answers with all logits, the host draws them, at `temperature` (by
        default 1), from the `top_k` likeliest ones (by default all). Raises UserError, before anything is sent, for a
        design that is no decode engine, a token that it lacks, more tokens than its context, and a choice that it does
        not have; ToolError when the board does not answer. A newer text ends an older one: its next token is a
        UserError.
        """
        choice = TokenChoice(seed, temperature, top_k)
        self._newest = generating.generate(self._runner, self._design, prompt, n, choice)
        return self._while_newest(self._newest)

    def _while_newest(self, tokens: Iterator[int]) -> Iterator[int]:
        """The tokens of a text, as long as the board's memory holds that one."""
        while True:
            if self._newest is not tokens:
                raise UserError("a board holds one text: a newer one has begun, so this one cannot go on")
            try:
                token = next(tokens)
            except StopIteration:
                return
            yield token

    def close(self) -> None:
        """Give everything back that `connect` opened."""
        self._resources.close()

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(
    design: Design | Path | str,
    port: str | None = None,
    *,
    board: str = "ulx3s-85f",
    overlay: str | None = None,
    timeout: float = 2.0,
    attempts: int = 3,
) -> Device:
    """Open a board that holds `design` (a Design, or the folder of one that `accel lower` wrote).

    `port` is a serial port, or "virtual" to simulate the board; by default, it is the only USB serial port. `board`
    sets the speed of the line. `overlay` is a bitstream for a PYNQ board, which is loaded first. The board has
    `timeout` seconds, in addition to the transfer, to answer each request, and each request is sent up to `attempts`
    times.

    Raises UserError when there is no such port, several could be meant, or the board holds another design;
    ToolError when nothing answers.
    """
    design = design if isinstance(design, Design) else Design.load(Path(design))
    with ExitStack() as opened:
        if overlay is not None:
            runner = opened.enter_context(import_module("boards.overlay").Overlay(design, overlay, timeout))
            return Device(runner, design, opened.pop_all())
        if port == VIRTUAL:
            port = opened.enter_context(VirtualBoard(design, boards.get(board))).port
        baud = boards.get(board).baud
        line = SerialLine(port or find_port(), baud, timeout + transfer_s(design, baud))
        opened.enter_context(closing(line))
        host = Host(line, design, attempts)
        host.check()
        return Device(host, design, opened.pop_all())


def transfer_s(design: Design, baud: float) -> float:
    """Seconds on the line of a request and its answer."""
    payloads = sum(protocol.payload_bytes(stream) for stream in (design.input, design.output))
    return 10 * (payloads + 2 * protocol.OVERHEAD) / baud
