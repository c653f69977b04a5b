"""Faults on the serial line, planted by tests: a host must get the right answer or an exception.

`soak` runs many inferences over a link while it damages both directions, lets hosts die and leaves requests
and answers of theirs behind; `virtual_soak` does so with a virtual board. `soak_generations` and
`virtual_soak_generations` do it with the tokens of a decode engine.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from random import Random

import numpy as np

from accel.design import Design
from accel.errors import ToolError, UserError
from boards import protocol
from boards.board import Board
from boards.generating import generate
from boards.host import Host, Link
from boards.protocol import MAGIC, Frame, Type
from boards.serial_line import SerialLine
from boards.virtual import VirtualBoard

_ATTEMPTS = 12  # of a host on the damaged line
_READS = 10_000  # in one inference: a host that reads on after that hangs
_GIVES_UP = 0.02  # of the reads: the host waits no longer, and what it asked for comes late
_CHECK = 4  # inferences between two questions for the design
_REST = 25  # inferences after which the undamaged line is tried
_TRIES = 5  # of a host on the undamaged line
_PAST = 32  # frames that a replay chooses from
_SILENCE_S = 0.04  # in which the virtual board gives up an incomplete frame, and more
_BAUD = 1_000_000  # a pseudo-terminal ignores it
_KINDS = ("flip", "change", "drop", "insert", "false start", "noise", "repeat", "replay", "cut")

BoardTask = Callable[[Host], bool]
"""Some work on a board, and whether what it answered was right."""
KnownText = tuple[Sequence[int], Sequence[int]]
"""A prompt and the tokens that follow."""


@dataclass
class FaultTally:
    """`inferences` were answered rightly under `faults`; `refused` ones ended with an exception.

    What must not happen: `wrong` answers, and `hangs`: a host that reads for ever, or a board that does not
    answer any more on an undamaged line.
    """

    inferences: int = 0
    faults: int = 0
    refused: int = 0
    wrong: int = 0
    hangs: int = 0


class _Hang(Exception):
    pass


class NoisyLine:
    """A link that damages what passes, in both directions; `faults` counts how often.

    Now and then it repeats what passed long ago, with `repeats_earlier_hosts` also before the present host came.
    """

    def __init__(self, link: Link, rng: Random, *, repeats_earlier_hosts: bool = True) -> None:
        self.faults = 0
        self._link, self._rng, self._repeats_earlier_hosts = link, rng, repeats_earlier_hosts
        self._requests: deque[bytes] = deque(maxlen=_PAST)
        self._answers: deque[bytes] = deque(maxlen=_PAST)
        self._listener = protocol.FrameDecoder()
        self._ready = b""
        self._left = 0  # faults of the answer that are still to come
        self._cut = False  # its rest is lost
        self._reads = 0

    def restart(self, payload_bytes: int) -> None:
        """The next host opens the port; half of them find that another one was there before them."""
        self._reads, self._ready = 0, b""
        if not self._repeats_earlier_hosts:
            self._requests.clear()
        if self._rng.random() < 0.5:
            return
        request = Frame(Type.SAMPLE, self._rng.getrandbits(32), self._rng.randbytes(payload_bytes)).encode()
        left = (
            self._rng.randbytes(self._rng.randint(1, 60)),  # of a terminal program
            request[: self._rng.randrange(1, len(request))],  # of a host that died inside a frame
            request,  # of one that died before the answer
            request * 3,  # of one that did not wait for answers
        )
        self._link.write(self._rng.choice(left))
        self.faults += 1

    def write(self, data: bytes) -> None:
        """Send what is left of a request."""
        self._link.write(self._damaged(data, self._requests, self._count()))
        self._requests.append(data)
        self._cut, self._left = False, self._count()

    def read(self, count: int) -> bytes:
        """Up to `count` bytes of what is left of an answer; fewer when the line stays silent."""
        self._reads += 1
        if self._reads > _READS:
            raise _Hang
        if self._rng.random() < _GIVES_UP:
            self.faults += 1
            return b""
        silent = False
        while len(self._ready) < count and not silent:
            wanted = count - len(self._ready)
            raw = self._link.read(wanted)
            silent = len(raw) < wanted
            now = self._rng.randint(0, self._left) if raw else 0
            self._left -= now
            self._ready += b"" if self._cut else self._damaged(raw, self._answers, now)
            self._answers += [frame.encode() for frame in self._listener.feed(raw)]
        data, self._ready = self._ready[:count], self._ready[count:]
        return data

    def _count(self) -> int:
        """Faults of a request or an answer."""
        return self._rng.choice((0, 0, 0, 1, 2, 3))

    def _damaged(self, data: bytes, past: Sequence[bytes], count: int) -> bytes:
        """`data` after a number of faults."""
        raw = bytearray(data)
        for _ in range(count):
            kind = self._rng.choice(_KINDS)
            _damage(kind, raw, self._rng, past)
            self._cut |= kind == "cut"
            self.faults += 1
        return bytes(raw)


def _damage(kind: str, raw: bytearray, rng: Random, past: Sequence[bytes]) -> None:
    """One fault in `raw`; noise when nothing is left of it or there is nothing to replay."""
    place = rng.randrange(len(raw) + 1)
    inside = min(place, len(raw) - 1)
    match kind if raw and (past or kind != "replay") else "noise":
        case "flip":
            raw[inside] ^= 1 << rng.randrange(8)
        case "change":
            raw[inside] ^= rng.randrange(1, 256)
        case "drop":
            del raw[inside : inside + rng.randint(1, 3)]
        case "insert":
            raw.insert(place, rng.randrange(256))
        case "false start":
            raw[place:place] = MAGIC + raw[2 : rng.randint(2, 9)]
        case "noise":
            raw[place:place] = rng.randbytes(rng.randint(1, 40))
        case "repeat":
            raw[place:place] = raw[inside : inside + rng.randint(1, 20)]
        case "replay":
            place = rng.choice((0, place, len(raw)))
            raw[place:place] = rng.choice(past)
        case "cut":
            del raw[inside:]


def soak(
    link: Link, design: Design, x: np.ndarray, expected: np.ndarray, *, inferences: int, faults: int, seed: int = 0
) -> FaultTally:
    """Run until there are `inferences` right answers and `faults` faults, unless something hangs.

    Integer samples `x` (N, …) and results `expected` (N, …) in stream order are used over and over. `seed` draws
    the faults; only the tags of the requests are others in every run.
    """
    line = NoisyLine(link, Random(seed))
    tasks = [partial(_inferred, sample, right) for sample, right in zip(x, expected, strict=True)]
    return _soak(link, line, design, tasks, inferences, faults)


def soak_generations(
    link: Link, design: Design, texts: Sequence[KnownText], *, generations: int, faults: int, seed: int = 0
) -> FaultTally:
    """`soak` for a decode engine, until so many generations have ended with the right tokens.

    Each text is a prompt with the tokens that follow. A token that comes before an exception has to be right, too. What
    the line repeats late is of the same sequence: the board keeps what it was told of a token.
    """
    line = NoisyLine(link, Random(seed), repeats_earlier_hosts=False)
    return _soak(link, line, design, [partial(_generated, design, *text) for text in texts], generations, faults)


def _soak(
    link: Link, line: NoisyLine, design: Design, tasks: Sequence[BoardTask], inferences: int, faults: int
) -> FaultTally:
    tally, turn = FaultTally(), 0
    while (tally.inferences < inferences or line.faults < faults) and not tally.hangs:
        turn += 1
        task = tasks[turn % len(tasks)]
        line.restart(protocol.payload_bytes(design.input))
        refused = tally.refused
        _try(task, Host(line, design, _ATTEMPTS), tally, check=turn % _CHECK == 0)
        if tally.refused > refused or turn % _REST == 0:
            _recover(task, Host(link, design, _ATTEMPTS), tally)
    tally.faults = line.faults
    return tally


def _inferred(x: np.ndarray, expected: np.ndarray, host: Host) -> bool:
    """Whether the board's results are right."""
    return np.array_equal(host.run(x[None]).reshape(-1), expected.reshape(-1))


def _generated(design: Design, prompt: Sequence[int], expected: Sequence[int], host: Host) -> bool:
    """Whether every token is right, as soon as it comes."""
    given = generate(host, design, prompt, len(expected))
    return all(token == right for token, right in zip(given, expected, strict=True))


def _try(task: BoardTask, host: Host, tally: FaultTally, *, check: bool) -> None:
    try:
        if check:
            host.check()
        right = task(host)
    except UserError:  # the right board taken for another one
        tally.wrong += 1
    except ToolError:
        tally.refused += 1
    except _Hang:
        tally.hangs += 1
    else:
        tally.inferences += right
        tally.wrong += not right


def _recover(task: BoardTask, host: Host, tally: FaultTally) -> None:
    """The line is good again. On a busy machine a virtual board may answer late, which is no hang."""
    for _ in range(_TRIES):
        with suppress(ToolError):
            tally.wrong += not task(host)
            return
    tally.hangs += 1


def virtual_soak(
    design: Design,
    board: Board,
    x: np.ndarray,
    expected: np.ndarray,
    *,
    inferences: int,
    faults: int,
    seed: int = 0,
) -> FaultTally:
    """`soak` over a virtual board's serial port."""
    with _virtual_line(design, board, partial(_inferred, x[0], expected[0])) as line:
        return soak(line, design, x, expected, inferences=inferences, faults=faults, seed=seed)


def virtual_soak_generations(
    design: Design, board: Board, texts: Sequence[KnownText], *, generations: int, faults: int, seed: int = 0
) -> FaultTally:
    """`soak_generations` over a virtual board's serial port."""
    prompt, expected = texts[0]
    with _virtual_line(design, board, partial(_generated, design, prompt[:1], expected[:1])) as line:
        return soak_generations(line, design, texts, generations=generations, faults=faults, seed=seed)


@contextmanager
def _virtual_line(design: Design, board: Board, task: BoardTask) -> Iterator[SerialLine]:
    """A line to a virtual board, which waits as long as `task` takes, a few times over."""
    with VirtualBoard(design, board) as virtual:
        with closing(SerialLine(virtual.port, _BAUD, 10.0)) as line:
            start = time.perf_counter()
            task(Host(line, design))
            patience = _SILENCE_S + 3 * (time.perf_counter() - start)
        with closing(SerialLine(virtual.port, _BAUD, patience)) as line:
            yield line
